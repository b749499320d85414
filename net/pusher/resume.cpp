// Catching up with what was missed. While Missed answers are on their way, live events wait.

#include "net/pusher/channel_session.h"

#include <algorithm>

namespace parley::net::pusher {

bool already_sent(Position position, Position last) {
  return position.exists() && position.epoch == last.epoch && position.offset <= last.offset;
}

void ChannelSession::start_catch_up(Subscription& subscription, Subscribed& what, Actions& actions) {
  drop_catch_up(subscription);
  auto& catch_up = subscription.need_extra().catch_up;
  catch_up = std::make_unique<CatchUp>();
  catch_up->last.epoch = what.position.epoch;
  catch_up->newest = what.position;
  catch_up->cached = std::move(what.cached);
  actions.listen(what.channel, ListenMode::through);
}

void ChannelSession::on_missed(const Missed& what, MonoTime now, Actions& actions) {
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
    if (!follows) say_publication(*subscription, *cached, actions);
  }
  for (const auto& publication : what.publications) {
    if (already_sent(publication->position, catch_up->last)) continue;
    catch_up->last = publication->position;
    if (publication->deleted || has_sent(*subscription, *publication)) continue;
    say_publication(*subscription, *publication, actions);
  }
  if (what.error) {
    const Offset before{catch_up->newest.offset.value + 1};
    say_gap(subscription->channel, catch_up->newest.epoch, catch_up->last.offset, before, actions);
  }
  if (what.last || what.error) finish_catch_up(*subscription, now, actions);
}

void ChannelSession::finish_catch_up(Subscription& subscription, MonoTime now, Actions& actions) {
  auto& catch_up = *subscription.extra->catch_up;
  if (!already_sent(catch_up.newest, catch_up.last)) catch_up.last = catch_up.newest;
  for (const auto& held : catch_up.held) {
    if (already_sent(held.position, catch_up.last)) continue;
    if (held.position.exists()) catch_up.last = held.position;
    say_frame(subscription, held.frame, held.position, actions);
  }
  const auto last = catch_up.last;
  drop_catch_up(subscription);
  // Whatever the hub hands over next comes after what was held: nothing is between the two modes.
  if (!start_tracking(subscription, last, now, actions)) actions.listen(key(subscription.channel), ListenMode::direct);
}

void ChannelSession::drop_catch_up(Subscription& subscription) {
  if (subscription.extra == nullptr || subscription.extra->catch_up == nullptr) return;
  for (const auto& held : subscription.extra->catch_up->held) held_bytes_ -= held.frame->size();
  subscription.extra->catch_up.reset();
}

void ChannelSession::hold(Subscription& subscription, const Bytes& frame, Position position, Actions& actions) {
  held_bytes_ += frame->size();
  subscription.extra->catch_up->held.push_back({frame, position});
  if (held_bytes_ <= settings_->limits.catch_up_buffer_bytes_max) return;
  context_.metrics.catch_up_overflows.add();
  end_with(make_error(Errc::slow_consumer, "too much was published while the connection caught up"), actions);
}

void ChannelSession::on_event(const ChannelEvent& event, const Bytes& frame, MonoTime now, Actions& actions) {
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
  say_frame(*subscription, frame, position, actions);
  if (position.exists()) note_sent(*subscription, position, now);
}

}  // namespace parley::net::pusher
