// Where a shard is wanted.
#include "cluster/placement/rendezvous.h"

#include "core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace parley::cluster::placement {
namespace {

std::vector<Node> cluster(std::size_t count, std::uint64_t seed, const std::string& zones = "a") {
  SeededRandom random(seed);
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < count; ++i) {
    nodes.push_back({.id = {random.next()},
                     .zone = std::string(1, zones[i % zones.size()]),
                     .heard = true,
                     .alive = true,
                     .standing = Standing::steady});
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

// Another placement than that of the versions before would move all data, and move it back while both run.
TEST(Rendezvous, ScoresStayAsTheyAre) {
  EXPECT_EQ(score({0}, {1}), 6791897765849424158u);
  EXPECT_EQ(score({63}, {0x0123456789abcdef}), 15955496393664391460u);
  EXPECT_EQ(score({65'535}, {~std::uint64_t{0}}), 9108651931987720930u);
}

TEST(Rendezvous, WithFewNodesEachHasEveryShard) {
  for (std::size_t count = 0; count <= 3; ++count) {
    const auto nodes = cluster(count, 1);
    const auto wanted = desired_nodes({5}, nodes, 3);
    EXPECT_EQ(std::set<NodeId>(wanted.begin(), wanted.end()).size(), count);
  }
}

TEST(Rendezvous, ANodeMoreTakesWhatItGetsAndMovesNothingElse) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto nodes = cluster(6, seed);
    const auto newcomer = nodes[seed % 6].id;
    auto before = nodes;
    before.erase(before.begin() + static_cast<std::ptrdiff_t>(seed % 6));
    for (std::uint16_t shard = 0; shard < 64; ++shard) {
      auto was = desired_nodes({shard}, before, 3);
      auto is = desired_nodes({shard}, nodes, 3);
      std::sort(was.begin(), was.end());
      std::sort(is.begin(), is.end());
      std::vector<NodeId> came;
      std::set_difference(is.begin(), is.end(), was.begin(), was.end(), std::back_inserter(came));
      EXPECT_TRUE(is == was || came == std::vector{newcomer});
    }
  }
}

TEST(Rendezvous, ReplicasAreSpreadEvenly) {
  const auto nodes = cluster(5, 3);
  std::map<NodeId, int> count;
  for (std::uint16_t shard = 0; shard < 4'096; ++shard) {
    for (const auto node : desired_nodes({shard}, nodes, 3)) ++count[node];
  }
  for (const auto& [node, replicas] : count) EXPECT_NEAR(replicas, 4'096 * 3 / 5, 130);  // four deviations
}

TEST(Rendezvous, AsManyZonesAsThereAreComeFirst) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto nodes = cluster(9, seed, "aaaaaaabc");
    for (std::uint16_t shard = 0; shard < 64; ++shard) {
      const auto wanted = desired_nodes({shard}, nodes, 3);
      std::set<std::string> zones;
      for (const auto& node : nodes) {
        if (std::find(wanted.begin(), wanted.end(), node.id) != wanted.end()) zones.insert(node.zone);
      }
      EXPECT_EQ(zones.size(), 3u);
      // The first one is the highest of all: so is who leads spread over the nodes, and not over the zones.
      for (const auto& node : nodes) EXPECT_LE(score({shard}, node.id), score({shard}, wanted.front()));
    }
  }
}

TEST(Rendezvous, InTwoZonesNeitherHasAllThree) {
  const auto nodes = cluster(6, 2, "aaaaab");
  for (std::uint16_t shard = 0; shard < 64; ++shard) {
    const auto wanted = desired_nodes({shard}, nodes, 3);
    const auto in_b = std::count_if(nodes.begin(), nodes.end(), [&](const Node& node) {
      return node.zone == "b" && std::find(wanted.begin(), wanted.end(), node.id) != wanted.end();
    });
    EXPECT_EQ(wanted.size(), 3u);
    EXPECT_EQ(in_b, 1);
  }
}

TEST(Rendezvous, WhoeverIsFreshGoneOrRemovedDoesNotCountAndWhoIsAwayDoes) {
  auto nodes = cluster(4, 1);
  nodes[0].standing = Standing::fresh;
  nodes[1].standing = Standing::gone;
  nodes[2].intent = Intent::remove;
  nodes[3].standing = Standing::away;
  nodes[3].alive = false;
  EXPECT_EQ(desired_nodes({0}, nodes, 3), std::vector{nodes[3].id});
}

}  // namespace
}  // namespace parley::cluster::placement
