// Who shall lead: evenly, the same for all who see the same nodes, and with few changes.
#include "cluster/placement/lead_plan.h"

#include "core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

namespace parley::cluster::placement {
namespace {

std::vector<Node> cluster(std::size_t count, std::uint64_t seed) {
  SeededRandom random(seed);
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < count; ++i) {
    nodes.push_back({.id = {random.next()}, .zone = {}, .heard = true, .alive = true, .standing = Standing::steady});
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

int spread(const std::map<NodeId, int>& leads) {
  const auto [least, most] =
      std::minmax_element(leads.begin(), leads.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most->second - least->second;
}

TEST(LeadPlan, LeadsDifferByOneAtMostWithThreeReplicas) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    for (const std::size_t count : {1u, 2u, 3u, 4u, 5u, 7u, 9u}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", nodes " + std::to_string(count));
      const auto nodes = cluster(count, seed);
      const LeadPlan plan(64, nodes, {});
      std::map<NodeId, int> leads;
      for (const auto& node : nodes) leads[node.id] = 0;
      for (std::uint16_t shard = 0; shard < 64; ++shard) {
        const auto leader = *plan.planned_leader({shard});
        const auto& wanted = plan.desired({shard});
        EXPECT_NE(std::find(wanted.begin(), wanted.end(), leader), wanted.end());
        ++leads[leader];
      }
      EXPECT_LE(spread(leads), 1);
    }
  }
}

TEST(LeadPlan, TheLeadsOfANodeThatStopsGoEvenlyToTheOthersAndNoOthersGo) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (const std::size_t count : {3u, 5u}) {
      auto nodes = cluster(count, seed);
      const LeadPlan before(64, nodes, {});
      nodes[0].intent = Intent::drain;
      const LeadPlan plan(64, nodes, {});
      std::map<NodeId, int> leads;
      for (std::uint16_t shard = 0; shard < 64; ++shard) {
        EXPECT_EQ(plan.desired({shard}), before.desired({shard}));
        EXPECT_EQ(plan.planned_leader({shard}), before.planned_leader({shard}));  // until it is away for good
        const auto leader = *plan.preferred_leader({shard}, plan.desired({shard}));
        EXPECT_NE(leader, nodes[0].id);
        ++leads[leader];
      }
      EXPECT_EQ(leads.size(), count - 1);
      EXPECT_LE(spread(leads), 1);
    }
  }
}

TEST(LeadPlan, WhereThePlannedOneCannotAnotherOneDoesAndNobodyElse) {
  const auto nodes = cluster(5, 1);
  const LeadPlan plan(64, nodes, {});
  for (std::uint16_t shard = 0; shard < 64; ++shard) {
    const auto& wanted = plan.desired({shard});
    EXPECT_EQ(plan.preferred_leader({shard}, wanted), plan.planned_leader({shard}));
    for (const auto node : wanted) EXPECT_EQ(plan.preferred_leader({shard}, {node}), node);
    EXPECT_EQ(plan.preferred_leader({shard}, {}), std::nullopt);
    EXPECT_EQ(plan.preferred_leader({shard}, {NodeId{1}}), std::nullopt);  // it is not wanted there
  }
}

TEST(LeadPlan, WithoutNodesNobodyLeads) {
  const LeadPlan plan(4, {}, {});
  EXPECT_EQ(plan.planned_leader({3}), std::nullopt);
  EXPECT_TRUE(plan.desired({3}).empty());
}

TEST(LeadPlan, ANodeMoreTakesItsShareAndLittleElseChanges) {
  int changed = 0;
  int must = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto nodes = cluster(5, seed);
    auto before = nodes;
    before.erase(before.begin() + static_cast<std::ptrdiff_t>(seed % 5));
    const LeadPlan was(64, before, {});
    const LeadPlan is(64, nodes, {});
    for (std::uint16_t shard = 0; shard < 64; ++shard) {
      changed += was.planned_leader({shard}) != is.planned_leader({shard}) ? 1 : 0;
      must += is.planned_leader({shard}) == nodes[seed % 5].id ? 1 : 0;
    }
  }
  EXPECT_LE(changed, must * 2);
}

// As many shards as there can be, on as many nodes: it is worked out anew when somebody comes or goes.
TEST(LeadPlan, IsWorkedOutForManyShardsToo) {
  const auto nodes = cluster(16, 1);
  const LeadPlan plan(4'096, nodes, {});
  std::map<NodeId, int> leads;
  for (std::uint16_t shard = 0; shard < 4'096; ++shard) ++leads[*plan.planned_leader({shard})];
  EXPECT_LE(spread(leads), 1);
}

}  // namespace
}  // namespace parley::cluster::placement
