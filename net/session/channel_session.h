#pragma once
// What a client may do with channels, and what it is told, whichever protocol it speaks: subscriptions, rights,
// catching up, identity, client events. net/pusher/session.h and net/socketio/socket.h derive from it: they read what
// clients send and put what is said here into their protocol's words. The noun's parts are in several files:
// channel_session.cpp (answers, deadlines, end), subscriptions.cpp, authorization.cpp (asking the application),
// resume.cpp, sign_in.cpp (who is it? tokens), people.cpp (activity, status, kicks), client_events.cpp, history.cpp,
// led_anew.cpp (another leader: who is here, and what it is asked again).
//
// Many thousands of these idle at once: what most connections never need hangs on a pointer.

#include "core/channel_name.h"
#include "net/auth/claims.h"
#include "net/session/authorizer.h"
#include "net/session/catch_up.h"
#include "net/session/client_messages.h"
#include "net/session/handshake.h"
#include "net/session/identity.h"
#include "net/session/rate_limit.h"
#include "net/session/succeeded.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net {

// Of a durable channel, for clients that are resumed or recovered: what it was sent, and what it surely has.
struct Tracking {
  Position sent;
  std::optional<Position> pinged;   // `sent` when the ping that is out was sent; nothing: it came later
  std::optional<Offset> confirmed;  // nothing: not even the start
  Epoch confirmed_epoch;            // of it, as it was pinged
};

struct SubscriptionExtra {
  MemberPtr member;                      // presence channels
  std::uint64_t came = 0;                // its place in the roster; as in Subscribed
  SubscriptionId renewal;                // a second subscribe on the way, while the first one is active; 0: none
  std::unique_ptr<Right> renewal_right;  // counts when the channel has said yes
  std::unique_ptr<ResumeFrom> asking;    // the application is asked; then this is how to go on
  std::string token_user;                // Proof::channel_token: whose token it is …
  IdForm token_user_form = IdForm::text;
  MonoTime token_expires = kNever;  // … and when it ends
  std::unique_ptr<CatchUp> catch_up;
  std::optional<Tracking> tracking;
};

struct Subscription {
  std::string channel;
  SubscriptionId id;
  bool active = false;  // Subscribed has come
  Proof proof = Proof::none_needed;
  std::unique_ptr<SubscriptionExtra> extra;

  // As whom the connection is here: a presence channel's member, or the user of the token that opened it. Null: nobody.
  [[nodiscard]] const std::string* user() const {
    if (extra == nullptr) return nullptr;
    if (extra->member != nullptr) return &extra->member->user_id;
    return extra->token_user.empty() ? nullptr : &extra->token_user;
  }

  SubscriptionExtra& need_extra() {
    if (extra == nullptr) extra = std::make_unique<SubscriptionExtra>();
    return *extra;
  }
};

// A Subscribe that is not answered yet. Whoever leads the channel may end before it answers: then the next one is
// asked.
struct AskedChannel {
  Subscribe subscribe;
  MonoTime until{};            // nobody is asked any more then; none: nobody has refused to be the leader yet
  MonoTime again_at = kNever;  // ask then, if it is not known before that another node leads
};

// What the handshake told of a client.
struct Visitor {
  ConnectionAbout about;
  std::vector<std::pair<std::string, std::string>> forwarded;  // headers for asking the application
};

class ChannelSession : public Protocol {
 public:
  explicit ChannelSession(Admitted&& session);  // leaves what it does not need

  void on_reply(Reply& reply, MonoTime now, Actions& actions) override;
  void on_event(const ChannelEvent& event, const Bytes& frame, MonoTime now, Actions& actions) override;
  void on_room(MonoTime now, Actions& actions) override;
  void announce(Announcer& to) const override;
  void on_end(EndReason reason, MonoTime now, Actions& actions) override;
  [[nodiscard]] SocketId socket_id() const override { return socket_; }

 protected:
  // ---- in the protocol's words ----
  virtual void say_succeeded(const Subscription& subscription, const Succeeded& what, Actions& actions) = 0;
  virtual void say_refused(std::string_view channel, const Error& error, Actions& actions) = 0;
  virtual void say_gap(std::string_view channel, Epoch epoch, Offset after, Offset before, Actions& actions) = 0;
  virtual void say_cache_miss(std::string_view channel, Actions& actions) = 0;
  virtual void say_publication(Subscription& subscription, const Publication& publication, Actions& actions) = 0;
  // An event in this protocol's wire form, as the hub handed it over. The position may not exist.
  virtual void say_frame(Subscription& subscription, const Bytes& frame, Position position, Actions& actions) = 0;
  virtual void say_error(const Error& error, Actions& actions) = 0;
  virtual void say_signed_in(std::string_view user_data, Actions& actions) = 0;
  virtual void say_token_accepted(WallTime expires, Actions& actions) = 0;
  virtual void say_token_expiring(seconds in, Actions& actions) = 0;
  virtual void say_watchlist(const WatchlistChanged& what, Actions& actions) = 0;
  // Answers to what the client asked; `ticket` is the number under which it was asked.
  virtual void say_published(const Published& what, Actions& actions) = 0;
  virtual void say_not_published(const PublishRefused& what, Actions& actions) = 0;
  virtual void say_status(std::uint64_t ticket, std::string_view channel, const UserList& list, Actions& actions) = 0;
  virtual void say_history(std::uint64_t ticket, const HistoryPage& page, Actions& actions) = 0;
  virtual void say_refusal(std::uint64_t ticket, const Error& error, Actions& actions) = 0;
  virtual void say_other(Reply& reply, MonoTime now, Actions& actions);  // what only one protocol asks for
  // Whoever signs in wrongly is told so.
  virtual void fail_sign_in(const Error& error, Actions& actions) { say_error(error, actions); }
  // Says the error, then ends the connection.
  virtual void end_with(const Error& error, Actions& actions) = 0;
  // A subscription is live from this position on (it may not exist). True: its events shall come through the
  // session, and each is told to note_sent().
  virtual bool start_tracking(Subscription& subscription, Position position, MonoTime now, Actions& actions) = 0;
  virtual void note_sent(Subscription& subscription, Position position, MonoTime now) = 0;
  // A page of what was missed was sent, up to CatchUp::last, and another one follows.
  virtual void on_page(Subscription& subscription, MonoTime now, Actions& actions) = 0;
  // What is said does not go out yet: nothing more of what was missed is asked for.
  [[nodiscard]] virtual bool holds_back() const { return false; }
  // The connection speaks for another user than before, or for one for the first time.
  virtual void note_identity(Actions&) {}
  // Whether the client has what was missed without having been told: it is the sender.
  virtual bool has_sent(Subscription&, const Publication&) { return false; }
  virtual void note_own(const Published& published, MonoTime now) = 0;
  // The client is no longer on a channel that it was on: it left, or it was taken off.
  virtual void note_left(Actions&) {}
  // The socket id as the client knows it: what signatures are made for.
  [[nodiscard]] virtual std::string known_as() const { return socket_.text(); }
  // The cursor under which the server knows what this client has; empty: none.
  [[nodiscard]] virtual std::string_view client_id() const { return {}; }

  // ---- channel_session.cpp ----
  void begin(MonoTime now);
  // Adopts the token that came with the handshake, if any.
  void arrive(MonoTime now, Actions& actions);
  [[nodiscard]] MonoTime own_deadline() const;
  bool meet_own_deadlines(MonoTime now, Actions& actions);  // false: ended
  bool refresh_settings(Actions& actions);                  // false: the application is gone, so is the session
  Status take_allowance(MonoTime now);                      // of what clients may ask per second
  Status take_event(std::size_t bytes, MonoTime now);       // of what they may say
  [[nodiscard]] ChannelKey key(std::string_view channel) const { return {app_->id, channel}; }
  [[nodiscard]] std::span<const std::string> watched_as_numbers() const;  // as the application said them; sorted

  // ---- resume.cpp ----
  void want_room(Actions& actions);  // asks for the next page when there is room for it

  // ---- subscriptions.cpp ----
  void join(SubscribeData data, Actions& actions);
  // As join(), with a right that was proved before: blocks are still looked at.
  void go_on(std::string_view channel, Right right, ResumeFrom resume, Actions& actions);
  void leave(std::string_view channel, Actions& actions);
  Subscription* find(std::string_view channel);

  void log_refusal(std::string_view channel, const Error& error) const;  // at debug

  // ---- sign_in.cpp ----
  void sign_in(const SignInData& data, MonoTime now, Actions& actions);
  void renew_token(std::string_view token, MonoTime now, Actions& actions);
  void adopt(auth::Claims claims, MonoTime now, Actions& actions);

  // ---- people.cpp ----
  void set_activity(UserStatus status, MonoTime now, Actions& actions);
  void note_activity(MonoTime now, Actions& actions);
  // Refusals are returned, answers come by say_status() and say_history().
  Status ask_status(StatusData asked, std::uint64_t ticket, MonoTime now, Actions& actions);

  // ---- history.cpp ----
  Status ask_history(const HistoryData& asked, std::uint64_t ticket, MonoTime now, Actions& actions);

  // ---- client_events.cpp ----
  // Nothing: the publication is on its way. `ack` is echoed by say_published() or say_not_published().
  Status publish(const ClientFrame& event, MonoTime now, Actions& actions);

  SessionContext& context_;
  SettingsPtr settings_;
  const App* app_;
  SocketId socket_;
  ConnectionSlot slot_;
  MonoTime last_heard_{};
  std::vector<Subscription> subscriptions_;  // sorted by channel
  std::unique_ptr<Identity> identity_;
  std::unique_ptr<Visitor> visitor_;
  std::uint32_t next_subscription_ = 1;
  std::uint16_t questions_out_ = 0;           // of the application, not answered
  UserStatus activity_ = UserStatus::online;  // as told
  bool away_by_itself_ = false;               // not because the client said so
  bool closing_ = false;
  bool terminated_ = false;  // ended by the application or an operator: nothing is held for it

 private:
  // Of connections that wait for answers, catch up or were sent a roster.
  struct Flow {
    MonoTime due = kNever;  // some catch-up is to be looked at
    bool room_asked = false;
    std::vector<AskedChannel> asked;
    std::vector<std::uint64_t> rosters;  // channels whose roster it was sent, by hash
    RateLimit rosters_again;             // what it has used of what it may ask for again
    [[nodiscard]] bool had_roster(std::string_view channel) const;
  };
  Flow& flow();
  static constexpr seconds kRosterDebt{4};

  // subscriptions.cpp
  [[nodiscard]] bool may_have_roster(std::string_view channel) const;
  void charge_roster(const Roster& roster, std::string_view channel, MonoTime now);
  void on_subscribed(Subscribed& what, MonoTime now, Actions& actions);
  void on_refused(const SubscribeRefused& what, MonoTime now, Actions& actions);
  void go_live(Subscription& subscription, Position position, MonoTime now, Actions& actions);
  std::vector<Subscription>::iterator position_of(std::string_view channel);
  Subscription* make_room(std::string_view channel, Actions& actions);  // null: refused, or an answer is on its way
  void request_leave(const Subscription& subscription, LeaveReason reason, Actions& actions);
  void forget(Subscription& subscription);
  void take_right(Subscription& subscription, const Right& right, Actions& actions);

  // led_anew.cpp
  void ask_channel(Subscribe subscribe, Actions& actions);
  void answered(SubscriptionId subscription);
  [[nodiscard]] bool asks_later(const SubscribeRefused& what, MonoTime now);  // false: it is refused for good
  void ask_again(AskedChannel& asked, Actions& actions);
  void ask_due(MonoTime now, Actions& actions);  // those whose again_at has come
  void on_led_anew(const LedAnew& led, Actions& actions);
  void announce_users(Announcer& to) const;

  // authorization.cpp
  [[nodiscard]] Authorizer authorizer(const Actions& actions) const;
  void ask(const SubscribeData& data, ResumeFrom resume, Actions& actions);
  void on_answer(ApplicationAnswer& answer, Actions& actions);

  // resume.cpp
  void start_catch_up(Subscription& subscription, Subscribed& what, MonoTime now, Actions& actions);
  void on_missed(const Missed& what, std::uint64_t number, MonoTime now, Actions& actions);
  void on_behind(const Behind& what, MonoTime now, Actions& actions);
  void finish_catch_up(Subscription& subscription, MonoTime now, Actions& actions);
  void say_missed(Subscription& subscription, const Missed& what, Actions& actions);
  void size_first_page(ResumeFrom& resume) const;
  bool meet_catch_ups(MonoTime now, Actions& actions);  // false: ended

  // sign_in.cpp
  void sign_in_with_token(std::string_view token, MonoTime now, Actions& actions);
  void speak_for(Identity identity, Via via, std::optional<std::vector<std::string>> domains, Actions& actions);
  void warn_of_expiry(MonoTime now, Actions& actions);
  void end_channel_tokens(MonoTime now, Actions& actions);
  [[nodiscard]] bool by_token_in_force(const Subscription& subscription) const;
  void kick_by_token(std::string_view channel, Actions& actions);

  // people.cpp
  void joined(const Subscription& subscription, Actions& actions);
  void left(const Subscription& subscription, Actions& actions);
  void kick(std::string_view channel, const Error& error, Actions& actions);
  void tell_activity(UserStatus status, Actions& actions);
  [[nodiscard]] std::vector<std::string> users_spoken_for() const;
  [[nodiscard]] bool speaks_for_somebody() const;
  [[nodiscard]] MonoTime away_deadline() const;

  // client_events.cpp
  Result<Publish> judge_event(const ClientFrame& event, MonoTime now);

  MonoTime authorize_by_ = kNever;
  MonoTime channel_token_ends_ = kNever;  // the first of the subscriptions'
  MonoTime active_at_{};                  // when the client did something that a person may have done
  struct Rates {
    RateLimit events;
    RateLimit event_bytes;
    RateLimit requests;
  };
  Rates& rates();
  std::unique_ptr<Rates> rates_;                // of those who say or ask something: most only listen
  std::unique_ptr<auth::Claims> arrived_with_;  // a token at the handshake, until arrive()
  std::unique_ptr<Flow> flow_;
};

// Offsets count within an epoch; another epoch is another history.
[[nodiscard]] bool already_sent(Position position, Position last);

}  // namespace parley::net
