// Who finds nothing must be known to find something: with each planted bug some seed is not clean.

#include "core/log.h"
#include "tests/sim/world.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace parley::sim {
namespace {

constexpr std::uint64_t kSeedsMax = 400;

class PlantedBug : public testing::TestWithParam<Bug> {};

TEST_P(PlantedBug, IsCaught) {
  configure_log(LogLevel::off, LogFormat::text);
  for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    const auto outcome = simulate({.seed = seed, .bug = GetParam()});
    if (!outcome.violation) continue;
    fmt::print("{}: seed {}: {}: {}\n", to_text(GetParam()), seed, outcome.violation->invariant,
               outcome.violation->what);
    return;
  }
  ADD_FAILURE() << to_text(GetParam()) << " was not caught in " << kSeedsMax << " seeds";
}

std::vector<Bug> all_bugs() {
  std::vector<Bug> bugs;
  for (int i = 1; i < static_cast<int>(Bug::kCount); ++i) bugs.push_back(static_cast<Bug>(i));
  return bugs;
}
INSTANTIATE_TEST_SUITE_P(Sim, PlantedBug, testing::ValuesIn(all_bugs()),
                         [](const auto& one) { return std::string(to_text(one.param)); });

}  // namespace
}  // namespace parley::sim
