#pragma once
// Randomness as a parameter. OsRandom is the kernel's CSPRNG (ids, epochs: must be unguessable);
// SeededRandom repeats a run from its seed (tests and the simulator only).
// OsRandom is thread-safe; SeededRandom belongs to one thread.

#include <cstdint>
#include <limits>

namespace parley {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
};

class OsRandom final : public Random {
 public:
  std::uint64_t next() override;
};

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override;  // splitmix64

 private:
  std::uint64_t state_;
};

}  // namespace parley
