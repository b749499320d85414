#pragma once
// For log lines that would come with every request: true once a minute. Thread-safe.

#include "core/clock.h"

#include <atomic>

namespace parley::net {

class Paced {
 public:
  bool due(MonoTime now) {
    const auto at = now.time_since_epoch().count();
    auto next = next_.load(std::memory_order_relaxed);
    return at >= next && next_.compare_exchange_strong(next, (now + kPause).time_since_epoch().count());
  }

 private:
  static constexpr seconds kPause{60};
  std::atomic<MonoTime::rep> next_{MonoTime::min().time_since_epoch().count()};
};

}  // namespace parley::net
