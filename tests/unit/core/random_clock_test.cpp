#include "core/clock.h"
#include "core/random.h"

#include <gtest/gtest.h>

#include <set>

namespace parley {
namespace {

TEST(SeededRandom, TheSameSeedIsTheSameRun) {
  SeededRandom a(4711);
  SeededRandom b(4711);
  SeededRandom c(4712);
  bool differs = false;
  for (int i = 0; i < 1'000; ++i) {
    const auto value = a.next();
    EXPECT_EQ(value, b.next());
    differs |= value != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, BelowStaysBelow) {
  SeededRandom random(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) {
    const auto value = random.below(7);
    EXPECT_LT(value, 7U);
    seen.insert(value);
  }
  EXPECT_EQ(seen.size(), 7U);
  EXPECT_EQ(random.below(0), 0U);
}

TEST(OsRandom, DoesNotRepeatItself) {
  OsRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(seen.insert(random.next()).second);
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock({1'000});
  const auto start = clock.now();
  EXPECT_EQ(clock.now(), start);
  clock.advance(milliseconds(250));
  EXPECT_EQ(clock.now() - start, milliseconds(250));
  EXPECT_EQ(clock.wall().ms, 1'250);
  clock.jump_wall(milliseconds(-500));  // the wall jumps, measured time does not
  EXPECT_EQ(clock.now() - start, milliseconds(250));
  EXPECT_EQ(clock.wall().ms, 750);
}

}  // namespace
}  // namespace parley
