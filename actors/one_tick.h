#pragma once
// When an actor is to be woken, although a message that was sent into the future cannot be called back.
//
// The owner asks after each message when it wants to be woken; a Tick is sent only where none that is on its
// way comes in time, and what comes too early just asks again. So those in flight have falling times, and of
// one kind of wait (an idle time, a grace period) at most one is among them, however often it begins anew:
// churn never makes them more. A plain value, owned by one actor.

#include "core/clock.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace parley::actors {

class OneTick {
 public:
  // How long from now a Tick is to be sent; nothing: no wish, or one is on its way that comes in time.
  std::optional<std::chrono::nanoseconds> wish(std::optional<MonoTime> due, MonoTime now) {
    if (!due) return std::nullopt;
    const auto at = std::max(*due, now);
    if (!in_flight_.empty() && in_flight_.back() <= at) return std::nullopt;
    in_flight_.push_back(at);
    return at - now;
  }
  // A Tick came. They are alike, so it is the next one.
  void came() {
    if (!in_flight_.empty()) in_flight_.pop_back();
  }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }

 private:
  std::vector<MonoTime> in_flight_;  // the next one last
};

}  // namespace parley::actors
