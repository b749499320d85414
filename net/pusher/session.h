#pragma once
// The state machine of one Pusher connection; see protocol.h. Reads frames and keeps the connection alive; what is
// done with channels is channel_session.h. Parts: session.cpp (dispatch, end), session_output.cpp (what is said),
// confirm.cpp (what a stock client surely has).

#include "net/pusher/protocol.h"
#include "net/session/channel_session.h"

#include <memory>
#include <string>
#include <string_view>

namespace parley::net::pusher {

// What a session with a client id has beside its subscriptions' tracking.
struct Resumer {
  std::string client_id;
  MonoTime confirm_at = kNever;  // when to send the next confirming ping
  std::uint32_t ping = 0;        // number of the confirming ping that is out; 0: none
};

class Session final : public ChannelSession {
 public:
  explicit Session(Admitted session);

  void on_open(MonoTime now, Actions& actions) override;
  void on_text(std::string_view payload, MonoTime now, Actions& actions) override;
  void on_binary(std::string_view payload, MonoTime now, Actions& actions) override;
  void on_control(MonoTime now) override;
  void on_deadline(MonoTime now, Actions& actions) override;
  [[nodiscard]] MonoTime deadline() const override;
  void on_drain(MonoTime now, Actions& actions) override;

 private:
  // session.cpp
  void dispatch(const ClientFrame& frame, MonoTime now, Actions& actions);
  Status obey(const ClientFrame& frame, MonoTime now, Actions& actions);
  void send_event(const ClientFrame& frame, MonoTime now, Actions& actions);
  Status read_history(std::string_view data, MonoTime now, Actions& actions);
  void on_pong(MonoTime now, Actions& actions);
  void send_ping(MonoTime now, Actions& actions);
  [[nodiscard]] bool ping_is_out() const { return pings_ != pongs_ && ping_at_ >= last_heard_; }
  [[nodiscard]] MonoTime liveness_deadline() const;

  // session_output.cpp
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
  void fail_sign_in(const Error& error, Actions& actions) override;
  void end_with(const Error& error, Actions& actions) override;

  // confirm.cpp
  bool start_tracking(Subscription& subscription, Position position, MonoTime now, Actions& actions) override;
  void note_sent(Subscription& subscription, Position position, MonoTime now) override;
  void note_own(const Published& published, MonoTime now) override;
  void on_page(Subscription& subscription, MonoTime now, Actions& actions) override;
  [[nodiscard]] std::string_view client_id() const override;
  void send_confirming_ping(MonoTime now, Actions& actions);
  void confirm(MonoTime now, Actions& actions);

  // History requests that are not answered, by ticket, and the client's numbers for them.
  struct Reading {
    struct Asked {
      std::uint64_t id;
      std::string channel;
    };
    std::map<std::uint64_t, Asked> asked;
    std::uint64_t last_ticket = 0;
  };

  MonoTime ping_at_{};
  std::unique_ptr<Resumer> resumer_;
  std::unique_ptr<Reading> reading_;
  std::uint32_t pings_ = 0;
  std::uint32_t pongs_ = 0;  // of those pings; never more
};

}  // namespace parley::net::pusher
