// Seeds of the simulator: kept ones and new ones. That it finds what is to be found: planted_test.cpp.
//
//   PARLEY_SIM_SEED=n        only this seed
//   PARLEY_SIM_SEEDS=n       n new seeds instead of a few
//   PARLEY_SIM_FROM=n        where new seeds begin; by default at a place of this run's own
//   PARLEY_SIM_TRACE=1       prints every frame and fault

#include "core/log.h"
#include "tests/sim/disk.h"
#include "tests/sim/world.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <random>

namespace parley::sim {
namespace {

std::optional<std::uint64_t> from_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::strtoull(value, nullptr, 10);
}

Outcome play(const Run& run) {
  configure_log(LogLevel::off, LogFormat::text);  // a node that crashes has much to say
  auto printed = run;
  printed.print = from_environment("PARLEY_SIM_TRACE").value_or(0) != 0;
  return simulate(printed);
}

void expect_clean(std::uint64_t seed) {
  const auto outcome = play({.seed = seed});
  if (outcome.violation) {
    ADD_FAILURE() << "PARLEY_SIM_SEED=" << seed << "\n"
                  << outcome.violation->invariant << ": " << outcome.violation->what;
  }
}

// New ones, at a place of this run's own unless it is told another.
struct NewSeeds {
  std::uint64_t count = from_environment("PARLEY_SIM_SEEDS").value_or(20);
  std::uint64_t first = from_environment("PARLEY_SIM_FROM").value_or(std::random_device()() * 1'000ULL);
  [[nodiscard]] std::uint64_t end() const { return first + count; }
};

std::vector<std::uint64_t> kept_seeds() {
  std::ifstream file(PARLEY_SIM_SEEDS_FILE);
  std::vector<std::uint64_t> seeds;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.front() != '#') seeds.push_back(std::strtoull(line.c_str(), nullptr, 10));
  }
  return seeds;
}

// As tests/unit/storage/store_view_test.cpp has it of the other stores.
TEST(SimDisk, AViewIsOneMomentUntilTheDiskIsOpenedAnew) {
  Scheduler scheduler(1);
  const Plan plan;
  Disk disk(scheduler, plan);
  const auto put = [&](const char* value) {
    storage::WriteBatch batch;
    batch.put(storage::Family::state, "k", value);
    ASSERT_TRUE(disk.write(batch, storage::Sync::yes).ok());
  };
  const auto seen = [](const storage::StoreView& view) {
    std::string value;
    const auto scanned =
        view.scan(storage::Family::state, "a", "z", storage::ScanOrder::forward, [&](auto, auto found) {
          value = found;
          return storage::Visit::go_on;
        });
    const auto got = view.get(storage::Family::state, "k");
    EXPECT_EQ(scanned.ok(), got.ok());
    if (!got) return std::string(info(got.error().code).name);
    EXPECT_EQ(*got, value);
    return value;
  };
  put("1");
  const auto first = std::move(*disk.view());
  put("2");
  EXPECT_EQ(seen(*first), "1");
  ASSERT_TRUE(disk.recover().ok());
  EXPECT_EQ(seen(*first), "storage_unavailable");
  const auto second = std::move(*disk.view());
  put("3");
  EXPECT_EQ(seen(*second), "2");
  disk.crash();
  EXPECT_EQ(seen(*second), "storage_unavailable");
  EXPECT_EQ(seen(**disk.view()), "3");
}

TEST(Sim, KeptSeedsStayClean) {
  if (const auto only = from_environment("PARLEY_SIM_SEED")) return expect_clean(*only);
  const auto seeds = kept_seeds();
  ASSERT_FALSE(seeds.empty());
  for (const auto seed : seeds) expect_clean(seed);
}

TEST(Sim, NewSeedsAreClean) {
  if (from_environment("PARLEY_SIM_SEED")) GTEST_SKIP();
  const NewSeeds seeds;
  std::uint64_t acked = 0;
  std::uint64_t seen = 0;
  std::uint64_t crashes = 0;
  std::uint64_t told = 0;
  std::uint64_t taken = 0;
  std::uint64_t recovered = 0;
  std::uint64_t failures = 0;
  seconds simulated{0};
  for (auto seed = seeds.first; seed < seeds.end(); ++seed) {
    const auto outcome = play({.seed = seed});
    acked += outcome.acked;
    seen += outcome.seen;
    crashes += outcome.crashes;
    told += outcome.told;
    taken += outcome.taken;
    recovered += outcome.recovered;
    simulated += outcome.simulated;
    if (!outcome.violation) continue;
    ADD_FAILURE() << "PARLEY_SIM_SEED=" << seed << "\n"
                  << outcome.violation->invariant << ": " << outcome.violation->what;
    if (++failures == 10) break;
  }
  fmt::print(
      "{} seeds from {}: {} simulated seconds, {} crashes, {} acknowledgements, {} observations, {} notices, "
      "{} sessions taken up, {} recoveries\n",
      seeds.count, seeds.first, simulated.count(), crashes, acked, seen, told, taken, recovered);
  if (seeds.count >= 20) {
    EXPECT_GT(crashes, 0u);
    EXPECT_GT(acked, 100u * seeds.count / 20);
    EXPECT_GT(told, 100u * seeds.count / 20);
    EXPECT_GT(taken, seeds.count / 20);
    EXPECT_GT(recovered, seeds.count / 20);
  }
}

TEST(Sim, SeveralWorldsInOneProcess) {
  if (from_environment("PARLEY_SIM_SEED")) GTEST_SKIP();
  const auto seed = std::random_device()() * 1'000ULL;
  const auto outcome = play({.seed = seed, .worlds = 3});
  if (outcome.violation) {
    ADD_FAILURE() << "parley_sim --worlds 3 --seed " << seed << "\n"
                  << outcome.violation->invariant << ": " << outcome.violation->what;
  }
}

// What goes wrong between them is played by hand for now: parley_sim --nodes 3 --profile any.
TEST(Sim, SeveralNodesAreOneServer) {
  if (from_environment("PARLEY_SIM_SEED")) GTEST_SKIP();
  const NewSeeds seeds;
  std::uint64_t acked = 0;
  std::uint64_t leads = 0;
  for (auto seed = seeds.first; seed < seeds.end(); ++seed) {
    const auto outcome = play({.seed = seed, .nodes = 3, .profile = Profile::quiet});
    acked += outcome.acked;
    leads += outcome.leads;
    if (!outcome.violation) continue;
    ADD_FAILURE() << "parley_sim --nodes 3 --profile quiet --seed " << seed << "\n"
                  << outcome.violation->invariant << ": " << outcome.violation->what;
  }
  fmt::print("{} seeds from {}: {} acknowledgements, {} changes of leaders\n", seeds.count, seeds.first, acked, leads);
  if (seeds.count >= 20) {
    EXPECT_GT(acked, 100u * seeds.count / 20);
    EXPECT_GT(leads, seeds.count);
  }
}

TEST(Sim, TheSameSeedGivesTheSameTrace) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto first = play({.seed = seed});
    const auto second = play({.seed = seed});
    EXPECT_EQ(first.trace_hash, second.trace_hash) << seed;
    EXPECT_EQ(first.events, second.events) << seed;
  }
  const sim::Run several{.seed = 4, .nodes = 3};
  EXPECT_EQ(play(several).trace_hash, play(several).trace_hash);
  EXPECT_NE(play({.seed = 1}).trace_hash, play({.seed = 2}).trace_hash);
}

}  // namespace
}  // namespace parley::sim
