#pragma once
// The state machine of one Pusher connection; see protocol.h. The noun's parts are in several files:
// session.cpp (dispatch, keep-alive, end), subscriptions.cpp, authorization.cpp (may it join?), resume.cpp,
// sign_in.cpp (who is it? tokens), people.cpp (activity, status, kicks), client_events.cpp.
//
// Many thousands of these idle at once: what most connections never need hangs on a pointer.

#include "core/channel_name.h"
#include "net/auth/claims.h"
#include "net/pusher/codec.h"
#include "net/pusher/protocol.h"
#include "net/pusher/rate_limit.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net::pusher {

inline constexpr MonoTime kNever = MonoTime::max();

// Between Subscribed and the last Missed: what comes live meanwhile waits here, in order.
struct CatchUp {
  struct Held {
    Bytes frame;
    Position position;  // does not exist for rosters' changes and the like
  };
  Position last;          // newest publication that this client was sent
  Position newest;        // of the channel when it answered the subscribe
  PublicationPtr cached;  // goes out before the missed ones, unless it is one of them
  std::vector<Held> held;
};

// Of a durable channel for a client with a client id: what it was sent, and what it surely has.
struct Tracking {
  Position sent;
  std::optional<Offset> pinged;     // `sent` when the ping that is out was sent; nothing: it came later
  std::optional<Offset> confirmed;  // nothing: not even the start
};

// What proved that the connection may be on a channel.
// `token`: the connection's own, whose renewal may take the right away; `channel_token`: one for this channel.
enum class Proof : std::uint8_t { none_needed, signature, identity, token, channel_token, application };

struct SubscriptionExtra {
  MemberPtr member;        // presence channels
  SubscriptionId renewal;  // a second subscribe on the way, while the first one is active; 0: none
  MemberPtr renewal_member;
  std::unique_ptr<ResumeFrom> asking;  // the application is asked; then this is how to go on
  std::string token_user;              // Proof::channel_token: whose token it is …
  MonoTime token_expires = kNever;     // … and when it ends
  std::unique_ptr<CatchUp> catch_up;
  std::optional<Tracking> tracking;
};

struct Subscription {
  std::string channel;
  SubscriptionId id;
  bool active = false;  // Subscribed has come
  Proof proof = Proof::none_needed;
  std::unique_ptr<SubscriptionExtra> extra;

  SubscriptionExtra& need_extra() {
    if (extra == nullptr) extra = std::make_unique<SubscriptionExtra>();
    return *extra;
  }
};

struct Identity {
  std::string id;
  std::string user_info;
  std::vector<std::string> watchlist;
  std::unique_ptr<auth::Claims> claims;  // of the connection token in force; null: signed in by a signature
  MonoTime warn_at = kNever;             // tell the client that its token runs out …
  MonoTime expires_at = kNever;          // … and then it has
};

// What the handshake told of a client.
struct Visitor {
  ConnectionAbout about;
  std::vector<std::pair<std::string, std::string>> forwarded;  // headers for asking the application
};

// What a session with a client id has beside its subscriptions' tracking.
struct Resumer {
  std::string client_id;
  MonoTime confirm_at = kNever;  // when to send the next confirming ping
  std::uint32_t ping = 0;        // number of the confirming ping that is out; 0: none
};

class Session final : public Protocol {
 public:
  explicit Session(PusherSession session);

  void on_open(MonoTime now, Actions& actions) override;
  void on_text(std::string_view payload, MonoTime now, Actions& actions) override;
  void on_binary(std::string_view payload, MonoTime now, Actions& actions) override;
  void on_reply(Reply& reply, MonoTime now, Actions& actions) override;
  void on_event(const ChannelEvent& event, const Bytes& frame, MonoTime now, Actions& actions) override;
  void on_deadline(MonoTime now, Actions& actions) override;
  [[nodiscard]] MonoTime deadline() const override;
  void on_drain(MonoTime now, Actions& actions) override;
  void on_end(EndReason reason, MonoTime now, Actions& actions) override;
  [[nodiscard]] SocketId socket_id() const override { return socket_; }

 private:
  // session.cpp
  void dispatch(const ClientFrame& frame, MonoTime now, Actions& actions);
  void on_pong(MonoTime now, Actions& actions);
  void send_ping(MonoTime now, Actions& actions);
  [[nodiscard]] bool ping_is_out() const { return pings_ != pongs_ && ping_at_ >= last_heard_; }
  [[nodiscard]] MonoTime liveness_deadline() const;
  void send_error(const Error& error, Actions& actions);
  void end_with(const Error& error, Actions& actions);  // pusher:error, then a close of the same code
  bool refresh_settings(Actions& actions);              // false: the application is gone, so is the session
  [[nodiscard]] ChannelKey key(std::string_view channel) const { return {app_->id, channel}; }

  // subscriptions.cpp
  void subscribe(std::string_view data, MonoTime now, Actions& actions);
  void unsubscribe(std::string_view data, Actions& actions);
  struct Right {
    Proof proof = Proof::none_needed;
    MemberPtr member;           // presence channels
    std::string user_id;        // whom the connection speaks for there; may be empty
    MonoTime expires = kNever;  // Proof::channel_token
  };
  void go_on(std::string_view channel, Right right, ResumeFrom resume, Actions& actions);
  void refuse(std::string_view channel, const Error& error, Actions& actions);
  void on_subscribed(Subscribed& what, MonoTime now, Actions& actions);
  void on_refused(const SubscribeRefused& what, Actions& actions);
  Subscription* find(std::string_view channel);
  std::vector<Subscription>::iterator position_of(std::string_view channel);
  void request_leave(const Subscription& subscription, LeaveReason reason, Actions& actions);
  void forget(Subscription& subscription);

  // authorization.cpp
  Result<std::optional<Right>> judge(const SubscribeData& data, const ChannelTraits& traits, Actions& actions);
  Result<Right> judge_signature(const SubscribeData& data, const ChannelTraits& traits);
  Right right_by(const auth::Claims& claims, const ChannelTraits& traits) const;
  Result<MemberPtr> member_from(const std::optional<std::string>& channel_data) const;
  Status check_blocks(std::string_view channel, const Right& right, const Actions& actions) const;
  [[nodiscard]] bool may_ask() const { return !app_->auth.url.empty() || !app_->auth.batch_url.empty(); }
  void ask(std::string_view channel, ResumeFrom resume, Actions& actions);
  void on_answer(ApplicationAnswer& answer, Actions& actions);
  Subscription* make_room(std::string_view channel, Actions& actions);  // null: refused, or an answer is on its way

  // resume.cpp
  void start_catch_up(Subscription& subscription, Subscribed& what, Actions& actions);
  void on_missed(const Missed& what, MonoTime now, Actions& actions);
  void finish_catch_up(Subscription& subscription, MonoTime now, Actions& actions);
  void hold(Subscription& subscription, const Bytes& frame, Position position, Actions& actions);
  void drop_catch_up(Subscription& subscription);
  void start_tracking(Subscription& subscription, Position position, MonoTime now);
  void note_sent(Tracking& tracking, Position position, MonoTime now);
  void note_own(const Published& published, MonoTime now);
  void send_confirming_ping(MonoTime now, Actions& actions);
  void confirm(MonoTime now, Actions& actions);

  // sign_in.cpp
  void sign_in(std::string_view data, MonoTime now, Actions& actions);
  void sign_in_with_token(std::string_view token, MonoTime now, Actions& actions);
  void renew_token(std::string_view data, MonoTime now, Actions& actions);
  Result<auth::Claims> check_token(std::string_view token, const Actions& actions);
  void adopt(auth::Claims claims, MonoTime now, Actions& actions);
  void speak_for(Identity identity, Via via, std::optional<std::vector<std::string>> domains, Actions& actions);
  void warn_of_expiry(MonoTime now, Actions& actions);
  void end_channel_tokens(MonoTime now, Actions& actions);
  [[nodiscard]] milliseconds time_left(const auth::Claims& claims, const Actions& actions) const;

  // people.cpp
  void joined(const Subscription& subscription, Actions& actions);
  void left(const Subscription& subscription, Actions& actions);
  void kick(std::string_view channel, const Error& error, Actions& actions);
  void set_activity(std::string_view data, MonoTime now, Actions& actions);
  void note_activity(MonoTime now, Actions& actions);
  void tell_activity(UserStatus status, Actions& actions);
  void ask_status(std::string_view data, MonoTime now, Actions& actions);
  void on_status(const UserList& list, Actions& actions);
  [[nodiscard]] std::vector<std::string> users_spoken_for() const;
  [[nodiscard]] bool speaks_for_somebody() const;
  [[nodiscard]] MonoTime away_deadline() const;

  // client_events.cpp
  void publish(const ClientFrame& frame, MonoTime now, Actions& actions);
  Result<Publish> judge_event(const ClientFrame& frame, MonoTime now);

  PusherContext& context_;
  SettingsPtr settings_;
  const App* app_;
  SocketId socket_;
  ConnectionSlot slot_;
  MonoTime last_heard_{};
  MonoTime ping_at_{};
  MonoTime authorize_by_ = kNever;
  MonoTime channel_token_ends_ = kNever;  // the first of the subscriptions'
  MonoTime active_at_{};                  // when the client did something that a person may have done
  RateLimit client_events_;
  std::vector<Subscription> subscriptions_;  // sorted by channel
  std::unique_ptr<Visitor> visitor_;
  std::unique_ptr<auth::Claims> arrived_with_;  // a token at the handshake, until on_open()
  std::unique_ptr<Identity> identity_;
  std::unique_ptr<Resumer> resumer_;
  std::size_t questions_out_ = 0;  // of the application, not answered
  std::size_t held_bytes_ = 0;     // of all catch-ups
  std::uint32_t pings_ = 0;
  std::uint32_t pongs_ = 0;  // of those pings; never more
  std::uint32_t next_subscription_ = 1;
  bool closing_ = false;
  bool terminated_ = false;                   // ended by the application or an operator: nothing is held for it
  UserStatus activity_ = UserStatus::online;  // as told
  bool away_by_itself_ = false;               // not because the client said so
};

}  // namespace parley::net::pusher
