#pragma once
// Nodes that gossip, in virtual time, over links that one seed makes late, lossy, one-way or none: the real rules
// (cluster/membership/swim.h), and a checker that knows who lives. The same seed gives the same run.

#include "core/clock.h"
#include "tests/membership/plan.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace parley::membership {

struct Run {
  std::uint64_t seed = 1;
  Profile profile = Profile::any;
  int nodes = 0;  // 0: the seed says
  seconds time{60};
  bool load = false;     // records change every second
  bool measure = false;  // every message is encoded, and counted in bytes
  bool print = false;
};

struct Outcome {
  std::optional<std::string> violation;
  std::vector<milliseconds> detections;  // kill to the last node that knows
  milliseconds agreed{0};                // from the last fault
  std::uint64_t messages = 0, bytes = 0, largest = 0, false_deaths = 0, faults = 0, ids = 0, refusals = 0, trace = 0;
  std::uint64_t suspicions = 0, refutations = 0;
  double node_seconds = 0;
  [[nodiscard]] double bytes_a_node_and_second() const { return static_cast<double>(bytes) / node_seconds; }
  [[nodiscard]] double messages_a_node_and_second() const { return static_cast<double>(messages) / node_seconds; }
};

Outcome simulate(const Run& run);

}  // namespace parley::membership
