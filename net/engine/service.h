#pragma once
// Where Engine.IO is served: polling requests and WebSocket upgrades under one path. Requests of a session that lives
// on another I/O thread are taken there.
//
// One for each path; shared by all I/O threads, immutable but for the registry.

#include "net/engine/registry.h"
#include "net/http/handler.h"
#include "net/session/context.h"
#include "net/websocket/session_factory.h"

#include <memory>
#include <string>
#include <string_view>

namespace parley::net {

// What the paths of conformance mode have instead of the settings.
struct EngineFixture {
  std::string path;  // no slash at the end
  socketio::EngineSettings engine;
  milliseconds connect_timeout{1'000};
  bool echo = false;      // Engine.IO messages; else Socket.IO's namespaces
  bool recovery = false;  // of those
  std::vector<std::string> cors_origins{"*"};
};

class EngineService final : public HttpHandler, public SessionFactory {
 public:
  // By the settings in force, for applications; or, with a fixture, for conformance suites.
  EngineService(SessionContext& context, Random& random);
  EngineService(SessionContext& context, Random& random, EngineFixture fixture);
  ~EngineService() override;

  // HttpHandler
  bool handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) override;
  BodyBegins body_begins(std::string_view path, std::string_view query, std::uint64_t bytes) override;
  // SessionFactory
  [[nodiscard]] bool serves(std::string_view path) const override;
  [[nodiscard]] bool joins(std::string_view query) const override;
  std::variant<Accepted, HttpRefusal> accept(const UpgradeRequest& request) override;

 private:
  struct Terms;
  struct Query;

  [[nodiscard]] Terms terms(const Settings& settings) const;
  [[nodiscard]] bool page_allowed(const Settings& settings, std::string_view page, bool jsonp) const;
  Query parse(std::string_view text) const;
  socketio::ClientHello hello(const Settings& settings, std::string_view origin,
                              std::span<const std::pair<std::string, std::string>> headers, std::string_view address,
                              const Query& query, bool tls, bool over_capacity) const;
  std::shared_ptr<EngineSession> make_session(Hub& hub, const Terms& terms, const Query& query,
                                              socketio::ClientHello hello);
  void open(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange, const Query& query,
            const Terms& terms);
  void pass_on(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange, const Query& query,
               const Terms& terms);

  SessionContext& context_;
  EngineRegistry registry_;
  std::unique_ptr<EngineFixture> fixture_;
  socketio::FixtureMaker fixture_maker_;
};

}  // namespace parley::net
