#pragma once
// So many per second, with a burst of one second's worth, in eight bytes: the time up to which the
// allowance is used (GCRA). A value; its owner's thread.

#include "core/clock.h"

#include <algorithm>
#include <cstdint>

namespace parley::net {

class RateLimit {
 public:
  // False: refused, and nothing is used up.
  bool take(std::uint32_t per_second_max, std::uint64_t count, MonoTime now) {
    if (!has(per_second_max, count, now)) return false;
    if (per_second_max != 0) used_until_ = std::max(used_until_, now) + cost(per_second_max, count);
    return true;
  }

  // Would it be taken?
  [[nodiscard]] bool has(std::uint32_t per_second_max, std::uint64_t count, MonoTime now) const {
    if (per_second_max == 0) return true;
    const auto start = std::max(used_until_, now);
    // More at once than a whole second's worth can never fit: it passes alone, as a debt.
    return start + cost(per_second_max, count) - now <= kSecond || start <= now;
  }

  // Uses in any case, as a debt; of what is only known when it is done.
  void use(std::uint32_t per_second_max, std::uint64_t count, MonoTime now) {
    used_until_ = std::max(used_until_, now) + cost(per_second_max, count);
  }
  // Until so long from now everything is used.
  [[nodiscard]] std::chrono::nanoseconds owes(MonoTime now) const {
    return std::max(used_until_ - now, std::chrono::nanoseconds(0));
  }

 private:
  static constexpr std::chrono::nanoseconds kSecond = std::chrono::seconds(1);
  static std::chrono::nanoseconds cost(std::uint32_t per_second_max, std::uint64_t count) {
    return kSecond * static_cast<std::int64_t>(count) / per_second_max;
  }

  MonoTime used_until_{};
};

}  // namespace parley::net
