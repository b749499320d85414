#pragma once
// One I/O thread's table, small: who listens where and in which mode, sessions and their timers. What
// net/hub/hub.cpp and net/websocket/connection.cpp do around the real protocol objects, without sockets.

#include "actors/gateway.h"
#include "net/protocol.h"
#include "net/pusher/encoder.h"
#include "tests/sim/connection.h"

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace parley::sim {

class Hub;

// A connection's server side: a real protocol and the actions it may take.
class ServerSession final : public ServerEnd, private net::Actions, public std::enable_shared_from_this<ServerSession> {
 public:
  ServerSession(Hub& hub, std::shared_ptr<Connection> connection, SocketId socket,
                std::unique_ptr<net::Protocol> protocol)
      : hub_(hub), connection_(std::move(connection)), socket_(socket), protocol_(std::move(protocol)) {}

  void open();
  void deliver(const Bytes& frame) {
    if (!closing_) connection_->to_client(*frame);
  }
  void on_event(const ChannelEvent& event, const Bytes& frame);
  void on_reply(Reply& reply);
  void on_frame(std::string_view payload) override;
  void on_gone(Gone how) override;
  [[nodiscard]] SocketId socket() const { return socket_; }

 private:
  [[nodiscard]] WallTime wall() const override;
  void ask_application(net::AuthQuestion question) override;
  void send_text(std::string_view payload) override {
    if (!closing_) connection_->to_client(std::string(payload));
  }
  void send_binary(std::string_view) override {}  // Pusher has none
  void send_frame(const Bytes& frame) override { deliver(frame); }
  void ask_room() override;
  void request(Request request) override;
  void listen(const ChannelKey& channel, net::ListenMode mode) override;
  void unlisten(const ChannelKey& channel) override;
  void close(std::uint16_t code, std::string_view reason, Errc why) override;

  template <class Call>
  void with_protocol(Call&& call);
  void end(net::EndReason reason);
  void schedule();

  Hub& hub_;
  std::shared_ptr<Connection> connection_;
  SocketId socket_;
  std::unique_ptr<net::Protocol> protocol_;
  MonoTime timer_ = MonoTime::max();
  bool closing_ = false;
};

class Hub {
 public:
  using Submit = std::function<void(Request)>;
  Hub(Scheduler& scheduler, const Plan& plan, SessionAddress address, Submit submit)
      : scheduler_(scheduler), plan_(plan), address_(address), submit_(std::move(submit)) {}

  void add(std::shared_ptr<ServerSession> session);
  void remove(ServerSession& session);
  void listen(ServerSession& session, const ChannelKey& channel, net::ListenMode mode);
  void unlisten(ServerSession& session, const ChannelKey& channel);
  void submit(Request request);
  // Answers to requests that no session made: the server's own publishes.
  void on_ticket(std::function<void(Reply&)> answered) { answered_ = std::move(answered); }
  void handle(actors::HubMessage& message);

  [[nodiscard]] SessionAddress address_of(SocketId session) const { return {address_.hub, session, address_.node}; }
  Scheduler& scheduler() { return scheduler_; }
  const Plan& plan() const { return plan_; }

 private:
  struct Row {
    ServerSession* session;
    net::ListenMode mode;
  };
  void fan_out(const ChannelEvent& event);

  Scheduler& scheduler_;
  const Plan& plan_;
  SessionAddress address_;
  Submit submit_;
  std::function<void(Reply&)> answered_;
  net::pusher::PusherEncoder encoder_;
  std::unordered_map<SocketId, std::shared_ptr<ServerSession>> sessions_;
  std::unordered_map<ChannelKey, std::vector<Row>> channels_;
};

}  // namespace parley::sim
