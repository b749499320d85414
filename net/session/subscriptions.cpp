// Joining and leaving channels, and what is answered. Who may: authorizer.h.

#include "core/log.h"
#include "net/json/roster_json.h"
#include "net/session/channel_session.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::net {

std::vector<Subscription>::iterator ChannelSession::position_of(std::string_view channel) {
  return std::lower_bound(subscriptions_.begin(), subscriptions_.end(), channel,
                          [](const Subscription& one, std::string_view name) { return one.channel < name; });
}

Subscription* ChannelSession::find(std::string_view channel) {
  const auto at = position_of(channel);
  return at == subscriptions_.end() || at->channel != channel ? nullptr : &*at;
}

void ChannelSession::forget(Subscription& subscription) {
  answered(subscription.id);
  if (subscription.extra != nullptr) answered(subscription.extra->renewal);
  subscriptions_.erase(subscriptions_.begin() + (&subscription - subscriptions_.data()));
}

void ChannelSession::join(SubscribeData data, Actions& actions) {
  if (!refresh_settings(actions)) return;
  const auto& channel = data.channel;
  if (auto valid = check_channel_name(channel, app_->limits.channel_name_chars_max); !valid) {
    say_refused(channel, valid.error(), actions);
    return;
  }
  ResumeFrom resume;
  resume.client_id = client_id();
  resume.rewind = data.rewind;
  if (!data.since.empty()) {
    const auto since = parse_position(data.since);
    if (!since) {
      say_refused(channel, make_error(Errc::bad_position, "`since` must be epoch:offset as it was received"), actions);
      return;
    }
    resume.since = *since;
  }
  auto right = authorizer(actions).judge(data, channel_traits(channel));
  if (!right) {
    if (right.error().code == Errc::unauthorized) context_.unauthorized_channels.add();
    say_refused(channel, right.error(), actions);
  } else if (*right) {
    go_on(channel, std::move(**right), std::move(resume), actions);
  } else {
    ask(data, std::move(resume), actions);
  }
}

// The subscription to work on, new or known. Null: one answer that is on its way serves both, or it is refused.
Subscription* ChannelSession::make_room(std::string_view channel, Actions& actions) {
  const auto at = position_of(channel);
  if (at != subscriptions_.end() && at->channel == channel) {
    const auto* extra = at->extra.get();
    const bool busy =
        extra != nullptr && (extra->renewal.value != 0 || extra->catch_up != nullptr || extra->asking != nullptr);
    return at->active && !busy ? &*at : nullptr;
  }
  if (subscriptions_.size() >= app_->limits.channels_per_connection_max) {
    say_refused(channel,
                make_error(Errc::too_many_channels, fmt::format("a connection has at most {} channels",
                                                                app_->limits.channels_per_connection_max)),
                actions);
    return nullptr;
  }
  return &*subscriptions_.insert(at, Subscription{.channel = std::string(channel), .id = {}});
}

// The connection may join: asks the channel.
void ChannelSession::go_on(std::string_view channel, Right right, ResumeFrom resume, Actions& actions) {
  if (auto allowed = authorizer(actions).check_blocks(channel, right); !allowed) {
    say_refused(channel, allowed.error(), actions);
    return;
  }
  if (right.member != nullptr && !may_have_roster(channel)) {
    context_.limited_rosters.add();
    say_refused(channel, make_error(Errc::rate_limited, "the connection has asked for its members too often"), actions);
    return;
  }
  auto* subscription = make_room(channel, actions);
  if (subscription == nullptr) return;
  if (right.proof != Proof::none_needed) authorize_by_ = kNever;
  size_first_page(resume);
  const SubscriptionId id{next_subscription_++};
  if (subscription->active) {
    // Subscribing again is answered again, with a new roster, cached event or history.
    auto& extra = subscription->need_extra();
    extra.renewal = id;
    extra.renewal_right = std::make_unique<Right>(right);
  } else {
    subscription->id = id;
    take_right(*subscription, right, actions);
  }
  ask_channel({key(channel), id, std::move(right.member), std::move(resume), std::move(right.user_id)}, actions);
}

// From now on the subscription is there by this right, and whom it speaks for there with it.
void ChannelSession::take_right(Subscription& subscription, const Right& right, Actions& actions) {
  const bool by_token = right.proof == Proof::channel_token;
  if (subscription.active) {
    const auto* before = subscription.user();
    const auto& now = right.member != nullptr ? right.member->user_id : by_token ? right.user_id : std::string();
    const bool another = before != nullptr && *before != now;
    if (another) {
      left(subscription, actions);
      note_left(actions);
    }
  }
  subscription.proof = right.proof;
  if (right.member == nullptr && !by_token && subscription.extra == nullptr) return;
  auto& extra = subscription.need_extra();
  extra.member = right.member;
  extra.token_user = by_token ? right.user_id : std::string();
  extra.token_user_form = by_token ? right.id_form : IdForm::text;
  extra.token_expires = by_token ? right.expires : kNever;
  channel_token_ends_ = std::min(channel_token_ends_, extra.token_expires);
}

void ChannelSession::on_subscribed(Subscribed& what, MonoTime now, Actions& actions) {
  auto* subscription = find(what.channel.name());
  if (subscription == nullptr) return;       // left meanwhile; the Unsubscribe follows the Subscribe
  if (what.subscription.value == 0) return;  // nobody asked: another node's answer that is wrong
  if (subscription->active) {
    auto* extra = subscription->extra.get();
    if (extra == nullptr || extra->renewal != what.subscription) return;
    subscription->id = std::exchange(extra->renewal, {});
    take_right(*subscription, *std::exchange(extra->renewal_right, nullptr), actions);
  } else if (subscription->id != what.subscription) {
    return;
  }
  answered(what.subscription);
  subscription->active = true;
  if (subscription->extra != nullptr && subscription->extra->member != nullptr) subscription->extra->came = what.came;
  joined(*subscription, actions);

  if (what.roster != nullptr) charge_roster(*what.roster, subscription->channel, now);
  Succeeded succeeded{.roster = what.roster.get(),
                      .shared = what.roster,
                      .position = what.position,
                      .durable = false,
                      .recovered = std::nullopt};
  succeeded.durable = settings_->rule_for(subscription->channel).durability != Durability::none;
  const Roster empty;
  if (succeeded.roster == nullptr && channel_traits(subscription->channel).presence) succeeded.roster = &empty;
  succeeded.follows = what.catching_up || what.cached != nullptr;
  if (what.resume != ResumeOutcome::none) succeeded.recovered = what.resume == ResumeOutcome::complete;
  say_succeeded(*subscription, succeeded, actions);
  if (what.resume == ResumeOutcome::gap) {
    say_gap(subscription->channel, what.position.epoch, what.gap_after, what.gap_before, actions);
  }

  if (what.cache_channel && what.cached == nullptr) say_cache_miss(subscription->channel, actions);
  if (what.catching_up) {
    start_catch_up(*subscription, what, now, actions);
    return;
  }
  if (what.cached != nullptr) say_publication(*subscription, *what.cached, actions);
  go_live(*subscription, what.position, now, actions);
}

// The first roster of each channel is free, so that a page may join as many as it shows. Each further one costs.
bool ChannelSession::may_have_roster(std::string_view channel) const {
  const auto rate = app_->limits.roster_bytes_per_second_max;
  if (flow_ == nullptr || rate == 0 || !flow_->had_roster(channel)) return true;
  return flow_->rosters_again.owes(last_heard_) <= kRosterDebt;
}

void ChannelSession::charge_roster(const Roster& roster, std::string_view channel, MonoTime now) {
  if (!flow().had_roster(channel)) {
    flow().rosters.push_back(stable_hash(channel));
  } else if (const auto rate = app_->limits.roster_bytes_per_second_max; rate > 0) {
    flow().rosters_again.use(rate, roster_bytes(roster), now);
  }
}

bool ChannelSession::Flow::had_roster(std::string_view channel) const {
  constexpr std::size_t kChannelsMax = 4'096;  // beyond it every roster costs
  if (rosters.size() >= kChannelsMax) return true;
  return std::find(rosters.begin(), rosters.end(), stable_hash(channel)) != rosters.end();
}

void ChannelSession::go_live(Subscription& subscription, Position position, MonoTime now, Actions& actions) {
  const bool through = start_tracking(subscription, position, now, actions);
  actions.listen(key(subscription.channel), through ? ListenMode::through : ListenMode::direct);
}

void ChannelSession::on_refused(const SubscribeRefused& what, MonoTime now, Actions& actions) {
  if (asks_later(what, now)) return;
  answered(what.subscription);
  auto* subscription = find(what.channel.name());
  if (subscription == nullptr) return;
  if (subscription->active) {  // what was asked again is refused; what was there stays
    if (subscription->extra == nullptr || subscription->extra->renewal != what.subscription) return;
    subscription->extra->renewal = {};
    subscription->extra->renewal_right = nullptr;
    channel_token_ends_ = std::min(channel_token_ends_, subscription->extra->token_expires);
    say_refused(what.channel.name(), what.error, actions);
    // What it is there by may have ended meanwhile.
    if (!by_token_in_force(*subscription)) kick_by_token(what.channel.name(), actions);
    return;
  } else if (subscription->id == what.subscription) {
    forget(*subscription);
  } else {
    return;
  }
  say_refused(what.channel.name(), what.error, actions);
}

void ChannelSession::request_leave(const Subscription& subscription, LeaveReason reason, Actions& actions) {
  if (subscription.id.value == 0) return;  // the application is still asked: the channel knows nothing
  const auto leave = [&](SubscriptionId id) {
    actions.request({.from = {},
                     .what = Unsubscribe{.channel = key(subscription.channel),
                                         .subscription = id,
                                         .reason = reason,
                                         .client_id = std::string(client_id())}});
  };
  leave(subscription.id);
  // A renewal may have been taken or refused by now: the channel knows one of the two ids.
  if (subscription.extra != nullptr && subscription.extra->renewal.value != 0) leave(subscription.extra->renewal);
}

void ChannelSession::leave(std::string_view channel, Actions& actions) {
  auto* subscription = find(channel);
  if (subscription == nullptr) return;  // Echo leaves channels that it never joined
  if (subscription->active) actions.unlisten(key(channel));
  request_leave(*subscription, LeaveReason::unsubscribed, actions);
  const bool was_on = subscription->active;
  if (was_on) left(*subscription, actions);
  forget(*subscription);
  if (was_on) note_left(actions);
  want_room(actions);
}

void ChannelSession::log_refusal(std::string_view channel, const Error& error) const {
  log_debug("a subscription is refused", {{"app", app_->id},
                                          {"channel", channel},
                                          {"socket_id", socket_.text()},
                                          {"error", info(error.code).name},
                                          {"why", error.message}});
}

}  // namespace parley::net
