#include "net/websocket/session_factory.h"

#include "net/pusher/handshake.h"
#include "net/pusher/protocol.h"

#include <utility>

namespace parley::net {

namespace {

// Says one thing and closes.
class Refusal final : public Protocol {
 public:
  Refusal(std::string frame, std::uint16_t close_code, Error error)
      : frame_(std::move(frame)), error_(std::move(error)), close_code_(close_code) {}

  void on_open(MonoTime, Actions& actions) override {
    actions.send_text(frame_);
    actions.close(close_code_, error_.message, error_.code);
  }
  void on_text(std::string_view, MonoTime, Actions&) override {}
  void on_binary(std::string_view, MonoTime, Actions&) override {}
  void on_reply(Reply&, MonoTime, Actions&) override {}
  void on_event(const ChannelEvent&, const Bytes&, MonoTime, Actions&) override {}
  void on_deadline(MonoTime, Actions&) override {}
  [[nodiscard]] MonoTime deadline() const override { return MonoTime::max(); }
  void on_drain(MonoTime, Actions&) override {}
  void on_end(EndReason, MonoTime, Actions&) override {}
  [[nodiscard]] SocketId socket_id() const override { return {}; }

 private:
  std::string frame_;
  Error error_;
  std::uint16_t close_code_;
};

class PusherSessions final : public SessionFactory {
 public:
  explicit PusherSessions(SessionContext& context) : context_(context) {}

  [[nodiscard]] bool serves(std::string_view path) const override { return pusher::is_pusher_path(path); }

  [[nodiscard]] bool joins(std::string_view) const override { return false; }
  std::variant<Accepted, HttpRefusal> accept(const UpgradeRequest& request) override {
    if (request.draining) return refuse(make_error(Errc::reconnect));
    auto session = pusher::judge_handshake(context_, {.path = request.path,
                                                      .query = request.query,
                                                      .origin = request.origin,
                                                      .headers = request.headers,
                                                      .wall = request.wall,
                                                      .tls = request.tls,
                                                      .socket = request.socket,
                                                      .client_address = request.client_address,
                                                      .over_capacity = request.over_capacity});
    if (session) return Accepted{pusher::make_pusher_protocol(std::move(*session)), Wire::pusher};
    // A browser on a foreign page shall not even get a connection. Everything else is told after the
    // upgrade, because stock clients take a failed upgrade for a broken network and retry for ever.
    if (session.error().code == Errc::origin_refused) return HttpRefusal{403, session.error()};
    return refuse(session.error());
  }

 private:
  static Accepted refuse(const Error& error) {
    return {make_refusal(pusher::refusal_frame(error), close_code(error.code), error), Wire::pusher};
  }

  SessionContext& context_;
};

}  // namespace

std::shared_ptr<SessionFactory> make_pusher_sessions(SessionContext& context) {
  return std::make_shared<PusherSessions>(context);
}

std::unique_ptr<Protocol> make_refusal(std::string frame, std::uint16_t close_code, Error error) {
  return std::make_unique<Refusal>(std::move(frame), close_code, std::move(error));
}

}  // namespace parley::net
