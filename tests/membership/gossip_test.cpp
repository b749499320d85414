// Seeds of the gossip's simulator, and what it measures. That it finds what is to be found: planted_test.cpp.
//
//   PARLEY_GOSSIP_SEED=n   only this seed, of each profile; parley_gossip_sim plays one by hand, with a trace
//   PARLEY_GOSSIP_SEEDS=n  n new seeds of each profile instead of a few
//   PARLEY_GOSSIP_FROM=n   where new seeds begin; by default at a place of this run's own

#include "tests/membership/world.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

namespace parley::membership {
namespace {

std::optional<std::uint64_t> from_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::strtoull(value, nullptr, 10);
}

Outcome expect_clean(const Run& run) {
  auto outcome = simulate(run);
  if (outcome.violation) {
    ADD_FAILURE() << "parley_gossip_sim --seed " << run.seed << " --profile " << to_text(run.profile) << " --seconds "
                  << run.time.count() << " --nodes " << run.nodes << "\n"
                  << *outcome.violation;
  }
  return outcome;
}

milliseconds share(std::vector<milliseconds>& of, double part) {
  std::sort(of.begin(), of.end());
  return of.empty() ? milliseconds(0) : of[static_cast<std::size_t>(part * static_cast<double>(of.size() - 1))];
}

std::uint64_t first_seed() {
  return from_environment("PARLEY_GOSSIP_FROM").value_or(std::random_device()() * 1'000ULL);
}

class GossipSeeds : public testing::TestWithParam<Profile> {};

TEST_P(GossipSeeds, AreClean) {
  const auto profile = GetParam();
  if (const auto only = from_environment("PARLEY_GOSSIP_SEED")) {
    expect_clean({.seed = *only, .profile = profile});
    return;
  }
  const auto usual = profile == Profile::any ? 200 : 40;
  const auto count = from_environment("PARLEY_GOSSIP_SEEDS").value_or(usual);
  const auto first = first_seed();
  std::vector<milliseconds> agreements;
  double node_seconds = 0;
  std::uint64_t faults = 0;
  std::uint64_t false_deaths = 0;
  const auto play = [&](std::uint64_t seed) {
    const auto outcome = expect_clean({.seed = seed, .profile = profile});
    agreements.push_back(outcome.agreed);
    node_seconds += outcome.node_seconds;
    faults += outcome.faults;
    false_deaths += outcome.false_deaths;
  };
  for (std::uint64_t seed = 1; seed <= 20; ++seed) play(seed);  // the same in each run
  for (auto seed = first; seed < first + count && !HasFailure(); ++seed) play(seed);
  fmt::print(
      "{}: {} seeds from {}, {:.0f} node seconds, {} faults, {} deaths of living ones, agreement p50 {} max {} ms\n",
      to_text(profile), count + 20, first, node_seconds, faults, false_deaths, share(agreements, 0.5).count(),
      share(agreements, 1).count());
  if (profile == Profile::any) { EXPECT_GT(false_deaths, 0U) << "partitions are to be long enough that they matter"; }
}

std::vector<Profile> all_profiles() {
  std::vector<Profile> all;
  for (int i = 0; i < static_cast<int>(Profile::kCount); ++i) all.push_back(static_cast<Profile>(i));
  return all;
}
INSTANTIATE_TEST_SUITE_P(Gossip, GossipSeeds, testing::ValuesIn(all_profiles()),
                         [](const auto& one) { return std::string(to_text(one.param)); });

// An hour of five nodes, one of which stands still for five seconds at a time; and one in which a fifth of all messages
// is lost.
TEST(Gossip, NobodyDiesWhoLivesInHoursOfPausesAndOfLoss) {
  if (from_environment("PARLEY_GOSSIP_SEED")) GTEST_SKIP();
  const auto hours = from_environment("PARLEY_GOSSIP_HOURS").value_or(12);
  const auto first = first_seed();
  std::uint64_t suspicions = 0;
  double node_hours = 0;
  for (const auto profile : {Profile::pauses, Profile::loss}) {
    for (auto seed = first; seed < first + hours; ++seed) {
      const auto outcome = expect_clean({.seed = seed, .profile = profile, .nodes = 5, .time = seconds(3'600)});
      EXPECT_EQ(outcome.false_deaths, 0U);
      suspicions += outcome.suspicions;
      node_hours += outcome.node_seconds / 3'600;
    }
  }
  EXPECT_GT(suspicions, 100 * hours) << "without suspicions nothing is shown";
  fmt::print("{:.0f} node hours from {}: {} suspicions, no false death\n", node_hours, first, suspicions);
}

TEST(Gossip, WhoIsKilledIsDeadForAllWithinTwoSeconds) {
  if (from_environment("PARLEY_GOSSIP_SEED")) GTEST_SKIP();
  const auto first = first_seed();
  for (const auto& [profile, p99_max] :
       {std::pair(Profile::kills, milliseconds(2'000)), std::pair(Profile::vanishes, milliseconds(14'000))}) {
    std::vector<milliseconds> times;
    for (auto seed = first; seed < first + 60; ++seed) {
      const auto outcome = expect_clean({.seed = seed, .profile = profile});
      times.insert(times.end(), outcome.detections.begin(), outcome.detections.end());
    }
    ASSERT_GT(times.size(), 100U);
    fmt::print("{} of {} from {}: p50 {} p90 {} p99 {} max {} ms\n", times.size(), to_text(profile), first,
               share(times, 0.5).count(), share(times, 0.9).count(), share(times, 0.99).count(),
               share(times, 1).count());
    EXPECT_LE(share(times, 0.99), p99_max);
  }
}

TEST(Gossip, WhatItCostsIsBoundedForFiveAndForFiftyNodes) {
  if (from_environment("PARLEY_GOSSIP_SEED")) GTEST_SKIP();
  for (const auto& [nodes, bytes_max] : {std::pair(5, 6'000.0), std::pair(50, 40'000.0)}) {
    const auto outcome = expect_clean(
        {.seed = 7, .profile = Profile::pauses, .nodes = nodes, .time = seconds(120), .load = true, .measure = true});
    fmt::print("{} nodes: {:.1f} messages, {:.0f} bytes a node and second, the largest {} bytes\n", nodes,
               outcome.messages_a_node_and_second(), outcome.bytes_a_node_and_second(), outcome.largest);
    EXPECT_LT(outcome.bytes_a_node_and_second(), bytes_max);
    EXPECT_LT(outcome.messages_a_node_and_second(), 40);
    EXPECT_LE(outcome.largest, 16'384U);
  }
}

TEST(Gossip, TheSameSeedGivesTheSameRun) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto once = simulate({.seed = seed});
    const auto again = simulate({.seed = seed});
    EXPECT_EQ(once.trace, again.trace);
    EXPECT_EQ(once.messages, again.messages);
  }
  EXPECT_NE(simulate({.seed = 1}).trace, simulate({.seed = 2}).trace);
}

}  // namespace
}  // namespace parley::membership
