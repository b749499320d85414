#include "cluster/placement/rendezvous.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

namespace parley::cluster::placement {
namespace {

// splitmix64's last steps: different numbers in, different and far apart ones out.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

}  // namespace

std::uint64_t score(ShardId shard, NodeId node) {
  return mix(mix(node.value + 0x9E3779B97F4A7C15) + 0x9E3779B97F4A7C15 * (std::uint64_t{shard.value} + 1));
}

std::vector<NodeId> desired_nodes(ShardId shard, const std::vector<Node>& nodes, std::size_t replicas) {
  struct Candidate {
    std::uint64_t score;
    const Node* node;
  };
  std::vector<Candidate> candidates;
  for (const auto& node : nodes) {
    if (node.counts()) candidates.push_back({score(shard, node.id), &node});
  }
  // Equal scores of different nodes: mix() is one to one, but one number more never hurts.
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.score, a.node->id) > std::tie(b.score, b.node->id);
  });
  std::map<std::string_view, std::size_t> taken;  // in each zone
  std::vector<NodeId> wanted;
  while (wanted.size() < replicas && !candidates.empty()) {
    // The first of those whose zone has the fewest.
    const auto next = std::min_element(
        candidates.begin(), candidates.end(),
        [&](const Candidate& a, const Candidate& b) { return taken[a.node->zone] < taken[b.node->zone]; });
    ++taken[next->node->zone];
    wanted.push_back(next->node->id);
    candidates.erase(next);
  }
  return wanted;
}

}  // namespace parley::cluster::placement
