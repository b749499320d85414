#pragma once
// So many per second, with a burst of one second's worth, in eight bytes: the time up to which the
// allowance is used (GCRA). A value; its owner's thread.

#include "core/clock.h"

#include <algorithm>
#include <cstdint>

namespace parley::net::pusher {

class RateLimit {
 public:
  // False: refused, and nothing is used up.
  bool take(std::uint32_t per_second_max, std::uint64_t count, MonoTime now) {
    if (per_second_max == 0) return true;
    constexpr std::chrono::nanoseconds second = std::chrono::seconds(1);
    const auto cost = second * static_cast<std::int64_t>(count) / per_second_max;
    const auto start = std::max(used_until_, now);
    // More at once than a whole second's worth can never fit: it passes alone, as a debt.
    if (start + cost - now > second && start > now) return false;
    used_until_ = start + cost;
    return true;
  }

 private:
  MonoTime used_until_{};
};

}  // namespace parley::net::pusher
