// Another leader: who is here, and as whom, is said to it, and what the one before has not answered it is asked. The
// hub has the session say who is here first, and then tells it (LedAnew).

#include "core/command.h"
#include "net/session/channel_session.h"

#include <algorithm>
#include <utility>

namespace parley::net {
namespace {

constexpr milliseconds kAskAgainAfter{500};  // nobody is known to lead, or somebody who does not
constexpr seconds kAskFor{10};

}  // namespace

// ---- who is here ----

// A renewal that is on its way is said to whoever led before: it is not answered, and what was there stays.
void ChannelSession::announce(Announcer& to) const {
  announce_users(to);
  for (const auto& subscription : subscriptions_) {
    if (!subscription.active || closing_) continue;
    auto channel = key(subscription.channel);
    if (!to.wants(channel)) continue;
    Announce::Subscription one{.session = socket_, .subscription = subscription.id};
    if (subscription.extra != nullptr) {
      one.member = subscription.extra->member;
      one.came = subscription.extra->came;
    }
    if (const auto* user = subscription.user()) {
      one.user_id = *user;
    } else if (identity_ != nullptr) {
      one.user_id = identity_->id;
    }
    one.client_id = client_id();
    to.announce(std::move(channel), std::move(one));
  }
}

// As it stands, so that nothing seems to change: whatever was said on the way to the leader before is in it.
void ChannelSession::announce_users(Announcer& to) const {
  if (closing_) return;
  for (auto& id : users_spoken_for()) {
    AnnounceUser user{.user = {app_->id, std::move(id)}, .activity = activity_, .about = visitor_->about};
    if (!to.wants(user_place(user.user))) continue;
    for (const auto& subscription : subscriptions_) {
      const auto* as = subscription.active ? subscription.user() : nullptr;
      if (as == nullptr || *as != user.user.id) continue;
      user.channels.push_back(subscription.channel);
      const auto* member = subscription.extra->member.get();
      user.id_form = member == nullptr ? subscription.extra->token_user_form : member->id_form;
      if (member != nullptr && !member->user_info.empty()) user.user_info = member->user_info;
    }
    if (identity_ != nullptr && identity_->id == user.user.id) {
      user.signed_in = true;
      user.id_form = identity_->id_form;
      if (!identity_->user_info.empty()) user.user_info = identity_->user_info;
      user.via = identity_->claims == nullptr ? Via::signature : Via::token;
      if (identity_->claims != nullptr) user.token_issued = identity_->claims->issued_at;
    }
    to.announce(std::move(user));
  }
}

// ---- what is asked again ----

void ChannelSession::ask_channel(Subscribe subscribe, Actions& actions) {
  flow().asked.push_back({.subscribe = subscribe});
  actions.request({.from = {}, .what = std::move(subscribe)});
}

void ChannelSession::answered(SubscriptionId subscription) {
  if (flow_ == nullptr || subscription.value == 0) return;
  std::erase_if(flow_->asked, [&](const AskedChannel& one) { return one.subscribe.subscription == subscription; });
  const bool idle = flow_->asked.empty() && flow_->rosters.empty() && !flow_->room_asked && flow_->due == kNever;
  if (idle) flow_.reset();
}

bool ChannelSession::asks_later(const SubscribeRefused& what, MonoTime now) {
  if (flow_ == nullptr || what.error.code != Errc::not_leader) return false;
  const auto one = std::find_if(flow_->asked.begin(), flow_->asked.end(), [&](const AskedChannel& asked) {
    return asked.subscribe.subscription == what.subscription;
  });
  if (one == flow_->asked.end()) return false;
  if (one->until == MonoTime{}) one->until = now + kAskFor;
  if (now >= one->until) return false;
  one->again_at = now + kAskAgainAfter;
  flow().due = std::min(flow().due, one->again_at);
  return true;
}

// Under another number: an answer of the leader before, that is late, is not for it. The first one may have come to the
// new leader all the same, and what is there by it ends behind this, if it is not replaced by it.
void ChannelSession::ask_again(AskedChannel& asked, Actions& actions) {
  auto* subscription = find(asked.subscribe.channel.name());
  if (subscription == nullptr) return;
  const bool was_refused = asked.again_at != kNever;
  const auto before = std::exchange(asked.subscribe.subscription, SubscriptionId{next_subscription_++});
  asked.again_at = kNever;
  if (subscription->active) {
    subscription->extra->renewal = asked.subscribe.subscription;
  } else {
    subscription->id = asked.subscribe.subscription;
  }
  actions.request({.from = {}, .what = asked.subscribe});
  if (subscription->active || was_refused) return;
  actions.request({.from = {},
                   .what = Unsubscribe{.channel = asked.subscribe.channel,
                                       .subscription = before,
                                       .reason = LeaveReason::connection_lost,
                                       .client_id = std::string(client_id())}});
}

void ChannelSession::ask_due(MonoTime now, Actions& actions) {
  if (flow_ == nullptr) return;
  for (auto& one : flow_->asked) {
    if (one.again_at <= now) ask_again(one, actions);
    flow().due = std::min(flow().due, one.again_at);
  }
}

void ChannelSession::on_led_anew(const LedAnew& led, Actions& actions) {
  if (flow_ != nullptr) {
    for (auto& one : flow_->asked) {
      if (led.holds(one.subscribe.channel)) ask_again(one, actions);
    }
  }
  for (auto& one : subscriptions_) {
    auto* catch_up = one.extra == nullptr ? nullptr : one.extra->catch_up.get();
    if (catch_up == nullptr || !catch_up->asked || !led.holds(key(one.channel))) continue;
    ++catch_up->number;
    catch_up->asked = false;
    catch_up->flows = true;
  }
  want_room(actions);
}

}  // namespace parley::net
