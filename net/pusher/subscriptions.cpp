// Joining and leaving channels: who may, and what is answered.

#include "net/pusher/auth.h"
#include "net/pusher/encoder.h"
#include "net/pusher/session.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::net::pusher {

std::vector<Subscription>::iterator Session::position_of(std::string_view channel) {
  return std::lower_bound(subscriptions_.begin(), subscriptions_.end(), channel,
                          [](const Subscription& one, std::string_view name) { return one.channel < name; });
}

Subscription* Session::find(std::string_view channel) {
  const auto at = position_of(channel);
  return at == subscriptions_.end() || at->channel != channel ? nullptr : &*at;
}

void Session::forget(Subscription& subscription) {
  drop_catch_up(subscription);
  subscriptions_.erase(subscriptions_.begin() + (&subscription - subscriptions_.data()));
}

// The channel's listeners hear the first, the connection's error handlers the second.
void Session::refuse(std::string_view channel, const Error& error, Actions& actions) {
  actions.send_text(encode_subscription_error(channel, error));
  send_error(error, actions);
}

// The member for a presence channel, or nothing to be said.
Result<MemberPtr> Session::authorize(const SubscribeData& data, const ChannelTraits& traits) {
  if (traits.server_to_user) {
    if (identity_ == nullptr || identity_->id != traits.base) {
      return make_error(Errc::unauthorized, "only the signed-in user with this id may subscribe to this channel");
    }
    return MemberPtr{};
  }
  if (!traits.needs_auth) return MemberPtr{};
  // On other channels channel_data is not part of what was signed.
  const auto signed_data = traits.presence ? data.channel_data : std::nullopt;
  if (auto checked = check_channel_auth(*app_, socket_, data.channel, signed_data, data.auth); !checked) {
    return checked.error();
  }
  if (!traits.presence) return MemberPtr{};
  if (!data.channel_data) {
    if (identity_ == nullptr) {
      return make_error(Errc::unauthorized, "a presence channel needs `channel_data`, or a sign-in before");
    }
    return std::make_shared<const Member>(Member{identity_->id, identity_->user_info});
  }
  auto member = decode_channel_data(*data.channel_data, app_->limits, settings_->limits.json_depth_max);
  if (!member) return member.error();
  return std::make_shared<const Member>(Member{std::move(member->user_id), std::move(member->user_info)});
}

void Session::subscribe(std::string_view data, MonoTime, Actions& actions) {
  if (!refresh_settings(actions)) return;
  auto decoded = decode_subscribe(data, settings_->limits.json_depth_max);
  if (!decoded) {
    send_error(decoded.error(), actions);
    return;
  }
  const auto& channel = decoded->channel;
  if (auto valid = check_channel_name(channel, app_->limits.channel_name_chars_max); !valid) {
    refuse(channel, valid.error(), actions);
    return;
  }
  ResumeFrom resume;
  if (resumer_ != nullptr) resume.client_id = resumer_->client_id;
  resume.rewind = decoded->rewind;
  if (!decoded->since.empty()) {
    const auto since = parse_position(decoded->since);
    if (!since) {
      refuse(channel, make_error(Errc::bad_position, "`since` must be epoch:offset as it was received"), actions);
      return;
    }
    resume.since = *since;
  }
  const auto traits = channel_traits(channel);
  auto member = authorize(*decoded, traits);
  if (!member) {
    if (member.error().code == Errc::unauthorized) context_.unauthorized_channels.add();
    refuse(channel, member.error(), actions);
    return;
  }

  auto at = position_of(channel);
  const bool known = at != subscriptions_.end() && at->channel == channel;
  const auto* extra_here = known ? at->extra.get() : nullptr;
  const bool renewing = extra_here != nullptr && (extra_here->renewal.value != 0 || extra_here->catch_up != nullptr);
  if (known && (!at->active || renewing)) return;  // the answer that is on the way serves both
  if (!known && subscriptions_.size() >= app_->limits.channels_per_connection_max) {
    refuse(channel,
           make_error(Errc::too_many_channels,
                      fmt::format("a connection has at most {} channels", app_->limits.channels_per_connection_max)),
           actions);
    return;
  }
  if (traits.needs_auth) authorize_by_ = kNever;
  const SubscriptionId id{next_subscription_++};
  if (known) {
    // Subscribing again is answered again, with a new roster, cached event or history.
    auto& extra = at->need_extra();
    extra.renewal = id;
    extra.renewal_member = *member;
  } else {
    at = subscriptions_.insert(at, Subscription{channel, id, false, nullptr});
    if (*member != nullptr) at->need_extra().member = *member;
  }
  actions.request({.from = {}, .what = Subscribe{key(channel), id, std::move(*member), std::move(resume)}});
}

void Session::on_subscribed(Subscribed& what, MonoTime now, Actions& actions) {
  auto* subscription = find(what.channel.name());
  if (subscription == nullptr) return;  // left meanwhile; the Unsubscribe follows the Subscribe
  if (subscription->active) {
    auto* extra = subscription->extra.get();
    if (extra == nullptr || extra->renewal != what.subscription) return;
    subscription->id = std::exchange(extra->renewal, {});
    extra->member = std::exchange(extra->renewal_member, {});
  } else if (subscription->id != what.subscription) {
    return;
  }
  subscription->active = true;

  Succeeded succeeded{.roster = what.roster.get(), .position = what.position, .durable = false, .recovered = std::nullopt};
  succeeded.durable = settings_->rule_for(subscription->channel).durability != Durability::none;
  const Roster empty;
  if (succeeded.roster == nullptr && channel_traits(subscription->channel).presence) succeeded.roster = &empty;
  if (what.resume != ResumeOutcome::none) succeeded.recovered = what.resume == ResumeOutcome::complete;
  actions.send_text(encode_succeeded(subscription->channel, succeeded));
  if (what.resume == ResumeOutcome::gap) {
    actions.send_text(encode_gap(subscription->channel, what.position.epoch, what.gap_after, what.gap_before));
  }

  if (what.cache_channel && what.cached == nullptr) actions.send_text(encode_cache_miss(subscription->channel));
  if (what.catching_up) {
    start_catch_up(*subscription, what, actions);
    return;
  }
  if (what.cached != nullptr) actions.send_text(encode_publication(subscription->channel, *what.cached));
  start_tracking(*subscription, what.position, now);
  const bool tracked = subscription->extra != nullptr && subscription->extra->tracking.has_value();
  actions.listen(what.channel, tracked ? ListenMode::through : ListenMode::direct);
}

void Session::on_refused(const SubscribeRefused& what, Actions& actions) {
  auto* subscription = find(what.channel.name());
  if (subscription == nullptr) return;
  if (subscription->active) {  // what was asked again is refused; what was there stays
    if (subscription->extra == nullptr || subscription->extra->renewal != what.subscription) return;
    subscription->extra->renewal = {};
    subscription->extra->renewal_member = {};
  } else if (subscription->id == what.subscription) {
    forget(*subscription);
  } else {
    return;
  }
  refuse(what.channel.name(), what.error, actions);
}

void Session::request_leave(const Subscription& subscription, LeaveReason reason, Actions& actions) {
  const auto leave = [&](SubscriptionId id) {
    actions.request({.from = {},
                     .what = Unsubscribe{.channel = key(subscription.channel),
                                         .subscription = id,
                                         .reason = reason,
                                         .client_id = resumer_ == nullptr ? "" : resumer_->client_id}});
  };
  leave(subscription.id);
  // A renewal may have been taken or refused by now: the channel knows one of the two ids.
  if (subscription.extra != nullptr && subscription.extra->renewal.value != 0) leave(subscription.extra->renewal);
}

void Session::unsubscribe(std::string_view data, Actions& actions) {
  const auto decoded = decode_unsubscribe(data, settings_->limits.json_depth_max);
  if (!decoded) {
    send_error(decoded.error(), actions);
    return;
  }
  auto* subscription = find(decoded->channel);
  if (subscription == nullptr) return;  // Echo leaves channels that it never joined
  if (subscription->active) actions.unlisten(key(decoded->channel));
  request_leave(*subscription, LeaveReason::unsubscribed, actions);
  forget(*subscription);
}

}  // namespace parley::net::pusher
