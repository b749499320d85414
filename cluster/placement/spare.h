#pragma once
// Whether a shard can do without a node: what its leader tells each node that has a replica of it, and what that
// answers to whoever asks whether it may be stopped. Pure.

#include "cluster/placement/node.h"
#include "cluster/placement/rules.h"
#include "cluster/placement/shard_view.h"

#include <vector>

namespace parley::cluster::placement {

// A majority of the voters is alive and caught up on other nodes than that one and those that are about to stop.
// `nodes` by id.
bool spares(const ShardView& view, const std::vector<Node>& nodes, const Rules& rules, NodeId without);

}  // namespace parley::cluster::placement
