#pragma once
// A node that answers what the test says, and requests without sockets.

#include "net/auth/http_signature.h"
#include "net/http/handler.h"
#include "net/rest/api.h"
#include "net/session/context.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace parley::net::test {

struct Asked {
  Request request;
  std::function<void(Reply&)> done;

  void answer(decltype(Reply::what) what) {
    Reply reply{{}, std::move(what)};
    done(reply);
  }
};

struct World {
  ManualClock clock;
  std::shared_ptr<Settings> values = std::make_shared<Settings>();
  SettingsSource source{values};
  Metrics metrics;
  Revocations revocations;
  SessionContext context{source, metrics, revocations};
  std::shared_ptr<RestApi> rest = std::make_shared<RestApi>(context);
  RestApi& api = *rest;
  std::deque<Asked> asked;

  World() {
    values->rules = default_rules();
    values->apps.push_back({.id = "4711", .name = "demo", .key = "app-key-demo", .secret = "app-secret-demo"});
    values->apps.push_back({.id = "off", .name = "off", .key = "off-key", .secret = "off-secret", .enabled = false});
  }
};

class FakeExchange final : public Exchange {
 public:
  explicit FakeExchange(World& world) : world_(world) {}
  void respond(HttpResponse answer) override {
    EXPECT_FALSE(response) << "answered twice";
    response = std::move(answer);
  }
  void request(Request request, std::function<void(Reply&)> done) override {
    world_.asked.push_back({std::move(request), std::move(done)});
  }
  MonoTime now() const override { return world_.clock.now(); }
  WallTime wall() const override { return world_.clock.wall(); }
  SettingsPtr settings() const override { return world_.source.current(); }

  std::optional<HttpResponse> response;

 private:
  World& world_;
};

class RestTest : public testing::Test {
 protected:
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  HttpRequest signed_request(std::string method, std::string path, std::string body = "", Parameters parameters = {}) {
    HttpRequest request{.method = std::move(method), .path = std::move(path), .body = std::move(body)};
    request.query = auth::sign_request("app-key-demo", "app-secret-demo", {request.method, request.path, request.body},
                                       std::move(parameters), world.clock.wall());
    return request;
  }
  std::shared_ptr<FakeExchange> send(const HttpRequest& request) {
    auto exchange = std::make_shared<FakeExchange>(world);
    EXPECT_TRUE(world.api.handle(request, exchange));
    return exchange;
  }
  std::shared_ptr<FakeExchange> post(std::string path, std::string body) {
    return send(signed_request("POST", std::move(path), std::move(body)));
  }
  std::shared_ptr<FakeExchange> get(std::string path, Parameters parameters = {}) {
    return send(signed_request("GET", std::move(path), "", std::move(parameters)));
  }
  std::shared_ptr<FakeExchange> del(std::string path) { return send(signed_request("DELETE", std::move(path))); }
  template <class What>
  const What& only() {
    EXPECT_EQ(world.asked.size(), 1U);
    return std::get<What>(world.asked.front().request.what);
  }
  void published_all() {
    while (!world.asked.empty()) {
      auto one = std::move(world.asked.front());
      world.asked.pop_front();
      one.answer(Published{.channel = std::get<Publish>(one.request.what).channel});
    }
  }
  // The one request gets this answer and is forgotten.
  void answer(decltype(Reply::what) what) {
    ASSERT_EQ(world.asked.size(), 1U);
    auto one = std::move(world.asked.front());
    world.asked.pop_front();
    one.answer(std::move(what));
  }
  static std::string error_of(const FakeExchange& exchange) {
    const auto body = boost::json::parse(exchange.response->body).as_object();
    EXPECT_TRUE(body.at("message").is_string());
    EXPECT_TRUE(body.at("remedy").is_string());
    return std::string(body.at("error").as_string());
  }
  void expect_error(const std::shared_ptr<FakeExchange>& exchange, int status, std::string_view name) {
    ASSERT_TRUE(exchange->response);
    EXPECT_EQ(exchange->response->status, status) << exchange->response->body;
    EXPECT_EQ(error_of(*exchange), name) << exchange->response->body;
  }

  World world;
};

}  // namespace parley::net::test
