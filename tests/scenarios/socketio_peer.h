#pragma once
// One Engine.IO session of a transcript, with the machines of net/socketio and nothing else of the server: what they
// want done is written down, what a node would answer comes from the stage. Does beside them what the server's
// EngineSession does, in the same order.

#include "net/socketio/client.h"
#include "net/socketio/engine.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::scenarios {

// What all sessions of a transcript share.
struct SocketIoWorld {
  struct Kept {
    std::string record;
    WallTime expires;
  };
  struct Subscribed {
    SocketId by;
    SubscriptionId id;
  };
  struct Question {
    std::string pid;
    std::function<void(std::optional<net::socketio::KeptRecord>)> done;
  };
  std::vector<std::string> lines;
  MonoTime now;
  std::deque<std::function<void()>> turn;  // what is done at its end
  std::map<std::string, Kept> kept;        // sessions, by pid: the node's memory
  std::deque<Question> questions;          // after kept sessions, not answered
  bool disk_is_slow = false;               // sessions that are kept are answered when it is over
  std::deque<std::function<void()>> on_disk;
  std::map<std::string, Subscribed> subscribed;
  std::function<void(SocketId)> supersede;
  std::uint32_t last_id = 240;
  std::uint32_t last_secret = 0;

  SocketId new_socket();
};

class SocketIoPeer final : public net::socketio::EngineOut,
                           public net::socketio::ClientHost,
                           public net::socketio::EngineClient {
 public:
  struct Opening {
    net::socketio::EngineSettings settings;
    net::socketio::EngineVersion version = net::socketio::EngineVersion::v4;
    net::socketio::ClientHello hello;
    milliseconds connect_timeout{0};
    const net::socketio::FixtureMaker* fixture = nullptr;
  };
  SocketIoPeer(SocketIoWorld& world, net::SessionContext& context, std::string name, Opening opening);
  ~SocketIoPeer() override;

  // ---- what the other side does ----
  void open_polling(net::socketio::PollForm form);
  void open_websocket();
  void get(net::socketio::PollForm form);
  void post(std::string_view body, bool binary);
  void post_answered(const net::socketio::EngineAnswer& answer);
  void upgrade();  // a second WebSocket comes
  void frame(bool probe, bool text, std::string_view payload);
  void lost(std::string_view what, bool closed_by_client);  // poll, websocket or probe

  // ---- what the hub does ----
  void tell(const ChannelEvent& event);
  bool reply(SocketId to, Reply& reply);  // false: no such socket here
  bool superseded(SocketId id);
  [[nodiscard]] MonoTime deadline() const;
  void on_deadline();
  void settle();  // notes the end

  [[nodiscard]] net::socketio::Engine& engine() { return engine_; }
  void room() { client_.on_room(world_.now); }
  [[nodiscard]] SocketId socket() const;  // the newest namespace's; else one that signs nothing

  // EngineOut
  void answer_poll(net::socketio::EngineAnswer answer) override;
  void send_text(bool probe, std::string_view packet) override;
  void send_binary(std::string_view payload) override;
  void send_frame(const Bytes& frame) override;
  void close_websocket(bool probe) override;
  void flush_later() override;
  // ClientHost
  [[nodiscard]] WallTime wall() const override;
  SocketId new_socket() override { return world_.new_socket(); }
  std::string new_secret() override;
  [[nodiscard]] bool is_secret(std::string_view text) const override;
  net::Actions* add(net::Protocol& end, SocketId id, net::Wire wire) override;
  void remove(SocketId id) override;
  void take_kept(std::string app, std::string pid, milliseconds window,
                 std::function<void(std::optional<net::socketio::KeptRecord>)> done) override;
  void give_back(std::string app, std::string pid, std::string record, WallTime expires) override;
  void supersede(SocketId id, std::function<void()> done) override;
  void later(std::function<void()> work) override { world_.turn.push_back(std::move(work)); }
  // EngineClient: the client's, but the end is written down.
  void on_engine_open(MonoTime now) override { client_.on_engine_open(now); }
  void on_message(std::string_view text, MonoTime now) override { client_.on_message(text, now); }
  void on_binary_message(std::string_view data, MonoTime now) override { client_.on_binary_message(data, now); }
  void on_engine_end(net::socketio::EngineEnd end, MonoTime now) override;

 private:
  class End;

  void write(std::string_view mark, std::string_view what);
  void request(SocketId by, Request request);

  SocketIoWorld& world_;
  std::string name_;
  net::socketio::Client client_;
  net::socketio::Engine engine_;
  std::vector<std::unique_ptr<End>> ends_;
  std::vector<std::unique_ptr<End>> gone_ends_;
  bool websocket_ = false;
  bool probe_ = false;
  bool over_ = false;
};

}  // namespace parley::scenarios
