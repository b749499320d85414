#pragma once
// Who guesses a secret: counts failures of each client address and turns away those that had too many.
// Bounded: when it is full, whoever failed longest ago is forgotten. IPv6 clients count by their /64,
// which one household has. Thread-safe.

#include "core/clock.h"
#include "core/mutex.h"

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <string_view>

namespace parley::net {

class FailureThrottle {
 public:
  struct Bounds {
    std::uint32_t failures_max = 10;  // within `window`; then: turned away for `penalty`
    std::chrono::seconds window{60};
    std::chrono::seconds penalty{60};
    std::size_t addresses_max = 10'000;  // the oldest is forgotten
  };

  explicit FailureThrottle(Bounds bounds) : bounds_(bounds) {}
  FailureThrottle() : FailureThrottle(Bounds{}) {}

  [[nodiscard]] bool refuses(std::string_view address, MonoTime now);
  void failed(std::string_view address, MonoTime now);
  [[nodiscard]] std::size_t size() const;

 private:
  using Key = std::array<std::uint8_t, 16>;
  struct Entry {
    Key key;
    std::uint32_t failures = 0;
    MonoTime began;  // of the window
    MonoTime refused_until;
  };
  static Key key_of(std::string_view address);

  const Bounds bounds_;
  mutable Mutex mutex_;                                 // a leaf
  std::list<Entry> entries_ PARLEY_GUARDED_BY(mutex_);  // whoever failed last stands in front
  std::map<Key, std::list<Entry>::iterator> places_ PARLEY_GUARDED_BY(mutex_);
};

}  // namespace parley::net
