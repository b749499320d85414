#pragma once
// What the placement of replicas keeps to. The same on all nodes of a cluster: leaders that go by different rules would
// undo each other's steps.

#include "core/clock.h"

#include <cstddef>
#include <cstdint>

namespace parley::cluster::placement {

struct Rules {
  std::size_t replicas = 3;       // voters of each shard; with fewer nodes, one on each of them
  std::uint64_t lag_max = 64;     // entries that who is caught up may lack: as GroupConfig::promote_lag_max
  std::size_t moves_max = 2;      // shards that one node copies to others at a time; the next one waits
  std::size_t transfers_max = 4;  // leads that one node gives on, to even them out, with one look at its shards
  // A node that was away for so long is not waited for: its replicas are made anew elsewhere.
  milliseconds replace_after{600'000};
  // What a node is (here or away) counts after it was so for this long without a break; and a leader that is younger
  // moves nothing.
  milliseconds settle_after{15'000};
  // A lead is not given on, to even them out, before it was held for so long; the same after a try that failed.
  milliseconds lead_rest{30'000};
};

}  // namespace parley::cluster::placement
