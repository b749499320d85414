// What a connection means for its user: being a member, looking or not looking, asking how others are, being
// taken off a channel.

#include "net/session/channel_session.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::net {

namespace {

// Of one parley:status: what a client can make the reader thread read at once.
constexpr std::size_t kStatusPage = 250;

}  // namespace

std::vector<std::string> ChannelSession::users_spoken_for() const {
  std::vector<std::string> users;
  if (identity_ != nullptr) users.push_back(identity_->id);
  for (const auto& subscription : subscriptions_) {
    const auto* id = subscription.active ? subscription.user() : nullptr;
    if (id != nullptr && std::find(users.begin(), users.end(), *id) == users.end()) users.push_back(*id);
  }
  return users;
}

bool ChannelSession::speaks_for_somebody() const {
  return identity_ != nullptr || std::any_of(subscriptions_.begin(), subscriptions_.end(), [](const Subscription& one) {
           return one.active && one.user() != nullptr;
         });
}

// Who is on a channel as a user is a user who is here, also without a sign-in.
void ChannelSession::joined(const Subscription& subscription, Actions& actions) {
  const auto* id = subscription.user();
  if (id == nullptr) return;
  const auto* member = subscription.extra->member.get();
  const UserKey user{app_->id, *id};
  actions.request(
      {.from = {},
       .what = JoinedAs{.user = user,
                        .user_info = member == nullptr ? "" : member->user_info,
                        .channel = subscription.channel,
                        .about = visitor_->about,
                        .id_form = member == nullptr ? subscription.extra->token_user_form : member->id_form}});
  if (activity_ == UserStatus::online) return;
  actions.request({.from = {}, .what = SetActivity{user, activity_}});
}

void ChannelSession::left(const Subscription& subscription, Actions& actions) {
  const auto* id = subscription.user();
  if (id == nullptr) return;
  actions.request({.from = {}, .what = LeftAs{{app_->id, *id}, subscription.channel}});
}

void ChannelSession::kick(std::string_view channel, const Error& error, Actions& actions) {
  auto* subscription = find(channel);
  if (subscription == nullptr) return;
  const auto name = subscription->channel;
  const bool was_on = subscription->active;
  if (was_on) {
    actions.unlisten(key(name));
    left(*subscription, actions);
  }
  request_leave(*subscription, LeaveReason::unsubscribed, actions);
  forget(*subscription);
  say_refused(name, error, actions);
  if (was_on) note_left(actions);
  want_room(actions);
}

// ---- activity ----

void ChannelSession::tell_activity(UserStatus status, Actions& actions) {
  if (activity_ == status) return;
  activity_ = status;
  for (auto& id : users_spoken_for()) {
    actions.request({.from = {}, .what = SetActivity{{app_->id, std::move(id)}, status}});
  }
}

// Nobody is looking, or somebody is again.
void ChannelSession::set_activity(UserStatus status, MonoTime now, Actions& actions) {
  if (auto allowed = take_allowance(now); !allowed) {
    say_error(allowed.error(), actions);
    return;
  }
  active_at_ = now;
  away_by_itself_ = false;
  tell_activity(status, actions);
}

// Only what the server assumed by itself ends by itself: a client that said `away` says when it is back.
void ChannelSession::note_activity(MonoTime now, Actions& actions) {
  active_at_ = now;
  if (!away_by_itself_) return;
  away_by_itself_ = false;
  tell_activity(UserStatus::online, actions);
}

MonoTime ChannelSession::away_deadline() const {
  const auto after = app_->status.away_after;
  if (after.count() == 0 || activity_ != UserStatus::online || !speaks_for_somebody()) return kNever;
  return active_at_ + after;
}

// ---- how others are ----

// The people of a domain whose channel the connection is on.
Status ChannelSession::ask_status(StatusData asked, std::uint64_t ticket, MonoTime now, Actions& actions) {
  const auto traits = channel_traits(asked.channel);
  const auto* subscription = find(asked.channel);
  if (subscription == nullptr || !subscription->active) {
    return make_error(Errc::not_subscribed, fmt::format("the connection is not subscribed to {}", asked.channel));
  }
  if (traits.kind != ChannelKind::domain || !traits.needs_auth) {
    return make_error(Errc::bad_request, "status is asked on private and presence channels of domains");
  }
  if (auto allowed = take_allowance(now); !allowed) return allowed;
  actions.request({.from = ReplyTo{{}, ticket},
                   .what = ListDomain{.app = app_->id,
                                      .domain = std::string(traits.base.substr(traits.base.find('.') + 1)),
                                      .after = std::move(asked.after),
                                      .limit = std::min(app_->limits.users_per_call_max, kStatusPage),
                                      .echo = std::move(asked.channel)}});
  return {};
}

}  // namespace parley::net
