// Who is dialed, and when again.
#include "cluster/caf_transport/dial_plan.h"

#include <gtest/gtest.h>

namespace parley::cluster {
namespace {

struct DialPlanTest : ::testing::Test {
  std::vector<PeerPlace> due() {
    return plan.due(now, [this](NodeId node) { return node == linked; });
  }
  LinkLimits limits;
  SeededRandom random{3};
  MonoTime now{seconds(100)};
  NodeId linked{};
  DialPlan plan{NodeId{5}, limits, random};
  const PeerPlace seed{NodeId{0}, "seed", 1};
  const PeerPlace lower{NodeId{4}, "lower", 1};
  const PeerPlace higher{NodeId{6}, "higher", 1};
};

TEST_F(DialPlanTest, TheLowerIdDialsAndASeedIsDialedByEither) {
  plan.set({seed, lower, higher, {NodeId{5}, "self", 1}}, now);
  EXPECT_EQ(due(), (std::vector{seed, higher}));
  EXPECT_TRUE(due().empty()) << "they are being dialed";
}

TEST_F(DialPlanTest, TheHigherIdDialsWhenItHasWaitedInVain) {
  plan.set({lower}, now);
  now += limits.higher_waits - milliseconds(1);
  EXPECT_TRUE(due().empty());
  now += milliseconds(1);
  EXPECT_EQ(due(), std::vector{lower});
  linked = lower.node;
  plan.answered(lower, linked, now);
  now += seconds(60);
  EXPECT_TRUE(due().empty());
  linked = {};
  plan.lost(lower.node, now);
  now += limits.higher_waits / 2 - milliseconds(1);
  EXPECT_TRUE(due().empty()) << "the lower one has its turn first";
  now += limits.higher_waits;
  EXPECT_EQ(due(), std::vector{lower});
}

TEST_F(DialPlanTest, PausesGrowToTheirBoundWithChance) {
  plan.set({higher}, now);
  ASSERT_EQ(due().size(), 1U);
  milliseconds longest{};
  for (int i = 0; i < 12; ++i) {
    plan.failed(higher, now);
    milliseconds waited{};
    while (due().empty()) {
      now += milliseconds(10);
      waited += milliseconds(10);
      ASSERT_LE(waited, limits.redial_max + milliseconds(10));
    }
    EXPECT_GE(waited, limits.redial_min / 2);
    longest = std::max(longest, waited);
  }
  EXPECT_GE(longest, limits.redial_max / 2);
}

TEST_F(DialPlanTest, WhoIsLinkedIsNotDialedUntilItIsLost) {
  plan.set({seed, higher}, now);
  ASSERT_EQ(due().size(), 2U);
  linked = NodeId{6};
  plan.answered(seed, linked, now);
  plan.answered(higher, linked, now);
  now += seconds(60);
  EXPECT_TRUE(due().empty());
  linked = {};
  plan.lost(NodeId{6}, now);
  EXPECT_TRUE(due().empty()) << "after a pause";
  now += limits.redial_min;
  EXPECT_EQ(due().size(), 2U);
}

TEST_F(DialPlanTest, OneselfIsGivenUpUntilTheListSaysOtherwise) {
  plan.set({seed}, now);
  due();
  plan.is_self(seed);
  now += seconds(60);
  EXPECT_TRUE(due().empty());
  plan.set({seed}, now);
  EXPECT_TRUE(due().empty()) << "it is still known";
  plan.set({}, now);
  plan.set({seed}, now);
  EXPECT_EQ(due().size(), 1U);
}

TEST_F(DialPlanTest, TheListHasABoundAndWhatLeftItIsNotDialed) {
  std::vector<PeerPlace> places;
  for (std::uint16_t i = 0; i < limits.places_max + 50; ++i) places.push_back({NodeId{0}, "seed", i});
  plan.set(places, now);
  EXPECT_EQ(due().size(), limits.places_max);
  plan.set({higher}, now);
  plan.failed(places.front(), now);  // nobody asked for it any more
  EXPECT_EQ(due(), std::vector{higher});
}

TEST_F(DialPlanTest, TheSameReasonIsKnown) {
  plan.set({seed}, now);
  EXPECT_FALSE(plan.is_known(seed, "refused"));
  EXPECT_TRUE(plan.is_known(seed, "refused"));
  EXPECT_FALSE(plan.is_known(seed, "cluster"));
}

}  // namespace
}  // namespace parley::cluster
