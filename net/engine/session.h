#pragma once
// One Engine.IO session on its hub: the poll that is parked, the WebSocket or the two of an upgrade, the timers, and
// the hub's ends of its Socket.IO namespaces. What the protocol says is net/socketio's (Engine, Client); this carries
// it out.
//
// Kept alive by the registry (net/engine/registry.h) from its opening to its end. On its hub's I/O thread only, but for
// the registry's look at sid() and hub().

#include "net/address/address_shares.h"
#include "net/hub/hub.h"
#include "net/hub/session.h"
#include "net/hub/timer_wheel.h"
#include "net/protocol.h"
#include "net/socketio/client.h"
#include "net/socketio/engine.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net {

class EngineRegistry;
class EngineWebSocket;

class EngineSession final : public std::enable_shared_from_this<EngineSession>,
                            public TimerNode,
                            public Guest,
                            private socketio::EngineOut,
                            private socketio::ClientHost {
 public:
  using Answer = std::function<void(socketio::EngineAnswer)>;
  std::atomic<int> posting{0};  // bodies that are being read; from any thread

  struct Opening {
    socketio::EngineSettings settings;
    socketio::EngineVersion version;
    std::string sid;
    socketio::ClientHello hello;
    milliseconds connect_timeout{45'000};
    const socketio::FixtureMaker* fixture = nullptr;  // conformance: namespaces that answer
    bool echo = false;                                // conformance: no Socket.IO at all
  };
  EngineSession(EngineRegistry& registry, SessionContext& context, Hub& hub, Opening opening);
  ~EngineSession() override;

  [[nodiscard]] const std::string& sid() const { return engine_.sid(); }
  [[nodiscard]] Hub& hub() const { return hub_; }
  std::uint64_t new_poll() { return polls_.fetch_add(1, std::memory_order_relaxed) + 1; }  // from any thread

  // ---- polling; `place` counts the session among those that open, and as a client once that comes back ----
  void open_polling(socketio::PollForm form, AddressShares::Place place, const Answer& answer);
  // The number tells polls of a session apart: what is lost may have been answered, and another one may be parked.
  void poll(std::uint64_t number, socketio::PollForm form, Answer answer);
  void poll_lost(std::uint64_t number);
  void post(std::string_view body, bool binary, const Answer& answer);
  void post_too_large(const Answer& answer);
  void post_refused(const Answer& answer);  // another one is being read
  void bad_method(const Answer& answer);
  static socketio::EngineAnswer over_capacity();

  // ---- WebSockets, by EngineWebSocket ----
  void websocket_open(EngineWebSocket& socket, bool upgrade);
  void websocket_frame(EngineWebSocket& socket, bool text, std::string_view payload);
  void websocket_control(EngineWebSocket& socket, MonoTime now);
  void websocket_lost(EngineWebSocket& socket, EndReason reason);
  void websocket_room(EngineWebSocket& socket);

  // The socket of this id is taken over by its client's new connection.
  void end_socket(SocketId id);
  void drain() override;
  void abort() override;

 private:
  class End;

  MonoTime on_timer(MonoTime now) override;
  void after(MonoTime now);      // every call from outside ends with it
  bool came_back(MonoTime now);  // false: there is no place for the client, and the session is over

  // EngineOut
  void answer_poll(socketio::EngineAnswer answer) override;
  void send_text(bool probe, std::string_view packet) override;
  void send_binary(std::string_view payload) override;
  void send_frame(const Bytes& frame) override;
  void close_websocket(bool probe) override;
  void flush_later() override;

  void ask_room();
  void give_room();  // to those who asked, if there is

  // ClientHost
  [[nodiscard]] WallTime wall() const override;
  SocketId new_socket() override;
  std::string new_secret() override;
  [[nodiscard]] bool is_secret(std::string_view text) const override;
  Actions* add(Protocol& end, SocketId id, Wire wire) override;
  void remove(SocketId id) override;
  void take_kept(std::string app, std::string pid, milliseconds window,
                 std::function<void(std::optional<socketio::KeptRecord>)> done) override;
  void give_back(std::string app, std::string pid, std::string record, WallTime expires) override;
  void supersede(SocketId id, std::function<void()> done) override;
  void later(std::function<void()> work) override;

  std::atomic<std::uint64_t> polls_{0};
  EngineRegistry& registry_;
  Hub& hub_;
  Origin origin_;  // where its client was when it opened
  std::unique_ptr<socketio::EngineClient> client_;
  socketio::Client* socketio_ = nullptr;  // client_, unless it is an echo
  socketio::Engine engine_;
  std::vector<std::unique_ptr<End>> ends_;
  std::vector<std::unique_ptr<End>> gone_ends_;  // until the turn is over
  Answer poll_;
  std::uint64_t poll_number_ = 0;  // of the newest that was accepted
  EngineWebSocket* websocket_ = nullptr;
  EngineWebSocket* probe_ = nullptr;
  AddressShares::Place place_;
  bool room_asked_ = false;
  bool polled_ = false;  // its client came back, and is counted as an open connection
  bool finished_ = false;
};

// The Protocol of a WebSocket that carries an Engine.IO session.
class EngineWebSocket final : public Protocol {
 public:
  EngineWebSocket(std::shared_ptr<EngineSession> session, bool upgrade)
      : session_(std::move(session)), upgrade_(upgrade) {}

  void on_open(MonoTime now, Actions& actions) override;
  void on_text(std::string_view payload, MonoTime now, Actions& actions) override;
  void on_binary(std::string_view payload, MonoTime now, Actions& actions) override;
  void on_control(MonoTime now) override;
  void on_reply(Reply&, MonoTime, Actions&) override {}
  void on_event(const ChannelEvent&, const Bytes&, MonoTime, Actions&) override {}
  void on_room(MonoTime now, Actions& actions) override;
  void on_deadline(MonoTime, Actions&) override {}
  [[nodiscard]] MonoTime deadline() const override { return MonoTime::max(); }
  void on_drain(MonoTime now, Actions& actions) override;
  void on_end(EndReason reason, MonoTime now, Actions& actions) override;
  [[nodiscard]] SocketId socket_id() const override { return {}; }

  [[nodiscard]] Actions* actions() const { return actions_; }
  // The session is over or goes on elsewhere.
  void let_go() { session_.reset(); }

 private:
  std::shared_ptr<EngineSession> session_;
  Actions* actions_ = nullptr;
  bool upgrade_;
};

}  // namespace parley::net
