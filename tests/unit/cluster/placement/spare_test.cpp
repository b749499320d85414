// Whether a shard can do without a node.
#include "cluster/placement/spare.h"
#include "tests/unit/cluster/placement/shard.h"

namespace parley::cluster::placement {
namespace {

bool can_do_without(const Shard& shard, std::size_t n) {
  return spares(shard.view, shard.nodes, shard.rules, shard.ranked(n));
}

TEST(Spare, OneOfThreeAndNoneOfTwo) {
  Shard three(3);
  three.voters({0, 1, 2});
  for (std::size_t n = 0; n < 3; ++n) EXPECT_TRUE(can_do_without(three, n)) << n;
  Shard two(2);
  two.voters({0, 1});
  EXPECT_FALSE(can_do_without(two, 0));
  EXPECT_FALSE(can_do_without(two, 1));
  Shard one(1);
  one.voters({0});
  EXPECT_FALSE(can_do_without(one, 0));
}

TEST(Spare, WhoIsBehindOrSilentOrAwayCountsForNothing) {
  const auto without_first = [](const std::function<void(Shard&)>& change) {
    Shard shard(3);
    shard.voters({0, 1, 2});
    change(shard);
    return can_do_without(shard, 0);
  };
  EXPECT_TRUE(without_first([](Shard&) {}));
  EXPECT_FALSE(without_first([](Shard& shard) { shard.on(1).lacks = shard.rules.lag_max + 1; }));
  EXPECT_FALSE(without_first([](Shard& shard) { shard.on(1).lacks.reset(); }));
  EXPECT_FALSE(without_first([](Shard& shard) { shard.on(1).snapshot = true; }));
  EXPECT_FALSE(without_first([](Shard& shard) { shard.on(1).answers = false; }));
  EXPECT_FALSE(without_first([](Shard& shard) { shard.on(1).lost = true; }));
  EXPECT_FALSE(without_first([](Shard& shard) { shard.on(1).voter = false; })) << "two voters, and one is asked about";
  EXPECT_FALSE(without_first([](Shard& shard) { shard.node(2).alive = false; }));
  EXPECT_FALSE(without_first([](Shard& shard) { shard.node(2).intent = Intent::drain; })) << "it stops as well";
}

TEST(Spare, WhoIsOfNoUseCanBeStopped) {
  Shard shard(3);
  shard.voters({0, 1, 2});
  shard.on(2).answers = false;
  EXPECT_TRUE(can_do_without(shard, 2));
  EXPECT_FALSE(can_do_without(shard, 1));
}

}  // namespace
}  // namespace parley::cluster::placement
