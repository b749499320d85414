#include "core/random.h"

#include "core/check.h"

#include <array>

#include <sys/random.h>

namespace parley {

std::uint64_t OsRandom::next() {
  // A small cache per thread: one system call for 32 numbers.
  thread_local std::array<std::uint64_t, 32> cache;
  thread_local std::size_t left = 0;
  if (left == 0) {
    const auto got = ::getrandom(cache.data(), sizeof(cache), 0);
    CHECK(got == static_cast<ssize_t>(sizeof(cache)));
    left = cache.size();
  }
  return cache[--left];
}

std::uint64_t SeededRandom::next() {
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace parley
