#pragma once
// One Engine.IO session, protocol 4 or 3: its transports, heartbeats, upgrade and end; what flows inside is the
// EngineClient's. Without I/O: requests, frames and time go in, what is to be answered or sent goes out through
// EngineOut, synchronously. On the I/O thread of the session's hub only.
//
// A session begins by polling or on a WebSocket. While it polls, what is to be sent waits in a list until a GET
// fetches it; flush() answers the GET that is parked, once a turn, so that what comes together goes together.
// (engine.io-protocol 4; engine.io for statuses and for what ends a session.)

#include "core/clock.h"
#include "net/protocol.h"
#include "net/socketio/engine_packet.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net::socketio {

struct EngineSettings {
  milliseconds ping_interval{25'000};
  milliseconds ping_timeout{20'000};
  milliseconds upgrade_timeout{10'000};
  std::size_t message_bytes_max = 1'000'000;  // of a frame or a polling body; told as maxPayload
  std::size_t packets_per_body_max = 1'000;
  std::size_t queue_bytes_max = 4'194'304;  // waiting for polls; then the session ends: slow consumer
};

enum class EngineTransport : std::uint8_t { polling, websocket };

enum class EngineEnd : std::uint8_t {
  closed_by_client,  // it said so, in Engine.IO's words
  websocket_closed,  // in the WebSocket's: a page that goes, but maybe one that comes back
  transport_lost,
  ping_timeout,
  parse_error,
  closed_by_us,
  slow_consumer,
};
std::string_view end_name(EngineEnd end);  // for metrics

// How polling answers are written.
struct PollForm {
  bool base64_only = false;  // `b64=1`
  bool jsonp = false;
  std::uint32_t jsonp_index = 0;
  std::size_t packets_max = 0;  // that the client, python-engineio, takes at once; 0: any number
};

struct EngineAnswer {
  int status = 200;
  std::string body;
  std::string_view content_type;
};
EngineAnswer engine_error(int code);  // `{"code":3,"message":"Bad request"}` and its status
std::string_view engine_error_message(int code);

class EngineOut {
 public:
  virtual ~EngineOut() = default;
  virtual void answer_poll(EngineAnswer answer) = 0;  // the GET that is parked
  // On the session's WebSocket, or the one that would become it (`probe`).
  virtual void send_text(bool probe, std::string_view packet) = 0;
  virtual void send_binary(std::string_view payload) = 0;
  virtual void send_frame(const Bytes& frame) = 0;  // a finished WebSocket frame that others get too
  virtual void close_websocket(bool probe) = 0;
  virtual void flush_later() = 0;  // flush() at the end of this turn
};

class EngineClient {
 public:
  virtual ~EngineClient() = default;
  virtual void on_engine_open(MonoTime now) = 0;
  virtual void on_message(std::string_view text, MonoTime now) = 0;
  virtual void on_binary_message(std::string_view data, MonoTime now) = 0;
  virtual void on_engine_end(EngineEnd end, MonoTime now) = 0;  // once, last
};

class Engine {
 public:
  Engine(EngineSettings settings, EngineVersion version, std::string sid, EngineOut& out, EngineClient& client);

  // ---- the beginning: one of the two ----
  EngineAnswer open_polling(PollForm form, MonoTime now);  // the answer to the first GET
  void open_websocket(MonoTime now);

  // ---- polling ----
  // A GET. True: it is parked until answer_poll(). False: `refused` is its answer, and the session may be over.
  bool poll(PollForm form, MonoTime now, EngineAnswer& refused);
  EngineAnswer post(std::string_view body, bool binary_body, MonoTime now);
  EngineAnswer post_too_large(MonoTime now);
  EngineAnswer post_refused(MonoTime now);
  EngineAnswer bad_method() const;
  void poll_lost(MonoTime now);  // the connection with the parked GET ended
  void flush(MonoTime now);

  // ---- WebSockets ----
  bool begin_upgrade(MonoTime now);  // a WebSocket for this session came; false: it is to be closed
  void on_frame(bool probe, bool text, std::string_view payload, MonoTime now);
  void heard_control(MonoTime now);  // a ping or pong of WebSocket's own, on the session's WebSocket
  void send_waiting();  // after the frame that ended the upgrade: what waited for a poll goes to the WebSocket
  void websocket_lost(bool probe, bool closed_by_client, MonoTime now);

  // ---- messages; dropped after the end ----
  void send(std::string_view message);   // an Engine.IO message with its digit, as `42["a"]`
  void send_shared(const Bytes& frame);  // a WebSocket text frame that holds one
  void send_binary(std::string_view data);

  void hold_back() { held_back_ = true; }  // close() comes in this turn: what is said until then goes with it
  void close(EngineEnd why, MonoTime now);
  void abandon(MonoTime now);  // over at once; nobody hears the last words
  [[nodiscard]] MonoTime deadline() const;
  void on_deadline(MonoTime now);

  [[nodiscard]] bool sends_frames() const { return state_ == State::open && transport_ == EngineTransport::websocket; }
  [[nodiscard]] std::size_t queue_bytes() const { return queue_bytes_; }  // that wait for polls
  [[nodiscard]] bool parked() const { return parked_; }
  [[nodiscard]] bool over() const { return state_ == State::over; }
  [[nodiscard]] const std::string& sid() const { return sid_; }
  [[nodiscard]] EngineVersion version() const { return version_; }
  [[nodiscard]] EngineTransport transport() const { return transport_; }
  [[nodiscard]] bool upgrading() const { return upgrade_ != Upgrade::none; }
  [[nodiscard]] const EngineSettings& settings() const { return settings_; }

 private:
  enum class State : std::uint8_t { open, closing, over };  // closing: by polling, until a GET took the last words
  enum class Upgrade : std::uint8_t { none, opened, probed };

  [[nodiscard]] std::string open_packet() const;
  void begin(MonoTime now);
  void on_packet(const EnginePacket& packet, MonoTime now);
  void on_probe_frame(bool text, std::string_view payload, MonoTime now);
  void switch_to_websocket(MonoTime now);
  void drop_probe();
  void push(OutPacket packet);
  [[nodiscard]] std::size_t packets_at_once() const;
  std::vector<OutPacket> next_packets();
  void note_size(std::size_t bytes);  // of one that is in the queue
  void send_control(EngineType type);
  void heard_heartbeat(MonoTime now);
  void end(EngineEnd why, MonoTime now);
  void answer_parked(std::string_view packet);
  [[nodiscard]] EngineAnswer payload_answer(const std::vector<OutPacket>& packets) const;

  EngineSettings settings_;
  EngineOut& out_;
  EngineClient& client_;
  std::string sid_;
  std::vector<OutPacket> queue_;  // for polls
  std::size_t first_ = 0;         // in queue_: those before it are sent
  std::size_t queue_bytes_ = 0;
  std::size_t largest_bytes_ = 0;          // of one in it that is larger than the bound: it may be alone
  MonoTime ping_at_ = MonoTime::max();     // protocol 4: when the next ping is due
  MonoTime timeout_at_ = MonoTime::max();  // when the other side's heartbeat is overdue
  MonoTime upgrade_by_ = MonoTime::max();
  MonoTime closed_by_ = MonoTime::max();
  PollForm form_;
  EngineVersion version_;
  EngineTransport transport_ = EngineTransport::polling;
  State state_ = State::open;
  Upgrade upgrade_ = Upgrade::none;
  bool parked_ = false;
  bool flush_asked_ = false;
  bool held_back_ = false;
};

}  // namespace parley::net::socketio
