#include "core/clock.h"

namespace parley {

MonoTime SystemClock::now() const {
  return MonoTime(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()));
}

WallTime SystemClock::wall() const {
  return {std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

}  // namespace parley
