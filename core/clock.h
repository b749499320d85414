#pragma once
// Time is a value someone hands you. Rules take `MonoTime now` or `WallTime now` as an argument;
// only shells own a Clock, and only core/clock.cpp asks the system for the time.
//
// MonoTime measures (timeouts, latency) and never jumps. WallTime is told to people and written to
// disk (milliseconds since 1970) and may jump. Clock is thread-safe.

#include <atomic>
#include <chrono>
#include <cstdint>

namespace parley {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct MonoClockTag {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<MonoClockTag, duration>;
  static constexpr bool is_steady = true;
};
using MonoTime = MonoClockTag::time_point;
inline constexpr MonoTime kNever = MonoTime::max();

struct WallTime {
  std::int64_t ms = 0;  // since 1970-01-01T00:00:00Z
  auto operator<=>(const WallTime&) const = default;
  friend WallTime operator+(WallTime t, milliseconds d) { return {t.ms + d.count()}; }
  friend WallTime operator-(WallTime t, milliseconds d) { return {t.ms - d.count()}; }
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime now() const = 0;
  virtual WallTime wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  MonoTime now() const override;
  WallTime wall() const override;
};

// A clock that stands still until told to advance. One instance for each simulated world.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = {1'760'000'000'000}) : wall_ms_(start.ms) {}
  MonoTime now() const override { return MonoTime(std::chrono::nanoseconds(mono_ns_.load())); }
  WallTime wall() const override { return {wall_ms_.load()}; }
  void advance(milliseconds by) {
    mono_ns_ += std::chrono::nanoseconds(by).count();
    wall_ms_ += by.count();
  }
  void jump_wall(milliseconds by) { wall_ms_ += by.count(); }  // what an operator's `date` does

 private:
  std::atomic<std::int64_t> mono_ns_{1'000'000'000};
  std::atomic<std::int64_t> wall_ms_;
};

}  // namespace parley
