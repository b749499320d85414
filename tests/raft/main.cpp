// One seed, or many, of one profile or of all: `parley_raft_sim --profile churn3 --seed 7 --count 100`.

#include "tests/raft/world.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <string>

using namespace parley::raft;

int main(int argc, char** argv) {
  CLI::App app("Simulates groups of replicas");
  std::string name;
  std::uint64_t seed = 1;
  std::uint64_t count = 1;
  double seconds = 0;
  bool traces = false;
  app.add_option("--profile", name, "one of them; all, if none is said");
  app.add_option("--seed", seed, "the first one");
  app.add_option("--count", count, "how many, of each profile");
  app.add_option("--seconds", seconds, "stop after so long, whatever the count");
  app.add_flag("--trace", traces, "print each run's trace");
  CLI11_PARSE(app, argc, argv);
  const auto began = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); };
  Counts all;
  std::uint64_t bad = 0;
  for (std::uint64_t at = seed; at < seed + count && (seconds == 0 || elapsed() < seconds); ++at) {
    for (const auto& profile : profiles()) {
      if (!name.empty() && profile.name != name) continue;
      const auto outcome = simulate({&profile, at, Bug::none});
      all.add(outcome.counts);
      if (traces) fmt::print("{} seed {} trace {:016x}\n", profile.name, at, outcome.trace);
      if (outcome.failure.empty()) continue;
      ++bad;
      fmt::print("{} seed {}: {}\n", profile.name, at, outcome.failure);
    }
  }
  fmt::print(
      "{} runs, {} bad: {} acknowledged, {} changes applied, {} transfers, {} crashes, {} wipes, {} snapshots, {} "
      "reads, "
      "{} elections, {} turns, {} messages; {:.1f} s\n",
      all.runs, bad, all.acknowledged, all.changes, all.transfers, all.crashes, all.wipes, all.snapshots, all.reads,
      all.elections, all.turns, all.messages, elapsed());
  return bad == 0 ? 0 : 1;
}
