// Seeds that must be clean. PARLEY_RAFT_SEEDS: how many new ones of each profile, from PARLEY_RAFT_FIRST on.

#include "tests/raft/world.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace parley::raft {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

class RaftSim : public testing::TestWithParam<Profile> {};

TEST_P(RaftSim, SeedsAreClean) {
  const auto first = from_environment("PARLEY_RAFT_FIRST", 1);
  const auto count = from_environment("PARLEY_RAFT_SEEDS", 12);
  for (auto seed = first; seed < first + count; ++seed) {
    const auto outcome = simulate({&GetParam(), seed, Bug::none});
    EXPECT_EQ(outcome.failure, "") << "parley_raft_sim --profile " << GetParam().name << " --seed " << seed;
    EXPECT_GT(outcome.counts.acknowledged, 20U) << "seed " << seed << " does hardly anything";
  }
}

TEST_P(RaftSim, TheSameSeedGivesTheSameTrace) {
  const auto once = simulate({&GetParam(), 4711, Bug::none});
  const auto again = simulate({&GetParam(), 4711, Bug::none});
  EXPECT_EQ(once.trace, again.trace);
  EXPECT_NE(once.trace, simulate({&GetParam(), 4712, Bug::none}).trace);
}

INSTANTIATE_TEST_SUITE_P(Raft, RaftSim, testing::ValuesIn(profiles().begin(), profiles().end()),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace parley::raft
