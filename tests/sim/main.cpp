// One seed of the simulator, as it is reproduced: parley_sim --seed S --nodes N --profile P [--trace]

#include "core/log.h"
#include "tests/sim/world.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  using namespace parley;
  sim::Run run;
  std::string profile = "any";
  CLI::App app("Plays one seed: real nodes in virtual time, with clients, faults and checkers");
  app.add_option("--seed", run.seed, "what decides everything");
  app.add_option("--nodes", run.nodes, "so many in one process, each with clients and a disk of its own")
      ->check(CLI::Range(1, 64));
  app.add_option("--profile", profile, "what goes wrong")
      ->check(CLI::IsMember({"any", "quiet", "crashes", "disk", "network"}));
  app.add_flag("--trace", run.print, "prints every frame and fault");
  CLI11_PARSE(app, argc, argv);
  run.profile = sim::profile_named(profile).value();
  configure_log(LogLevel::off, LogFormat::text);
  const auto outcome = sim::simulate(run);
  fmt::print(
      "{} simulated seconds, {} events, {} crashes, {} outages, {} acknowledgements, {} observations, {} notices, "
      "{} kept sessions taken up, {} recoveries\ntrace {:016x}\n",
      outcome.simulated.count(), outcome.events, outcome.crashes, outcome.outages, outcome.acked, outcome.seen,
      outcome.told, outcome.taken, outcome.recovered, outcome.trace_hash);
  if (!outcome.violation) return 0;
  fmt::print("{}: {}\n", outcome.violation->invariant, outcome.violation->what);
  return 1;
}
