// Who finds nothing must be known to find something: with each planted bug some seed is not clean.

#include "tests/raft/world.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parley::raft {
namespace {

constexpr std::uint64_t kSeedsMax = 60;  // of each profile

class PlantedBug : public testing::TestWithParam<Bug> {};

TEST_P(PlantedBug, IsCaught) {
  for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    for (const auto& profile : profiles()) {
      const auto outcome = simulate({&profile, seed, GetParam()});
      if (outcome.failure.empty()) continue;
      fmt::print("{}: {} seed {}: {}\n", to_text(GetParam()), profile.name, seed, outcome.failure.substr(0, 200));
      return;
    }
  }
  ADD_FAILURE() << to_text(GetParam()) << " was not caught in " << kSeedsMax << " seeds of each profile";
}

std::vector<Bug> all_bugs() {
  std::vector<Bug> bugs;
  for (int i = 1; i < static_cast<int>(Bug::kCount); ++i) bugs.push_back(static_cast<Bug>(i));
  return bugs;
}
INSTANTIATE_TEST_SUITE_P(Raft, PlantedBug, testing::ValuesIn(all_bugs()),
                         [](const auto& one) { return std::string(to_text(one.param)); });

}  // namespace
}  // namespace parley::raft
