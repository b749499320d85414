// Catching up with what was missed, and knowing what a stock client surely has.
//
// While Missed answers are on their way, live events wait. For clients with a client id every event of
// a durable channel passes through the session, which notes the newest offset sent. A pusher:ping goes
// after it; its pusher:pong proves that the client read everything before, and the offset is confirmed.

#include "net/pusher/encoder.h"
#include "net/pusher/session.h"

#include <algorithm>

namespace parley::net::pusher {
namespace {

// Offsets count within an epoch; another epoch is another history.
bool already_sent(Position position, Position last) {
  return position.exists() && position.epoch == last.epoch && position.offset <= last.offset;
}

}  // namespace

void Session::start_catch_up(Subscription& subscription, Subscribed& what, Actions& actions) {
  drop_catch_up(subscription);
  auto& catch_up = subscription.need_extra().catch_up;
  catch_up = std::make_unique<CatchUp>();
  catch_up->last.epoch = what.position.epoch;
  catch_up->newest = what.position;
  catch_up->cached = std::move(what.cached);
  actions.listen(what.channel, ListenMode::through);
}

void Session::on_missed(const Missed& what, MonoTime now, Actions& actions) {
  auto* subscription = find(what.channel.name());
  if (subscription == nullptr || subscription->id != what.subscription || subscription->extra == nullptr) return;
  auto* catch_up = subscription->extra->catch_up.get();
  if (catch_up == nullptr) return;

  if (catch_up->cached != nullptr && (!what.publications.empty() || what.last)) {
    const auto cached = std::exchange(catch_up->cached, nullptr);
    // The missed ones are contiguous: from the first on they hold the cached event too.
    const bool follows = !what.publications.empty() &&
                         what.publications.front()->position.epoch == cached->position.epoch &&
                         what.publications.front()->position.offset <= cached->position.offset;
    if (!follows) actions.send_text(encode_publication(subscription->channel, *cached));
  }
  for (const auto& publication : what.publications) {
    if (already_sent(publication->position, catch_up->last)) continue;
    catch_up->last = publication->position;
    if (!publication->deleted) actions.send_text(encode_publication(subscription->channel, *publication));
  }
  if (what.error) {
    const Offset before{catch_up->newest.offset.value + 1};
    actions.send_text(encode_gap(subscription->channel, catch_up->newest.epoch, catch_up->last.offset, before));
  }
  if (what.last || what.error) finish_catch_up(*subscription, now, actions);
}

void Session::finish_catch_up(Subscription& subscription, MonoTime now, Actions& actions) {
  auto& catch_up = *subscription.extra->catch_up;
  if (!already_sent(catch_up.newest, catch_up.last)) catch_up.last = catch_up.newest;
  for (const auto& held : catch_up.held) {
    if (already_sent(held.position, catch_up.last)) continue;
    if (held.position.exists()) catch_up.last = held.position;
    actions.send_frame(held.frame);
  }
  const auto last = catch_up.last;
  drop_catch_up(subscription);
  start_tracking(subscription, last, now);
  // Whatever the hub hands over next comes after what was held: nothing is between the two modes.
  if (!subscription.extra->tracking) actions.listen(key(subscription.channel), ListenMode::direct);
}

void Session::drop_catch_up(Subscription& subscription) {
  if (subscription.extra == nullptr || subscription.extra->catch_up == nullptr) return;
  for (const auto& held : subscription.extra->catch_up->held) held_bytes_ -= held.frame->size();
  subscription.extra->catch_up.reset();
}

void Session::hold(Subscription& subscription, const Bytes& frame, Position position, Actions& actions) {
  held_bytes_ += frame->size();
  subscription.extra->catch_up->held.push_back({frame, position});
  if (held_bytes_ <= settings_->limits.catch_up_buffer_bytes_max) return;
  context_.metrics.catch_up_overflows.add();
  end_with(make_error(Errc::slow_consumer, "too much was published while the connection caught up"), actions);
}

void Session::on_event(const ChannelEvent& event, const Bytes& frame, MonoTime now, Actions& actions) {
  if (closing_) return;
  auto* subscription = find(event.channel.name());
  if (subscription == nullptr || !subscription->active) return;
  const auto* published = std::get_if<ChannelEvent::Published>(&event.what);
  const auto position = published == nullptr ? Position{} : published->publication->position;
  auto* extra = subscription->extra.get();
  if (extra != nullptr && extra->catch_up != nullptr) {
    hold(*subscription, frame, position, actions);
    return;
  }
  actions.send_frame(frame);
  if (extra != nullptr && extra->tracking && position.exists()) note_sent(*extra->tracking, position, now);
}

void Session::start_tracking(Subscription& subscription, Position position, MonoTime now) {
  if (resumer_ == nullptr) return;
  // A durable channel without a publication yet has no position, but it will be missed alike.
  const bool durable = position.exists() || settings_->rule_for(subscription.channel).durability != Durability::none;
  if (!durable) return;
  auto& tracking = subscription.need_extra().tracking;
  if (!tracking) tracking.emplace();
  note_sent(*tracking, position, now);
}

void Session::note_sent(Tracking& tracking, Position position, MonoTime now) {
  tracking.sent = position;
  const bool planned = resumer_->ping != 0 || resumer_->confirm_at != kNever;
  if (!planned) resumer_->confirm_at = now + settings_->timing.confirm_delay;
}

// What the session published itself: nobody sends it back, but everything before it was sent.
void Session::note_own(const Published& published, MonoTime now) {
  auto* subscription = published.position.exists() ? find(published.channel.name()) : nullptr;
  if (subscription == nullptr || subscription->extra == nullptr || !subscription->extra->tracking) return;
  auto& tracking = *subscription->extra->tracking;
  if (!already_sent(published.position, tracking.sent)) note_sent(tracking, published.position, now);
}

void Session::send_confirming_ping(MonoTime now, Actions& actions) {
  resumer_->confirm_at = kNever;
  for (auto& subscription : subscriptions_) {
    if (subscription.extra == nullptr || !subscription.extra->tracking) continue;
    subscription.extra->tracking->pinged = subscription.extra->tracking->sent.offset;
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
    if (tracking.pinged && tracking.confirmed != tracking.pinged) {
      tracking.confirmed = tracking.pinged;
      actions.request({.from = {}, .what = Confirm{key(subscription.channel), resumer_->client_id, *tracking.pinged}});
    }
    more = more || tracking.sent.offset != tracking.pinged;
  }
  if (more) resumer_->confirm_at = now + settings_->timing.confirm_delay;
}

}  // namespace parley::net::pusher
