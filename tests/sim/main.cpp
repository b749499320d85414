// One seed of the simulator, as it is reproduced: parley_sim --seed S --nodes N --profile P [--trace]

#include "core/log.h"
#include "tests/sim/world.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  using namespace parley;
  sim::Run run;
  std::string profile = "any";
  std::uint64_t seeds = 1;
  CLI::App app("Plays one seed: real nodes in virtual time, with clients, faults and checkers");
  app.add_option("--seed", run.seed, "what decides everything");
  app.add_option("--nodes", run.nodes, "so many that are one server")->check(CLI::Range(1, 9));
  app.add_option("--worlds", run.worlds, "so many beside each other, each with nodes of its own")
      ->check(CLI::Range(1, 64));
  app.add_option("--seeds", seeds, "so many, one after the other")->check(CLI::Range(1, 10'000'000));
  app.add_option("--profile", profile, "what goes wrong")
      ->check(CLI::IsMember({"any", "quiet", "crashes", "disk", "network", "peers"}));
  app.add_flag("--people", run.people, "also what is promised of presence and status");
  app.add_flag("--trace", run.print, "prints every frame and fault");
  CLI11_PARSE(app, argc, argv);
  run.profile = sim::profile_named(profile).value();
  configure_log(run.print ? LogLevel::warn : LogLevel::off, LogFormat::text);
  int failed = 0;
  for (const auto end = run.seed + seeds; run.seed < end; ++run.seed) {
    const auto outcome = sim::simulate(run);
    if (seeds == 1) {
      fmt::print(
          "{} simulated seconds, {} events, {} crashes, {} outages, {} changes of leaders, {} acknowledgements, {} "
          "observations, {} notices, {} kept sessions taken up, {} recoveries\ntrace {:016x}\n",
          outcome.simulated.count(), outcome.events, outcome.crashes, outcome.outages, outcome.leads, outcome.acked,
          outcome.seen, outcome.told, outcome.taken, outcome.recovered, outcome.trace_hash);
    }
    if (!outcome.violation) continue;
    ++failed;
    fmt::print("seed {}: {}: {}\n", run.seed, outcome.violation->invariant, outcome.violation->what);
  }
  return failed == 0 ? 0 : 1;
}
