#pragma once
// A node of the cluster, as the others know it: which of its processes, what that says of itself, and whether it lives
// as far as one can tell. Plain values; free of threads.

#include "core/address.h"
#include "core/ids.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

// A cluster is its id: random, and in the store of each of its nodes. 0: none yet.
using ClusterId = Id<struct ClusterTag>;

enum class NodeState : std::uint8_t {
  alive,
  suspect,  // it does not answer; unless it is heard of in time, it is dead
  dead,
  left,  // it said so itself, and it is final for that process
};
std::string_view to_text(NodeState state);

// Which cluster a node belongs to, and how it comes to one: cluster/membership/founding.h.
struct Charter {
  ClusterId cluster;
  bool data = false;         // the node, or another one of its cluster, holds data
  NodeAddress backs{};       // while it has no id: who shall make one; itself: it would
  std::uint32_t round = 0;   // which candidacy of that process
  std::uint16_t expect = 0;  // how many nodes found the cluster, as configured
  auto operator<=>(const Charter&) const = default;
};

// A node that an operator has taken out of the cluster for good, and when.
struct RemovedNode {
  NodeId node;
  std::int64_t at_ms = 0;
  bool operator==(const RemovedNode&) const = default;
};
// An operator's word about one process, given at another node: whether it is about to stop. The latest one counts.
struct DrainOrder {
  NodeAddress process;
  bool drain = false;
  std::int64_t at_ms = 0;
  bool operator==(const DrainOrder&) const = default;
};

// What a process says of itself. Only it changes it, and then gives it a larger revision.
struct NodeRecord {
  std::uint64_t revision = 0;
  std::string name;
  std::string host;        // where other nodes reach it
  std::uint16_t port = 0;  // 0: nobody can dial it
  std::string zone;
  std::string version;               // of the program
  std::int64_t clock_offset_ms = 0;  // its wall clock beside those of the others, as it estimates it; above 0: ahead
  std::uint32_t connections = 0;
  std::uint32_t channels_awake = 0;
  std::uint16_t shards_led = 0;
  std::uint64_t config_digest = 0;  // nodes with the same one are configured alike
  Charter charter{};
  bool draining = false;               // about to stop: it is given no leads and no new replicas
  std::vector<RemovedNode> removed{};  // as it knows; at most ClusterLimits::removed_max, by time
  std::vector<DrainOrder> orders{};    // that it was given; at most ClusterLimits::drain_orders_max, by time
  bool operator==(const NodeRecord&) const = default;
};

struct ClusterMember {
  NodeAddress address;
  // How often the process contradicted who suspected it or held it for dead. What is said of a lower one is outdated.
  std::uint32_t refutation = 0;
  NodeState state = NodeState::alive;
  NodeRecord record;
  [[nodiscard]] bool lives() const { return state == NodeState::alive || state == NodeState::suspect; }
  bool operator==(const ClusterMember&) const = default;
};

// `000000000000002a`, as logs and errors name nodes and clusters.
std::string id_text(NodeId node);
std::string id_text(ClusterId cluster);

}  // namespace parley
