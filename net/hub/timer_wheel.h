#pragma once
// Deadlines of many connections for almost nothing: buckets of a tick each, linked lists without
// allocation. Coarse: a node is visited in the tick after its time. Moving a deadline later costs
// nothing until the old time comes, because the visited node says when it wants to be seen again.
// Belongs to a hub, on its I/O thread.

#include "core/clock.h"

#include <array>
#include <cstddef>

namespace parley::net {

class TimerNode {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  virtual ~TimerNode() { unlink(); }
  // The time has come. Returns when to be seen next; MonoTime::max() for never. May destroy nothing.
  virtual MonoTime on_timer(MonoTime now) = 0;

 private:
  friend class TimerWheel;
  void unlink() {
    if (next_ == nullptr) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }
  TimerNode* next_ = nullptr;
  TimerNode* previous_ = nullptr;
  MonoTime seen_at_ = MonoTime::max();
};

class TimerWheel {
 public:
  TimerWheel(milliseconds tick, MonoTime start);
  // Be seen at `when` or soon after. A node that is due to be seen earlier anyway stays where it is.
  void schedule(TimerNode& node, MonoTime when);
  void cancel(TimerNode& node);
  // Visits all that is due up to `now`.
  void advance(MonoTime now);

 private:
  struct Head final : TimerNode {
    Head() { reset(); }
    void reset();
    MonoTime on_timer(MonoTime) override { return MonoTime::max(); }
  };
  static constexpr std::size_t kBuckets = 1024;  // longer deadlines are seen once a round and put back

  void link(TimerNode& node, MonoTime when);
  void visit(Head& bucket, MonoTime now);

  std::chrono::nanoseconds tick_;
  MonoTime at_;  // everything before was visited
  std::size_t hand_ = 0;
  std::array<Head, kBuckets> buckets_;
};

}  // namespace parley::net
