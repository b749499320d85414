// One seed of the gossip simulator, as it is reproduced: parley_gossip_sim --seed S --profile P [--nodes N] [--trace]

#include "tests/membership/world.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

int main(int argc, char** argv) {
  using namespace parley;
  membership::Run run;
  std::string profile = "any";
  std::uint64_t seeds = 1;
  int time = 60;
  CLI::App app("Plays seeds: nodes that gossip, in virtual time");
  app.add_option("--seed", run.seed, "the first");
  app.add_option("--seeds", seeds, "how many");
  app.add_option("--nodes", run.nodes, "0: the seed says")->check(CLI::Range(0, 64));
  app.add_option("--seconds", time, "simulated")->check(CLI::Range(1, 1'000'000));
  app.add_option("--profile", profile, "what goes wrong");
  app.add_flag("--load", run.load, "records change every second");
  app.add_flag("--measure", run.measure, "messages are counted in bytes");
  app.add_flag("--trace", run.print, "prints every event and fault");
  CLI11_PARSE(app, argc, argv);
  run.time = seconds(time);
  for (int i = 0; i < static_cast<int>(membership::Profile::kCount); ++i) {
    if (profile == membership::to_text(static_cast<membership::Profile>(i))) {
      run.profile = static_cast<membership::Profile>(i);
    }
  }
  std::vector<milliseconds> detections;
  std::vector<milliseconds> agreements;
  int violations = 0;
  membership::Outcome all;
  for (const auto first = run.seed; run.seed < first + seeds; ++run.seed) {
    const auto outcome = membership::simulate(run);
    all.messages += outcome.messages;
    all.bytes += outcome.bytes;
    all.node_seconds += outcome.node_seconds;
    all.false_deaths += outcome.false_deaths;
    all.suspicions += outcome.suspicions;
    all.refutations += outcome.refutations;
    all.faults += outcome.faults;
    all.largest = std::max(all.largest, outcome.largest);
    all.refusals += outcome.refusals;
    detections.insert(detections.end(), outcome.detections.begin(), outcome.detections.end());
    agreements.push_back(outcome.agreed);
    if (!outcome.violation) continue;
    fmt::print("--seed {} --profile {}: {}\n", run.seed, profile, *outcome.violation);
    if (++violations == 20) break;
  }
  const auto share = [](std::vector<milliseconds>& of, double part) {
    std::sort(of.begin(), of.end());
    return of.empty() ? 0 : of[static_cast<std::size_t>(part * static_cast<double>(of.size() - 1))].count();
  };
  fmt::print(
      "{:.0f} node seconds, {:.1f} messages and {:.0f} bytes a node and second, largest {}, {} faults, {} suspicions, "
      "{} "
      "refutations, {} deaths of living ones, {} refusals\n",
      all.node_seconds, all.messages_a_node_and_second(), all.bytes_a_node_and_second(), all.largest, all.faults,
      all.suspicions, all.refutations, all.false_deaths, all.refusals);
  fmt::print("{} detections: p50 {} p90 {} p99 {} max {} ms; agreement: p50 {} p99 {} max {} ms\n", detections.size(),
             share(detections, 0.5), share(detections, 0.9), share(detections, 0.99), share(detections, 1),
             share(agreements, 0.5), share(agreements, 0.99), share(agreements, 1));
  return violations == 0 ? 0 : 1;
}
