#pragma once
// Which node shall lead which shard: each of the nodes that a shard is wanted on could, and of all ways to choose this
// is one in which the leads are spread as evenly as can be. Every leader works it out alone, for all shards, from the
// nodes that count: who sees the same nodes has the same plan. Nothing in it depends on who leads now, so nothing
// swings. Pure. Not thread-safe: answers are kept.

#include "cluster/placement/node.h"
#include "cluster/placement/rules.h"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace parley::cluster::placement {

class LeadPlan {
 public:
  // `nodes` by id.
  LeadPlan(std::uint16_t shard_count, const std::vector<Node>& nodes, const Rules& rules);

  // Where the shard is wanted: desired_nodes().
  [[nodiscard]] const std::vector<NodeId>& desired(ShardId shard) const;
  // Of all nodes that count. None: there are none.
  [[nodiscard]] std::optional<NodeId> planned_leader(ShardId shard) const;
  // For a lead that has to go now: of `able`, which could take it. None: none of them is desired, or they are about to
  // stop. It is the planned leader, or else the one that would be if that node were not there, and so on: so the leads
  // of a node that stops are spread evenly, too.
  [[nodiscard]] std::optional<NodeId> preferred_leader(ShardId shard, const std::vector<NodeId>& able) const;

 private:
  using Leads = std::vector<NodeId>;                                // by shard; 0: nobody can
  const Leads& without(const std::vector<NodeId>& excluded) const;  // by id

  std::vector<std::vector<NodeId>> desired_;  // by shard
  std::vector<NodeId> leaving_;               // about to stop; by id
  Leads base_;                                // of all that count
  mutable std::map<std::vector<NodeId>, Leads> kept_;
};

}  // namespace parley::cluster::placement
