#pragma once
// On which nodes a shard is wanted: rendezvous hashing, so that each node that comes or goes moves the replicas which
// it has or gets, and no others. Zones first: as many different ones as there are, then the highest scores. Pure.

#include "cluster/placement/node.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace parley::cluster::placement {

// Stable for ever and everywhere: versions of the program that score otherwise would undo each other's placement.
std::uint64_t score(ShardId shard, NodeId node);

// At most `replicas` of the nodes that count; first the one that would lead if it were for this shard alone.
std::vector<NodeId> desired_nodes(ShardId shard, const std::vector<Node>& nodes, std::size_t replicas);

}  // namespace parley::cluster::placement
