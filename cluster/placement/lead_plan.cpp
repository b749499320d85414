#include "cluster/placement/lead_plan.h"

#include "cluster/placement/rendezvous.h"
#include "core/check.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <set>
#include <utility>

namespace parley::cluster::placement {
namespace {

constexpr std::size_t kKeptMax = 64;  // plans without some node; then they are made again
constexpr auto kNobody = NodeId{};

bool has(const std::vector<NodeId>& nodes, NodeId node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

// An assignment of shards to nodes, made even by moving leads along paths: from a node to one that leads at least two
// less, through nodes that give one lead on and get one. When there is no such path, no assignment is more even (an
// optimal semi-matching).
class Balance {
 public:
  using Candidates = std::vector<std::vector<NodeId>>;

  explicit Balance(const Candidates& candidates) : candidates_(candidates), lead_(candidates.size(), kNobody) {
    for (const auto& some : candidates) {
      for (const auto node : some) loads_.try_emplace(node, 0);
    }
  }

  void give(std::size_t shard, NodeId node) {
    move(shard, node, +1);
    lead_[shard] = node;
  }
  void give_to_least(std::size_t shard) {
    const auto& some = candidates_[shard];
    if (some.empty()) return;
    give(shard, *std::min_element(some.begin(), some.end(), [&](NodeId a, NodeId b) { return loads_[a] < loads_[b]; }));
  }
  std::vector<NodeId> even() && {
    while (improve()) continue;
    return std::move(lead_);
  }

 private:
  using Pair = std::pair<NodeId, NodeId>;

  void move(std::size_t shard, NodeId node, int by) {
    loads_[node] += by;
    for (const auto other : candidates_[shard]) {
      if (other == node) continue;
      if (by > 0) {
        could_[{node, other}].insert(shard);
      } else {
        could_[{node, other}].erase(shard);
      }
    }
  }

  bool improve() {
    std::vector<std::pair<int, NodeId>> most;
    for (const auto& [node, load] : loads_) most.emplace_back(-load, node);
    std::sort(most.begin(), most.end());
    return std::any_of(most.begin(), most.end(), [this](const auto& row) { return relieve(row.second); });
  }

  // Along the shortest path to the node that leads least.
  bool relieve(NodeId source) {
    std::map<NodeId, NodeId> came_from{{source, source}};
    std::deque<NodeId> open{source};
    auto best = source;
    while (!open.empty()) {
      const auto at = open.front();
      open.pop_front();
      if (loads_[at] < loads_[best]) best = at;
      for (const auto& [node, load] : loads_) {
        const auto could = could_.find({at, node});
        if (could == could_.end() || could->second.empty()) continue;
        if (came_from.try_emplace(node, at).second) open.push_back(node);
      }
    }
    if (loads_[best] > loads_[source] - 2) return false;
    for (auto to = best; to != source; to = came_from[to]) {
      const auto from = came_from[to];
      const auto shard = *could_[{from, to}].begin();
      move(shard, from, -1);
      give(shard, to);
    }
    return true;
  }

  const Candidates& candidates_;
  std::vector<NodeId> lead_;
  std::map<NodeId, int> loads_;
  std::map<Pair, std::set<std::size_t>> could_;  // shards that the first one leads and the second one could
};

}  // namespace

LeadPlan::LeadPlan(std::uint16_t shard_count, const std::vector<Node>& nodes, const Rules& rules) {
  desired_.reserve(shard_count);
  for (std::uint16_t shard = 0; shard < shard_count; ++shard) {
    desired_.push_back(desired_nodes(ShardId{shard}, nodes, rules.replicas));
  }
  for (const auto& node : nodes) {
    if (node.counts() && node.intent == Intent::drain) leaving_.push_back(node.id);
  }
  Balance balance(desired_);
  for (std::size_t shard = 0; shard < desired_.size(); ++shard) {
    if (!desired_[shard].empty()) balance.give(shard, desired_[shard].front());
  }
  base_ = std::move(balance).even();
}

const LeadPlan::Leads& LeadPlan::without(const std::vector<NodeId>& excluded) const {
  if (excluded.empty()) return base_;
  if (const auto found = kept_.find(excluded); found != kept_.end()) return found->second;
  std::vector<std::vector<NodeId>> candidates(desired_.size());
  for (std::size_t shard = 0; shard < desired_.size(); ++shard) {
    for (const auto node : desired_[shard]) {
      if (!has(excluded, node)) candidates[shard].push_back(node);
    }
  }
  // Who leads anyway stays: only the leads of those that are excluded go, and what it takes to even them out.
  Balance balance(candidates);
  for (std::size_t shard = 0; shard < desired_.size(); ++shard) {
    if (has(candidates[shard], base_[shard])) balance.give(shard, base_[shard]);
  }
  for (std::size_t shard = 0; shard < desired_.size(); ++shard) {
    if (!has(candidates[shard], base_[shard])) balance.give_to_least(shard);
  }
  if (kept_.size() >= kKeptMax) kept_.clear();
  return kept_.emplace(excluded, std::move(balance).even()).first->second;
}

const std::vector<NodeId>& LeadPlan::desired(ShardId shard) const {
  CHECK(shard.value < desired_.size());
  return desired_[shard.value];
}

std::optional<NodeId> LeadPlan::planned_leader(ShardId shard) const {
  CHECK(shard.value < base_.size());
  const auto leader = base_[shard.value];
  return leader == kNobody ? std::nullopt : std::optional(leader);
}

std::optional<NodeId> LeadPlan::preferred_leader(ShardId shard, const std::vector<NodeId>& able) const {
  CHECK(shard.value < desired_.size());
  auto excluded = leaving_;
  while (true) {
    const auto leader = without(excluded)[shard.value];
    if (leader == kNobody) return std::nullopt;
    if (has(able, leader)) return leader;
    excluded.insert(std::upper_bound(excluded.begin(), excluded.end(), leader), leader);
  }
}

}  // namespace parley::cluster::placement
