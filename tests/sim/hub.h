#pragma once
// One I/O thread: the real hub (net/hub/hub.h), its turns and its ticks in virtual time, and connections that have a
// simulated client behind them in the place of a socket.

#include "actors/gateway.h"
#include "net/hub/hub.h"
#include "net/websocket/session_factory.h"
#include "tests/sim/connection.h"
#include "tests/sim/process.h"

#include <functional>
#include <memory>
#include <unordered_map>

namespace parley::sim {

class Hub;

// A connection's server side: a real protocol and the actions it may take. What net/websocket/connection.cpp is around
// the same protocol objects.
class ServerSession final : public ServerEnd,
                            public net::Session,
                            public net::TimerNode,
                            private net::Actions,
                            public std::enable_shared_from_this<ServerSession> {
 public:
  ServerSession(Hub& hub, std::shared_ptr<Connection> connection, SocketId socket, net::Accepted accepted)
      : Session(accepted.wire),
        hub_(hub),
        connection_(std::move(connection)),
        socket_(socket),
        protocol_(std::move(accepted.protocol)),
        in_hub_(accepted.in_hub) {}

  void open();
  // ServerEnd
  void on_frame(std::string_view payload) override;
  void on_gone(Gone how) override;

 private:
  // Session
  void deliver(const Bytes& frame) override { send_text(net::frame_text(frame)); }
  void on_event(const ChannelEvent& event, const Bytes& frame) override;
  void on_skipped(const ChannelEvent& event) override;
  void on_reply(Reply& reply) override;
  void announce(net::Announcer& to) const override {
    if (protocol_ != nullptr) protocol_->announce(to);
  }
  // TimerNode
  MonoTime on_timer(MonoTime now) override;
  // Actions
  [[nodiscard]] WallTime wall() const override;
  void ask_application(net::AuthQuestion question) override;
  void send_text(std::string_view payload) override {
    if (!closing_) connection_->to_client(std::string(payload));
  }
  void send_binary(std::string_view) override {}  // nobody of the simulator's sends any
  void send_frame(const Bytes& frame) override { deliver(frame); }
  void ask_room() override;
  void request(Request request) override;
  void listen(const ChannelKey& channel, net::ListenMode mode) override;
  void unlisten(const ChannelKey& channel) override;
  void close(std::uint16_t code, std::string_view reason, Errc why) override;

  template <class Call>
  void with_protocol(Call&& call);
  void after_call();
  void end(net::EndReason reason);

  Hub& hub_;
  std::shared_ptr<Connection> connection_;
  SocketId socket_;
  std::unique_ptr<net::Protocol> protocol_;
  bool in_hub_;
  bool calling_ = false;
  bool closing_ = false;
};

class Hub {
 public:
  Hub(Scheduler& scheduler, const Plan& plan, Process& process, net::HubWorld world);

  net::Hub& real() { return hub_; }
  Scheduler& scheduler() { return scheduler_; }
  const Plan& plan() const { return plan_; }

  void add(std::shared_ptr<ServerSession> session);
  void let_go(ServerSession& session);  // at the end of the turn: it may be on the stack
  // Whatever happens on the thread is a turn, or part of one.
  template <class Work>
  void turn(Work&& work) {
    work();
    hub_.end_turn();
  }
  void handle(actors::HubMessage& message) {
    turn([&] { hub_.handle(message); });
  }

 private:
  void tick_later(nanoseconds wait);

  Scheduler& scheduler_;
  const Plan& plan_;
  Process& process_;
  std::unordered_map<const ServerSession*, std::shared_ptr<ServerSession>> sessions_;
  Mail<std::function<void()>> posts_;
  net::Hub hub_;
};

}  // namespace parley::sim
