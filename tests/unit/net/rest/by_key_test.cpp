// laravel-echo-server's HTTP API: by a key instead of a signature, in its forms.

#include "tests/unit/net/rest/world.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

constexpr const char* kKey = "a-key-of-laravel-echo-server";

class RestByKeyTest : public test::RestTest {
 protected:
  RestByKeyTest() {
    auto with = std::make_shared<Settings>(*world.values);
    with->apps[0].api_keys = {"another-key-of-good-length", kKey};
    with->apps[1].api_keys = {kKey};
    world.source.replace(with);
  }
  std::shared_ptr<test::FakeExchange> by_header(std::string method, std::string path, std::string body = "",
                                                std::string header = std::string("Bearer ") + kKey) {
    HttpRequest request{.method = std::move(method), .path = std::move(path), .body = std::move(body)};
    request.headers.emplace_back("authorization", std::move(header));
    return send(request);
  }
  static void expect_body(const std::shared_ptr<test::FakeExchange>& exchange, int status, std::string_view body) {
    ASSERT_TRUE(exchange->response);
    EXPECT_EQ(exchange->response->status, status) << exchange->response->body;
    EXPECT_EQ(exchange->response->body, body);
  }
  static void expect_unauthorized(const std::shared_ptr<test::FakeExchange>& exchange) {
    expect_body(exchange, 403, R"({"error":"Unauthorized"})");
  }
  static ChannelInfo channel(std::string_view name, std::uint64_t subscriptions, std::uint64_t users = 0) {
    return {.channel = ChannelKey("4711", name), .subscriptions = subscriptions, .users = users};
  }
};

TEST_F(RestByKeyTest, PublishesAndSaysOk) {
  const auto exchange = by_header("POST", "/apps/4711/events",
                                  R"({"name":"App\\Events\\Sent","data":{"n":1.10},"channels":["news","private-a"]})");
  ASSERT_EQ(world.asked.size(), 2U);
  const auto& publish = std::get<Publish>(world.asked[1].request.what);
  EXPECT_EQ(publish.channel.text(), "4711/private-a");
  EXPECT_EQ(publish.event, "App\\Events\\Sent");
  EXPECT_EQ(publish.data, R"({"n":1.10})");
  EXPECT_TRUE(publish.once.empty()) << "nothing was signed that could be replayed";
  published_all();
  expect_body(exchange, 200, R"({"message":"ok"})");
}

TEST_F(RestByKeyTest, TheSameTwiceIsPublishedTwice) {
  for (int i = 0; i < 2; ++i) {
    const auto exchange = by_header("POST", "/apps/4711/events", R"({"name":"e","data":"1","channel":"news"})");
    published_all();
    expect_body(exchange, 200, R"({"message":"ok"})");
  }
}

TEST_F(RestByKeyTest, ASocketOfAnotherServerExcludesNobody) {
  by_header("POST", "/apps/4711/events",
            R"({"name":"e","data":"1","channel":"news","socket_id":"5wIdMlNoRbnFBVd2AAAA"})");
  EXPECT_FALSE(only<Publish>().except.exists());
  world.asked.clear();
  by_header("POST", "/apps/4711/events", R"({"name":"e","data":"1","channel":"news","socket_id":"241.880612"})");
  EXPECT_EQ(only<Publish>().except.text(), "241.880612");
  world.asked.clear();
  expect_error(
      post("/apps/4711/events", R"({"name":"e","data":"1","channel":"news","socket_id":"5wIdMlNoRbnFBVd2AAAA"})"), 400,
      "bad_request");
}

TEST_F(RestByKeyTest, TheKeyMayStandInTheQuery) {
  HttpRequest request{.method = "GET", .path = "/apps/4711/channels/news"};
  request.query = std::string("auth_key=") + kKey;
  const auto exchange = send(request);
  answer(channel("news", 2));
  expect_body(exchange, 200, R"({"subscription_count":2,"occupied":true})");
}

TEST_F(RestByKeyTest, WrongAndMissingKeysAreUnauthorized) {
  for (const auto* header :
       {"Bearer wrong-key-of-good-length", "Bearer", "Bearer ", "Basic a-key-of-laravel-echo-server",
        "a-key-of-laravel-echo-server", "Bearer app-key-demo", "Bearer app-secret-demo"}) {
    expect_unauthorized(by_header("GET", "/apps/4711/status", "", header));
  }
  expect_unauthorized(send({.method = "GET", .path = "/apps/4711/channels"}));
  HttpRequest query{.method = "GET", .path = "/apps/4711/channels"};
  query.query = "auth_key=app-key-demo";
  expect_unauthorized(send(query));
  query.query = std::string("auth_key=") + kKey;
  query.headers.emplace_back("authorization", "Bearer wrong-key-of-good-length");
  expect_unauthorized(send(query));  // the header counts
  EXPECT_EQ(world.metrics.authorizations_refused("request").value(), 10);
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(RestByKeyTest, ASignatureCountsAsBefore) {
  auto request = signed_request("GET", "/apps/4711/channels/news");
  request.headers.emplace_back("authorization", "Bearer wrong-key-of-good-length");
  const auto exchange = send(request);
  answer(channel("news", 2));
  expect_body(exchange, 200, R"({"occupied":true,"subscription_count":2})");
  request.query.back() = request.query.back() == '0' ? '1' : '0';
  expect_error(send(request), 401, "unauthorized");
}

TEST_F(RestByKeyTest, WithoutKeysNothingChanges) {
  world.source.replace(world.values);
  expect_error(by_header("GET", "/apps/4711/channels"), 401, "unauthorized");
  HttpRequest query{.method = "GET", .path = "/apps/4711/status"};
  query.query = std::string("auth_key=") + kKey;
  expect_error(send(query), 401, "unauthorized");
}

TEST_F(RestByKeyTest, OpensItsOwnPathsOnly) {
  expect_error(by_header("GET", "/apps/4711/users"), 404, "not_found");
  expect_error(by_header("DELETE", "/apps/4711/channels/news/history"), 404, "not_found");
  expect_error(by_header("POST", "/apps/4711/users/7/ban", R"({"for_seconds":60})"), 404, "not_found");
  expect_error(by_header("POST", "/apps/4711/batch_events", R"({"batch":[]})"), 404, "not_found");
  expect_error(by_header("GET", "/apps/off/status"), 403, "app_disabled");
  expect_error(by_header("GET", "/apps/unknown/status"), 404, "unknown_app");
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(RestByKeyTest, ChannelsWithTheirCounts) {
  HttpRequest request{.method = "GET", .path = "/apps/4711/channels"};
  request.query = std::string("filter_by_prefix=presence-&auth_key=") + kKey;
  const auto exchange = send(request);
  EXPECT_EQ(only<ListChannels>().prefix, "presence-");
  ChannelList list;
  list.channels = {channel("presence-a", 3, 2), channel("presence-b", 0), channel("presence-c", 1, 1)};
  answer(list);
  expect_body(exchange, 200,
              R"({"channels":{"presence-a":{"subscription_count":3,"occupied":true},)"
              R"("presence-c":{"subscription_count":1,"occupied":true}}})");
}

TEST_F(RestByKeyTest, OneChannel) {
  auto exchange = by_header("GET", "/apps/4711/channels/presence-a");
  answer(channel("presence-a", 3, 2));
  expect_body(exchange, 200, R"({"subscription_count":3,"occupied":true,"user_count":2})");
  exchange = by_header("GET", "/apps/4711/channels/presence-a");
  answer(channel("presence-a", 0));
  expect_body(exchange, 200, R"({"subscription_count":0,"occupied":false,"user_count":0})");
  expect_error(by_header("GET", "/apps/4711/channels/a%20b"), 400, "bad_channel_name");
}

// Laravel's ids were numbers on laravel-echo-server's wire, and its applications compare them as such.
TEST_F(RestByKeyTest, UsersWithNumbersForIds) {
  const auto exchange = by_header("GET", "/apps/4711/channels/presence-a/users");
  Members members;
  for (const auto& [id, user_info] : {std::pair{"42", R"({"name":"Ada"})"},
                                      {"ada", ""},
                                      {"042", "1"},
                                      {"-7", "[]"},
                                      {"9007199254740993", "null"},
                                      {"4.2", "2"}}) {
    members.members.push_back(std::make_shared<const Member>(Member{id, user_info}));
  }
  answer(members);
  expect_body(exchange, 200,
              R"({"users":[{"id":42,"user_info":{"name":"Ada"}},{"id":"ada","user_info":null},)"
              R"({"id":"042","user_info":1},{"id":-7,"user_info":[]},{"id":"9007199254740993","user_info":null},)"
              R"({"id":"4.2","user_info":2}]})");
  expect_body(by_header("GET", "/apps/4711/channels/private-a/users"), 400,
              R"({"error":"User list is only possible for Presence Channels"})");
}

TEST_F(RestByKeyTest, StatusByKeyAndBySignature) {
  world.rest = std::make_shared<RestApi>(world.context, nullptr,
                                         ProcessAbout{world.clock.now(), [] { return std::uint64_t{5'000'000}; }});
  world.clock.advance(milliseconds(61'500));
  const auto slot = world.context.take_slot(world.source.current()->apps[0]);
  constexpr auto kStatus = R"({"subscription_count":1,"uptime":61.500,"memory_usage":{"rss":5000000}})";
  for (auto request :
       {signed_request("GET", "/apps/4711/status"), HttpRequest{.method = "GET", .path = "/apps/4711/status"}}) {
    if (request.query.empty()) request.headers.emplace_back("authorization", std::string("bearer ") + kKey);
    const auto exchange = std::make_shared<test::FakeExchange>(world);
    EXPECT_TRUE(world.rest->handle(request, exchange));
    expect_body(exchange, 200, kStatus);
  }
}

TEST_F(RestByKeyTest, RefusalsOfTheNodeAreErrors) {
  auto exchange = by_header("POST", "/apps/4711/events", R"({"name":"e","data":"1","channel":"news"})");
  answer(PublishRefused{.channel = ChannelKey("4711", "news"), .ack = 0, .error = make_error(Errc::overloaded)});
  expect_error(exchange, 503, "overloaded");
  expect_error(by_header("POST", "/apps/4711/events", "{"), 400, "bad_request");
  expect_error(by_header("POST", "/apps/4711/events", R"({"name":"e","channel":"news"})"), 400, "bad_request");
}

}  // namespace
}  // namespace parley::net
