// What World checks: with each step, and in the end.
#include "tests/unit/cluster/placement/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace parley::cluster::placement {
namespace {

constexpr milliseconds kSilentLate{4'100};  // and what it does about it is done
constexpr milliseconds kKnownLate{25'000};  // what happened before, all know by gossip, and have acted on it

}  // namespace

bool World::lived_lately(const Member& one) const {
  return lives(one) || now_ - nodes_.at(one.node).changed < kSilentLate;
}

void World::breach(std::size_t shard, const Step& step, const std::string& what) {
  std::string members;
  for (const auto& one : groups_[shard].members) {
    members += fmt::format(" {}{}{}{}", one.voter ? "v" : "l", one.id.value, lives(one) ? "" : "-dead",
                           one.lost ? "-lost" : "");
  }
  breaches_.push_back(fmt::format("at {} s: {}: {};{}", time().count() / 1000,
                                  describe(step, ShardId{static_cast<std::uint16_t>(shard)}), what, members));
}

void World::check_budget(NodeId id, std::size_t shard) {
  std::size_t copying = 0;
  for (const auto& group : groups_) {
    const auto* leader = member(group, group.leader);
    if (leader == nullptr || leader->node != id) continue;
    copying += std::any_of(group.members.begin(), group.members.end(), [this](const Member& one) {
      return !one.voter && lives(one) && now_ - nodes_.at(one.node).changed > kKnownLate;
    });
  }
  // One that was begun by another leader counts as well.
  if (copying > config_.rules.moves_max)
    breach(shard, {.action = Action::add_learner, .reason = Reason::better_node}, "too many moves at a time");
  if (paused_) breach(shard, {.action = Action::add_learner, .reason = Reason::better_node}, "moves are paused");
}

void World::check(std::size_t shard, const Step& step, const Group& before, std::size_t needed) {
  const auto& group = groups_[shard];
  std::size_t voters = 0;
  std::size_t living = 0;
  std::size_t lately = 0;
  std::map<NodeId, int> on;
  for (const auto& one : group.members) {
    if (!one.lost && ++on[one.node] > 1) breach(shard, step, "two replicas on one node");
    if (!one.voter) continue;
    ++voters;
    living += lives(one) ? 1 : 0;
    lately += lived_lately(one) ? 1 : 0;
  }
  if (lately <= voters / 2) breach(shard, step, "no majority is left");
  if (voters > config_.rules.replicas + 1) breach(shard, step, "too many voters");
  if (step.action == Action::promote && member(group, step.replica)->lacks > 1'000) {
    breach(shard, step, "it was not caught up");
  }
  const auto* was = step.action == Action::remove ? member(before, step.replica) : nullptr;
  // Who came back seconds ago is not known to be back.
  const bool known = was != nullptr && now_ - nodes_.at(was->node).changed > kKnownLate;
  if (was != nullptr && was->voter && lives(*was) && known && lately < needed) {
    breach(shard, step, fmt::format("a living voter goes, {} are left, {} are needed", living, needed));
  }
}

bool World::can_spare(NodeId node) const {
  return std::all_of(groups_.begin(), groups_.end(), [&](const Group& group) {
    std::size_t good = 0;
    std::size_t voters = 0;
    bool has_it = false;
    for (const auto& one : group.members) {
      // A learner may be about to become a voter.
      if (one.voter || one.node == node) ++voters;
      if (one.node == node) has_it = true;
      if (one.voter && one.node != node && lives(one) && one.lacks == 0) ++good;
    }
    return !has_it || good > voters / 2;
  });
}

bool World::holds(NodeId node) const {
  return std::any_of(groups_.begin(), groups_.end(), [node](const Group& group) {
    return std::any_of(group.members.begin(), group.members.end(),
                       [node](const Member& one) { return one.node == node; });
  });
}

std::vector<NodeId> World::ids() const {
  std::vector<NodeId> ids;
  for (const auto& [id, node] : nodes_) ids.push_back(id);
  return ids;
}

std::map<NodeId, int> World::leads() const {
  std::map<NodeId, int> leads;
  for (const auto& [id, node] : nodes_) {
    if (node.up && node.intent == Intent::stay) leads[id] = 0;
  }
  for (const auto& group : groups_) {
    if (const auto* leader = member(group, group.leader); leader != nullptr) ++leads[leader->node];
  }
  return leads;
}

Step World::would_do(std::size_t shard) const {
  const auto& planner = *nodes_.at(member(groups_[shard], groups_[shard].leader)->node).planner;
  return next_step(view(shard), planner.nodes(), planner.plan(), config_.rules, MoreMoves::yes);
}

std::vector<std::string> World::unsettled() const {
  std::vector<Node> nodes;
  for (const auto& [id, node] : nodes_) {
    nodes.push_back({.id = id,
                     .zone = node.zone,
                     .heard = true,
                     .alive = node.up,
                     .standing = node.up ? Standing::steady : Standing::gone,
                     .intent = node.intent});
  }
  const LeadPlan plan(config_.shards, nodes, config_.rules);
  std::vector<std::string> wrong;
  for (std::size_t shard = 0; shard < groups_.size(); ++shard) {
    const ShardId id{static_cast<std::uint16_t>(shard)};
    const auto desired = plan.desired(id);
    std::set<NodeId> missing(desired.begin(), desired.end());
    std::size_t extra = 0;
    std::size_t dead = 0;
    for (const auto& one : groups_[shard].members) {
      const bool stays = one.voter && lives(one) && missing.erase(one.node) != 0;
      if (!stays) ++(lives(one) ? extra : dead);
    }
    const auto* leader = member(groups_[shard], groups_[shard].leader);
    // One that is gone may stay if nobody can take its place, and without it as many are needed.
    const bool dead_may_stay = desired.size() < config_.rules.replicas && desired.size() % 2 == 0;
    if (!missing.empty() || extra > 0 || dead > (dead_may_stay ? 1u : 0u)) {
      wrong.push_back(fmt::format("shard {}: {} missing, {} too many, {} dead; the leader would do: {}", shard,
                                  missing.size(), extra, dead,
                                  leader == nullptr ? "no leader" : describe(would_do(shard), id)));
    } else if (leader == nullptr || leader->node != plan.planned_leader(id)) {
      wrong.push_back(
          fmt::format("shard {}: {}", shard, leader == nullptr ? "has no leader" : "is led by another one"));
    }
  }
  return wrong;
}

}  // namespace parley::cluster::placement
