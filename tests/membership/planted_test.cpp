// Who finds nothing must be known to find something: with each planted bug some seed is not clean.

#include "tests/membership/world.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace parley::membership {
namespace {

constexpr std::uint64_t kSeedsMax = 60;
constexpr std::uint64_t kFoundingSeedsMax = 4'000;

class PlantedInGossip : public testing::TestWithParam<Bug> {
 protected:
  void TearDown() override { plant(Bug::none); }
};

TEST_P(PlantedInGossip, IsCaught) {
  plant(GetParam());
  for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    for (int i = 0; i < static_cast<int>(Profile::kCount); ++i) {
      const auto profile = static_cast<Profile>(i);
      const auto outcome = simulate({.seed = seed, .profile = profile, .time = seconds(40)});
      if (!outcome.violation) continue;
      fmt::print("{}: seed {} of {}: {}\n", to_text(GetParam()), seed, to_text(profile), *outcome.violation);
      return;
    }
  }
  // Two that found at the same time are rare: many of these, which cost little.
  for (std::uint64_t seed = kSeedsMax + 1; seed <= kFoundingSeedsMax; ++seed) {
    const auto outcome = simulate({.seed = seed, .profile = Profile::founding});
    if (!outcome.violation) continue;
    fmt::print("{}: seed {} of founding: {}\n", to_text(GetParam()), seed, *outcome.violation);
    return;
  }
  ADD_FAILURE() << to_text(GetParam()) << " was not caught in " << kSeedsMax << " seeds";
}

TEST(PlantedNothing, TheCopiesAreClean) {
  for (int i = 0; i < static_cast<int>(Profile::kCount); ++i) {
    const auto outcome = simulate({.seed = 1, .profile = static_cast<Profile>(i)});
    EXPECT_FALSE(outcome.violation) << outcome.violation.value_or("");
  }
}

std::vector<Bug> all_bugs() {
  std::vector<Bug> bugs;
  for (int i = 1; i < static_cast<int>(Bug::kCount); ++i) bugs.push_back(static_cast<Bug>(i));
  return bugs;
}
INSTANTIATE_TEST_SUITE_P(Gossip, PlantedInGossip, testing::ValuesIn(all_bugs()),
                         [](const auto& one) { return std::string(to_text(one.param)); });

}  // namespace
}  // namespace parley::membership
