#pragma once
// One client connection's protocol, as a state machine without I/O: frames, answers and time go in;
// what it wants done goes out through Actions, synchronously. net/pusher and net/socketio implement
// it; of net they see only the rooms without I/O: session, auth, json and text. Everything runs on the connection's I/O
// thread.

#include "core/bytes.h"
#include "core/clock.h"
#include "core/request.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::net {

// Which wire form a channel's event takes; a hub encodes each event once for each.
// `socketio_plain`: to clients that are not recovered, without offsets.
enum class Wire : std::uint8_t { pusher, socketio, socketio_plain };
inline constexpr std::size_t kWireCount = 3;

enum class ListenMode : std::uint8_t {
  direct,   // the hub writes the shared frame to the socket itself: the fast path
  through,  // the hub hands event and frame to on_event(): while catching up, or to track positions
};

// Asks the application whether a client may join a channel that it brought no proof for.
struct AuthQuestion {
  std::string app;
  SocketId socket;
  std::string channel;
  std::vector<std::pair<std::string, std::string>> headers;  // the client's, of those that are forwarded
  std::string client_address;
};

// A long text that is made piece by piece, as the socket takes it.
class TextSource {
 public:
  virtual ~TextSource() = default;
  [[nodiscard]] virtual std::size_t size() const = 0;  // of the whole
  virtual bool next(std::string& out) = 0;             // appends a piece; false: nothing is left
};

class Actions {
 public:
  virtual ~Actions() = default;
  [[nodiscard]] virtual WallTime wall() const = 0;         // for what was signed with a date
  virtual void send_text(std::string_view payload) = 0;    // one WebSocket text message
  virtual void send_binary(std::string_view payload) = 0;  // one binary message
  virtual void send_frame(const Bytes& frame) = 0;         // a shared frame as on_event() got it
  // One text message that may be larger than what may wait for a client. By default it is made at once.
  virtual void send_long(std::unique_ptr<TextSource> text) {
    std::string whole;
    while (text->next(whole)) {}
    send_text(whole);
  }
  // on_room() is called once, as soon as little waits to be sent.
  virtual void ask_room() = 0;
  virtual void request(Request request) = 0;                // `from` is filled in but for the ticket, which comes back
  virtual void ask_application(AuthQuestion question) = 0;  // an ApplicationAnswer comes to on_reply()
  // Puts this session into the hub's table for the channel, or changes its mode.
  virtual void listen(const ChannelKey& channel, ListenMode mode) = 0;
  virtual void unlisten(const ChannelKey& channel) = 0;
  // Sends what is queued, then a close frame. Nothing is sent after it.
  virtual void close(std::uint16_t code, std::string_view reason, Errc why) = 0;
};

// Where a client's channels, and the users that it speaks for, are said anew, to whoever leads them now.
class Announcer {
 public:
  virtual ~Announcer() = default;
  [[nodiscard]] virtual bool wants(const ChannelKey& place) const = 0;  // a channel, or a user's place
  virtual void announce(ChannelKey channel, Announce::Subscription one) = 0;
  virtual void announce(AnnounceUser user) = 0;
};

enum class EndReason : std::uint8_t { closed_by_client, connection_lost, closed_by_us };

class Protocol {
 public:
  virtual ~Protocol() = default;
  virtual void on_open(MonoTime now, Actions& actions) = 0;
  virtual void on_text(std::string_view payload, MonoTime now, Actions& actions) = 0;
  virtual void on_binary(std::string_view payload, MonoTime now, Actions& actions) = 0;
  // A frame that says nothing yet, as WebSocket's own pings and pongs, but somebody is there. Moves deadline() away or
  // not at all, and does nothing else.
  virtual void on_control(MonoTime now) { (void)now; }
  virtual void on_reply(Reply& reply, MonoTime now, Actions& actions) = 0;
  // ListenMode::through only. `frame` is the event in this protocol's wire form, ready to send.
  virtual void on_event(const ChannelEvent& event, const Bytes& frame, MonoTime now, Actions& actions) = 0;
  // ListenMode::through only: an event that this session does not get, being its sender.
  virtual void on_skipped(const ChannelEvent& event, MonoTime now, Actions& actions) {
    (void)event, (void)now, (void)actions;
  }
  // After ask_room(): the client has taken nearly everything that was sent.
  virtual void on_room(MonoTime now, Actions& actions) { (void)now, (void)actions; }
  // Says which channels the client is on, of those that are wanted.
  virtual void announce(Announcer& to) const { (void)to; }
  // When deadline() has passed. Deadlines may move; the connection asks after each call.
  virtual void on_deadline(MonoTime now, Actions& actions) = 0;
  [[nodiscard]] virtual MonoTime deadline() const = 0;
  // Node drains: tell the client to come back (elsewhere), close.
  virtual void on_drain(MonoTime now, Actions& actions) = 0;
  // The connection is gone: Unsubscribe and SignOut requests. Called once, last; sends nothing.
  virtual void on_end(EndReason reason, MonoTime now, Actions& actions) = 0;
  [[nodiscard]] virtual SocketId socket_id() const = 0;
};

// The text inside a shared frame: what stands behind the header of an unmasked WebSocket frame.
[[nodiscard]] inline std::string_view frame_text(const Bytes& frame) {
  const std::string_view whole = *frame;
  const auto length = whole.size() < 2 ? 0 : static_cast<unsigned char>(whole[1]) & 0x7f;
  return whole.substr(std::min<std::size_t>(whole.size(), length < 126 ? 2 : length == 126 ? 4 : 10));
}

// A channel event in one wire form: payload of a text message, without the WebSocket header.
class Encoder {
 public:
  virtual ~Encoder() = default;
  [[nodiscard]] virtual std::string encode(const ChannelEvent& event) const = 0;
};

}  // namespace parley::net
