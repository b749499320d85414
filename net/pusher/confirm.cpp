// Knowing what a stock client surely has.
//
// For clients with a client id every event of a durable channel passes through the session, which notes the
// newest offset sent. A pusher:ping goes after it; its pusher:pong proves that the client read everything before,
// and the offset is confirmed.

#include "net/pusher/session.h"

namespace parley::net::pusher {

std::string_view Session::client_id() const { return resumer_ == nullptr ? std::string_view() : resumer_->client_id; }

bool Session::start_tracking(Subscription& subscription, Position position, MonoTime now, Actions&) {
  if (resumer_ == nullptr) return false;
  // A durable channel without a publication yet has no position, but it will be missed alike.
  const bool durable = position.exists() || settings_->rule_for(subscription.channel).durability != Durability::none;
  if (!durable) return false;
  auto& tracking = subscription.need_extra().tracking;
  if (!tracking) tracking.emplace();
  note_sent(subscription, position, now);
  return true;
}

void Session::note_sent(Subscription& subscription, Position position, MonoTime now) {
  if (subscription.extra == nullptr || !subscription.extra->tracking) return;
  subscription.extra->tracking->sent = position;
  const bool planned = resumer_->ping != 0 || resumer_->confirm_at != kNever;
  if (!planned) resumer_->confirm_at = now + settings_->timing.confirm_delay;
}

// What was missed is confirmed page by page: who is cut off in the middle goes on there.
void Session::on_page(Subscription& subscription, MonoTime now, Actions& actions) {
  start_tracking(subscription, subscription.extra->catch_up->last, now, actions);
}

// What the session published itself: nobody sends it back, but everything before it was sent.
void Session::note_own(const Published& published, MonoTime now) {
  auto* subscription = published.position.exists() ? find(published.channel.name()) : nullptr;
  if (subscription == nullptr || subscription->extra == nullptr || !subscription->extra->tracking) return;
  if (subscription->extra->catch_up != nullptr) return;  // what was missed before it was not sent yet
  if (!already_sent(published.position, subscription->extra->tracking->sent)) {
    note_sent(*subscription, published.position, now);
  }
}

void Session::send_confirming_ping(MonoTime now, Actions& actions) {
  resumer_->confirm_at = kNever;
  for (auto& subscription : subscriptions_) {
    if (subscription.extra == nullptr || !subscription.extra->tracking) continue;
    subscription.extra->tracking->pinged = subscription.extra->tracking->sent;
  }
  send_ping(now, actions);
  resumer_->ping = pings_;
}

void Session::confirm(MonoTime now, Actions& actions) {
  // Pongs come in the order of the pings: this one may answer a keep-alive that was sent before.
  if (resumer_ == nullptr || resumer_->ping == 0 || pongs_ < resumer_->ping) return;
  resumer_->ping = 0;
  bool more = false;
  for (auto& subscription : subscriptions_) {
    if (subscription.extra == nullptr || !subscription.extra->tracking) continue;
    auto& tracking = *subscription.extra->tracking;
    // A subscription that is younger than the ping has nothing confirmed by it.
    if (tracking.pinged &&
        (tracking.confirmed != tracking.pinged->offset || tracking.confirmed_epoch != tracking.pinged->epoch)) {
      tracking.confirmed = tracking.pinged->offset;
      tracking.confirmed_epoch = tracking.pinged->epoch;
      actions.request({.from = {},
                       .what = Confirm{key(subscription.channel), resumer_->client_id, tracking.pinged->offset,
                                       tracking.pinged->epoch}});
    }
    more = more || tracking.sent != tracking.pinged;
  }
  if (more) resumer_->confirm_at = now + settings_->timing.confirm_delay;
}

}  // namespace parley::net::pusher
