#pragma once
// Where Engine.IO is served: polling requests and WebSocket upgrades under one path, and which session is on which I/O
// thread. A session lives on the thread of its first request; later ones come over other connections, on any thread,
// and are taken there.
//
// One for each path; shared by all I/O threads. The registry is behind a mutex, everything else is immutable.

#include "core/random.h"
#include "net/engine_session.h"
#include "net/http_handler.h"
#include "net/pusher/context.h"
#include "net/session_factory.h"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

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
  EngineService(pusher::PusherContext& context, Random& random);
  EngineService(pusher::PusherContext& context, Random& random, EngineFixture fixture);
  ~EngineService() override;

  // HttpHandler
  bool handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) override;
  BodyBegins body_begins(std::string_view path, std::string_view query, std::uint64_t bytes) override;
  // SessionFactory
  [[nodiscard]] bool serves(std::string_view path) const override;
  std::variant<Accepted, HttpRefusal> accept(const UpgradeRequest& request) override;

  // ---- for sessions; thread-safe ----
  pusher::PusherContext& context() { return context_; }
  SocketId new_socket();
  std::string new_secret();
  void remember(std::shared_ptr<EngineSession> session);
  void forget(const EngineSession& session);
  void add_socket(SocketId id, std::weak_ptr<EngineSession> session, Hub& hub);
  void remove_socket(SocketId id, const EngineSession& session);
  // Ends the socket on its own thread, then runs `done` on `asker`'s.
  void end_socket(SocketId id, Hub& asker, std::function<void()> done);

 private:
  struct Terms;
  struct Query;
  struct Place {
    std::weak_ptr<EngineSession> session;
    Hub* hub = nullptr;
    const EngineSession* owner = nullptr;
  };

  [[nodiscard]] Terms terms(const Settings& settings) const;
  [[nodiscard]] bool page_allowed(const Settings& settings, std::string_view page, bool jsonp) const;
  Query parse(std::string_view text) const;
  std::shared_ptr<EngineSession> find(const std::string& sid) const;
  socketio::ClientHello hello(const Terms& terms, const Settings& settings, std::string_view origin,
                              std::span<const std::pair<std::string, std::string>> headers, std::string_view address,
                              const Query& query, bool tls, bool over_capacity) const;
  std::shared_ptr<EngineSession> make_session(Hub& hub, const Terms& terms, const Query& query,
                                              socketio::ClientHello hello);
  std::string new_sid(socketio::EngineVersion version);
  void open(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange, const Query& query,
            const Terms& terms);
  void pass_on(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange, const Query& query,
               const Terms& terms);

  pusher::PusherContext& context_;
  Random& random_;
  std::unique_ptr<EngineFixture> fixture_;
  socketio::FixtureMaker fixture_maker_;
  mutable std::mutex mutex_;                                                  // guards what follows; leaf
  std::unordered_map<std::string, std::shared_ptr<EngineSession>> sessions_;  // by sid
  std::unordered_map<SocketId, Place> sockets_;                               // those that may come back
};

}  // namespace parley::net
