#pragma once
// One namespace of a Socket.IO client: laravel-echo-server's events in, and what a channel session says in its words
// out. The parts: socket.cpp (connect, dispatch, end), socket_events.cpp (what clients ask), socket_output.cpp (what is
// said), recovery.cpp (kept in the log, taken up again).
//
// A socket belongs to a Client (client.h), on its hub's I/O thread. What it sends through Actions is text of an
// Engine.IO message; where that goes, a WebSocket or a poll, is not its business.

#include "net/session/channel_session.h"
#include "net/socketio/engine_packet.h"
#include "net/socketio/headers.h"
#include "net/socketio/kept.h"
#include "net/socketio/packet.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net::socketio {

// What a Client has connected under a namespace: an application's socket, or the fixture of conformance suites.
class NamespaceEnd {
 public:
  virtual ~NamespaceEnd() = default;
  // An event with its arguments; attachments in their order. Acks and the rest of the packets are the Client's.
  virtual void on_packet(const Packet& packet, const std::vector<std::string>& attachments, MonoTime now,
                         Actions& actions) = 0;
  [[nodiscard]] virtual Protocol& protocol() = 0;
  // Its client has come back by another connection: what is kept is that one's now.
  virtual void taken_over() {}
  // Its client spoke no Socket.IO: it is not taken up again.
  virtual void give_up() {}
};

// Codes for Actions::close() of a socket: what ends beside it.
inline constexpr std::uint16_t kEndNamespace = 0;        // the client is told; it does not come back by itself
inline constexpr std::uint16_t kEndConnection = 1;       // the client comes back
inline constexpr std::uint16_t kNotRecovered = 2;        // a new socket takes the place of this one
inline constexpr std::chrono::hours kKeptWhileLive{12};  // renewed at half of it

struct SocketTerms {
  std::string nsp = "/";
  EngineVersion version = EngineVersion::v4;
  std::string sid;    // as the client knows it; in protocol 4 the socket id
  std::string token;  // that it connected with; only until it is restored
  std::string pid;    // under which it is kept; empty: it is not
  milliseconds recovery_window{0};
  Headers headers;  // of the CONNECT payload, for asking the application
  // To be taken up again, each channel from where the client says. Idle sockets do not carry it.
  struct Returning {
    KeptSession kept;
    GoingOn on;
    WallTime expires;  // when it would have been over
  };
  std::unique_ptr<Returning> returning;
};

class Socket final : public ChannelSession, public NamespaceEnd {
 public:
  Socket(Admitted session, SocketTerms terms);

  void on_packet(const Packet& packet, const std::vector<std::string>& attachments, MonoTime now,
                 Actions& actions) override;
  [[nodiscard]] Protocol& protocol() override { return *this; }
  void taken_over() override { terms_.pid.clear(); }
  void give_up() override { left_ = true; }
  [[nodiscard]] std::string known_as() const override { return terms_.sid; }
  void note_left(Actions& actions) override;
  void note_identity(Actions& actions) override;
  // For a new socket in the place of this one, which could not be taken up again.
  [[nodiscard]] SocketTerms terms_for_another() const;
  [[nodiscard]] const std::string& token() const { return terms_.token; }

  void on_open(MonoTime now, Actions& actions) override;
  void on_reply(Reply& reply, MonoTime now, Actions& actions) override;
  void on_text(std::string_view payload, MonoTime now, Actions& actions) override;
  void on_binary(std::string_view payload, MonoTime now, Actions& actions) override;
  void on_skipped(const ChannelEvent& event, MonoTime now, Actions& actions) override;
  void on_deadline(MonoTime now, Actions& actions) override;
  [[nodiscard]] MonoTime deadline() const override;
  void on_drain(MonoTime now, Actions& actions) override;
  void on_end(EndReason reason, MonoTime now, Actions& actions) override;

 private:
  // What waits while a kept session is taken up again: the missed publications, then what is told after them.
  struct Restoring {
    KeptSession kept;
    WallTime expires;
    std::vector<TaggedOffset> unnamed;  // of GoingOn
    std::vector<std::string> missed;
    std::vector<std::string> after;
    std::map<std::string, Position, std::less<>> since;       // what the client has
    std::map<std::string, std::string, std::less<>> members;  // who it was, per presence channel
    std::size_t bytes = 0;
    std::size_t channels_left = 0;
    MonoTime until = kNever;
    bool failed = false;
  };

  // socket.cpp
  void say(std::string text, Actions& actions);
  void say_missed(std::string text, Actions& actions);
  void say_or_hold(std::string text, std::vector<std::string> Restoring::*where, Actions& actions);
  void send_connect(Actions& actions);
  void dispatch(std::string_view event, const Packet& packet, MonoTime now, Actions& actions);

  // socket_events.cpp
  Status subscribe(std::string_view argument, std::uint64_t ticket, Actions& actions);
  Status unsubscribe(std::string_view argument, std::uint64_t ticket, Actions& actions);
  Status client_event(std::string_view argument, std::uint64_t ticket, MonoTime now, Actions& actions);
  Status ask_presence(std::string_view argument, std::uint64_t ticket, MonoTime now, Actions& actions);
  void answer(std::uint64_t ticket, std::string_view json, Actions& actions);
  // What is done at once: errors that are said meanwhile are the answer, else it is `{}`.
  void answer_asked(std::string_view channel, const std::string& json, Actions& actions);
  template <class Work>
  void answer_after(std::uint64_t ticket, Actions& actions, Work&& work);

  // socket_output.cpp
  void say_succeeded(const Subscription& subscription, const Succeeded& what, Actions& actions) override;
  void say_refused(std::string_view channel, const Error& error, Actions& actions) override;
  void say_gap(std::string_view channel, Epoch epoch, Offset after, Offset before, Actions& actions) override;
  void say_cache_miss(std::string_view channel, Actions& actions) override;
  void say_publication(Subscription& subscription, const Publication& publication, Actions& actions) override;
  void say_frame(Subscription& subscription, const Bytes& frame, Position position, Actions& actions) override;
  void say_error(const Error& error, Actions& actions) override;
  void say_signed_in(std::string_view user_data, Actions& actions) override;
  void say_token_accepted(WallTime expires, Actions& actions) override;
  void say_token_expiring(seconds in, Actions& actions) override;
  void say_watchlist(const WatchlistChanged& what, Actions& actions) override;
  void say_published(const Published& what, Actions& actions) override;
  void say_not_published(const PublishRefused& what, Actions& actions) override;
  void say_status(std::uint64_t ticket, std::string_view channel, const UserList& list, Actions& actions) override;
  void say_history(std::uint64_t ticket, const HistoryPage& page, Actions& actions) override;
  void say_refusal(std::uint64_t ticket, const Error& error, Actions& actions) override;
  void say_other(Reply& reply, MonoTime now, Actions& actions) override;
  void end_with(const Error& error, Actions& actions) override;

  // recovery.cpp
  bool start_tracking(Subscription& subscription, Position position, MonoTime now, Actions& actions) override;
  bool track(Subscription& subscription, Position position);  // false: it is not kept where the client is
  void note_sent(Subscription& subscription, Position position, MonoTime now) override;
  void on_page(Subscription& subscription, MonoTime now, Actions& actions) override;
  [[nodiscard]] bool holds_back() const override { return restoring_ != nullptr; }
  void channel_restored(const Subscription& subscription, Actions& actions);
  bool has_sent(Subscription& subscription, const Publication& publication) override;
  void note_own(const Published& published, MonoTime now) override;
  [[nodiscard]] bool recoverable() const { return !terms_.pid.empty(); }
  [[nodiscard]] bool durable(std::string_view channel) const;
  [[nodiscard]] bool settled() const;
  [[nodiscard]] bool worth_keeping() const;
  [[nodiscard]] std::string offsets() const;
  void tell_offsets(Actions& actions);
  void tell_unsettled(Actions& actions);
  void meet_epoch(Subscription& subscription, Position position, Actions& actions);
  void channels_changed(Actions& actions);
  void on_keep_answered(bool stored, MonoTime now, Actions& actions);
  void stands_in_log(Actions& actions);
  void keep(WallTime expires, Actions& actions);
  void store(std::string record, WallTime expires, bool wants_reply, Actions& actions);
  [[nodiscard]] KeptSession as_it_is() const;
  void keep_soon(Actions& actions);
  void keep_later(MonoTime now);
  void drop_kept(Actions& actions);
  void begin_restore(MonoTime now, Actions& actions);
  void put_back(Actions& actions);
  void restored(Actions& actions);
  void fail_restore(std::string_view why, Actions& actions);
  // Told under a history's tag that was not known when the session was kept: the client has it.
  [[nodiscard]] bool has_already(std::string_view channel, Position position) const;
  [[nodiscard]] bool all_named() const;

  SocketTerms terms_;
  std::unique_ptr<Restoring> restoring_;
  std::vector<std::pair<std::string, std::uint64_t>> asked_;  // channels whose subscribe wants an answer, and tickets
  std::optional<std::uint64_t> joining_;                      // the ticket of the subscribe that is at work; 0: none
  MonoTime keep_at_ = kNever;                                 // when the session is to be kept anew
  std::uint64_t answering_ = 0;                               // answer_after() is at work: the ticket
  std::uint64_t kept_hash_ = 0;                               // of what stands there or is on its way
  RateLimit keeps_;
  bool kept_ = false;            // something stands in the log
  bool keeping_ = false;         // an answer to KeepSession is awaited
  bool changed_ = false;         // since it was kept
  bool unsettled_ = false;       // its offset is `?`
  bool told_unsettled_ = false;  // and it was told so; see tell_unsettled()
  bool told_joined_ = false;     // with the answer to the subscribe that is at work
  bool leaving_ = false;         // the log may have a channel that the client has left
  bool left_ = false;            // the client left the namespace, or shall not come back to it: it will not be taken up
};

}  // namespace parley::net::socketio
