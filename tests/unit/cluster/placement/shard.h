#pragma once
// One shard and its nodes, for tests of single rules: everybody is steady and caught up, and the leader is old, unless
// a test says otherwise.

#include "cluster/placement/node_table.h"
#include "cluster/placement/rendezvous.h"
#include "cluster/placement/step.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace parley::cluster::placement {

#define EXPECT_STEP(step, what, why)                               \
  do {                                                             \
    const auto step_ = (step);                                     \
    EXPECT_EQ(step_.action, Action::what) << describe(step_, {0}); \
    EXPECT_EQ(step_.reason, Reason::why) << describe(step_, {0});  \
  } while (false)

class Shard {
 public:
  explicit Shard(std::size_t node_count) {
    for (std::uint64_t id = 1; id <= node_count; ++id) {
      nodes.push_back(
          {.id = {id}, .zone = {}, .heard = true, .alive = true, .standing = Standing::steady, .intent = Intent::stay});
    }
    for (const auto& node : nodes) everybody_.push_back(node.id);
    std::sort(everybody_.begin(), everybody_.end(),
              [this](NodeId a, NodeId b) { return score(view.shard, a) > score(view.shard, b); });
    view.led_for = std::chrono::hours(1);
  }

  // The n-th by its score: of the nodes that count, the first three are wanted.
  [[nodiscard]] NodeId ranked(std::size_t n) const { return everybody_.at(n); }
  Node& node(std::size_t n) {
    return *std::find_if(nodes.begin(), nodes.end(), [&](const Node& one) { return one.id == ranked(n); });
  }
  void is_gone(std::size_t n) { is_not_here(n, Standing::gone); }
  void is_away(std::size_t n) { is_not_here(n, Standing::away); }
  void died_just_now(std::size_t n) { is_not_here(n, Standing::steady); }

  // The first voter leads.
  Replica& voter(std::size_t n) { return add(n, true); }
  Replica& learner(std::size_t n) { return add(n, false); }
  Shard& voters(std::initializer_list<std::size_t> ranks) {
    for (const auto n : ranks) voter(n);
    return *this;
  }
  Replica& on(std::size_t n) {
    return *std::find_if(view.replicas.begin(), view.replicas.end(),
                         [&](const Replica& one) { return one.node == ranked(n); });
  }
  void leads(std::size_t n) { view.leader = on(n).id; }
  void planned_leads() {
    const auto leader = LeadPlan(1, nodes, rules).planned_leader({0});
    for (const auto& replica : view.replicas) {
      if (replica.node == leader && replica.voter) view.leader = replica.id;
    }
  }

  [[nodiscard]] Step next(MoreMoves more = MoreMoves::yes) const {
    auto seen = view;
    for (auto& replica : seen.replicas) {
      if (silent_.count(replica.node) != 0) replica.answers = false;
    }
    return next_step(seen, nodes, LeadPlan(1, nodes, rules), rules, more);
  }

  Rules rules;
  std::vector<Node> nodes;  // by id
  ShardView view{.shard = {0}, .replicas = {}, .leader = {}};

 private:
  void is_not_here(std::size_t n, Standing standing) {
    node(n).alive = false;
    node(n).standing = standing;
    silent_.insert(ranked(n));
  }
  Replica& add(std::size_t n, bool voter) {
    const ReplicaId id{100 + view.replicas.size()};
    if (view.replicas.empty()) view.leader = id;
    view.replicas.reserve(16);  // what was given out stays
    view.replicas.push_back({.id = id, .node = ranked(n), .voter = voter, .answers = true, .lacks = 0});
    return view.replicas.back();
  }

  std::vector<NodeId> everybody_;
  std::set<NodeId> silent_;
};

}  // namespace parley::cluster::placement
