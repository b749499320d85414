#include "net/hub/timer_wheel.h"

#include <algorithm>

namespace parley::net {

void TimerWheel::Head::reset() {
  next_ = this;
  previous_ = this;
}

TimerWheel::TimerWheel(milliseconds tick, MonoTime start) : tick_(tick), at_(start) {}

void TimerWheel::schedule(TimerNode& node, MonoTime when) {
  if (when >= node.seen_at_ && node.next_ != nullptr) return;
  node.unlink();
  if (when == MonoTime::max()) return;
  link(node, when);
}

void TimerWheel::cancel(TimerNode& node) {
  node.unlink();
  node.seen_at_ = MonoTime::max();
}

void TimerWheel::link(TimerNode& node, MonoTime when) {
  const auto ticks = when <= at_ ? 0 : (when - at_) / tick_;
  const auto steps = std::min<std::int64_t>(ticks, kBuckets - 2);  // never the one being visited
  node.seen_at_ = at_ + steps * tick_;
  Head& head = buckets_[(hand_ + static_cast<std::size_t>(steps)) % kBuckets];
  node.previous_ = head.previous_;
  node.next_ = &head;
  head.previous_->next_ = &node;
  head.previous_ = &node;
}

void TimerWheel::advance(MonoTime now) {
  // A process that was stopped for long: one round sees everybody.
  if (now - at_ > tick_ * static_cast<std::int64_t>(kBuckets)) at_ = now - tick_ * static_cast<std::int64_t>(kBuckets);
  while (now - at_ >= tick_) {
    Head& bucket = buckets_[hand_];
    hand_ = (hand_ + 1) % kBuckets;
    at_ += tick_;
    visit(bucket, now);
  }
}

void TimerWheel::visit(Head& bucket, MonoTime now) {
  // Nodes may be cancelled or scheduled meanwhile: always take the first. New times land elsewhere,
  // because the hand has moved on.
  while (bucket.next_ != &bucket) {
    TimerNode& node = *bucket.next_;
    cancel(node);
    const MonoTime next = node.on_timer(now);
    schedule(node, next);
  }
}

}  // namespace parley::net
