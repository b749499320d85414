// Nodes over time: what short absences and short visits change, which is nothing.
#include "cluster/placement/node_table.h"

#include <gtest/gtest.h>

namespace parley::cluster::placement {
namespace {

using namespace std::chrono_literals;

constexpr NodeId kSelf{1};
constexpr NodeId kOther{2};

class NodeTableTest : public testing::Test {
 protected:
  // The other one so for that long, looked at every second.
  void other(NodeState state, seconds time, Intent intent = Intent::stay) {
    for (auto i = 0s; i < time; i += 1s) {
      now_ += 1s;
      Picture picture{.nodes = {{.node = kSelf}, {.node = kOther, .zone = "z", .state = state, .intent = intent}},
                      .holders = holders_,
                      .removed = removed_};
      table_.update(picture, now_);
    }
  }
  void other_is_not_shown(seconds time) {
    for (auto i = 0s; i < time; i += 1s) {
      now_ += 1s;
      table_.update({.nodes = {{.node = kSelf}}, .holders = holders_, .removed = removed_}, now_);
    }
  }
  const Node* find_other() { return find(table_.nodes(), kOther); }
  Standing standing() { return find_other()->standing; }

  Rules rules_;
  NodeTable table_{rules_};
  MonoTime now_{1'000s};
  std::vector<NodeId> holders_, removed_;
};

TEST_F(NodeTableTest, WhoeverIsNewCountsAfterItWasHereForATime) {
  other(NodeState::alive, 15s);
  EXPECT_EQ(standing(), Standing::fresh);
  EXPECT_FALSE(find_other()->counts());
  other(NodeState::alive, 1s);
  EXPECT_EQ(standing(), Standing::steady);
  EXPECT_TRUE(find_other()->takes());
  EXPECT_EQ(find_other()->zone, "z");
}

TEST_F(NodeTableTest, SecondsOfDeathOrSuspicionChangeNothingButThatItIsNotAlive) {
  other(NodeState::alive, 20s);
  for (const auto state : {NodeState::suspect, NodeState::dead, NodeState::left}) {
    other(state, 14s);
    EXPECT_EQ(standing(), Standing::steady);
    EXPECT_FALSE(find_other()->alive);
    EXPECT_FALSE(find_other()->takes());
    other(NodeState::alive, 1s);
    EXPECT_TRUE(find_other()->takes());
  }
}

TEST_F(NodeTableTest, WhoeverIsAwayCountsForTenMinutesHoweverItWent) {
  for (const auto state : {NodeState::dead, NodeState::left}) {
    other(NodeState::alive, 20s);
    other(state, 17s);
    EXPECT_EQ(standing(), Standing::away);
    EXPECT_TRUE(find_other()->counts());
    other(state, 583s);
    EXPECT_EQ(standing(), Standing::away);
    other(state, 1s);
    EXPECT_EQ(standing(), Standing::gone);
    EXPECT_FALSE(find_other()->counts());
    EXPECT_TRUE(find_other()->given_up());
  }
}

TEST_F(NodeTableTest, WhoeverComesBackInTimeBeginsAnew) {
  other(NodeState::alive, 20s);
  for (int i = 0; i < 3; ++i) {
    other(NodeState::left, 590s);
    other(NodeState::alive, 20s);
    EXPECT_EQ(standing(), Standing::steady);
  }
}

TEST_F(NodeTableTest, ShortVisitsDoNotPutTheEndOff) {
  other(NodeState::alive, 20s);
  for (int i = 0; i < 9; ++i) {
    other(NodeState::dead, 60s);
    EXPECT_EQ(standing(), Standing::away);
    other(NodeState::alive, 5s);
    EXPECT_EQ(standing(), Standing::away);
  }
  other(NodeState::dead, 60s);
  EXPECT_EQ(standing(), Standing::gone);
  // Nor do they begin it anew.
  other(NodeState::alive, 5s);
  EXPECT_EQ(standing(), Standing::fresh);
  other(NodeState::dead, 1s);
  EXPECT_EQ(standing(), Standing::gone);
  other(NodeState::alive, 17s);
  EXPECT_EQ(standing(), Standing::steady);
}

TEST_F(NodeTableTest, AHolderOfDataThatIsNotHeardOfIsWaitedForAsIfItHadJustGone) {
  holders_ = {kOther};
  other_is_not_shown(600s);
  EXPECT_EQ(standing(), Standing::away);
  EXPECT_FALSE(find_other()->heard);
  other_is_not_shown(1s);
  EXPECT_EQ(standing(), Standing::gone);
  holders_.clear();
  other_is_not_shown(1s);
  EXPECT_EQ(find_other(), nullptr);
}

TEST_F(NodeTableTest, AHolderThatIsHeardOfFirstCountsFromThen) {
  holders_ = {kOther};
  other(NodeState::alive, 1s);
  EXPECT_EQ(standing(), Standing::away);
  EXPECT_TRUE(find_other()->counts());
  other(NodeState::alive, 15s);
  EXPECT_EQ(standing(), Standing::steady);
}

TEST_F(NodeTableTest, WhoeverIsDeadAndHoldsNothingIsNotWaitedFor) {
  other(NodeState::dead, 1s);
  EXPECT_EQ(standing(), Standing::gone);
  holders_ = {kOther};
  other(NodeState::dead, 1s);
  EXPECT_EQ(standing(), Standing::away);
}

TEST_F(NodeTableTest, WhomGossipForgetsIsGoneInItsTimeAllTheSame) {
  other(NodeState::alive, 20s);
  holders_ = {kOther};
  other(NodeState::dead, 100s);
  other_is_not_shown(499s);
  EXPECT_EQ(standing(), Standing::away);
  other_is_not_shown(3s);
  EXPECT_EQ(standing(), Standing::gone);
}

TEST_F(NodeTableTest, WhomAnOperatorRemovedDoesNotCountAliveOrForgotten) {
  other(NodeState::alive, 20s, Intent::remove);
  EXPECT_FALSE(find_other()->counts());
  EXPECT_FALSE(find_other()->given_up());
  other(NodeState::alive, 1s);
  EXPECT_TRUE(find_other()->counts());
  removed_ = {kOther};
  holders_ = {kOther};
  other_is_not_shown(20s);
  EXPECT_FALSE(find_other()->counts());
  EXPECT_TRUE(find_other()->given_up());
}

TEST_F(NodeTableTest, SaysWhetherAnythingDiffers) {
  const Picture picture{.nodes = {{.node = kSelf}}};
  EXPECT_TRUE(table_.update(picture, now_));
  EXPECT_FALSE(table_.update(picture, now_ + 14s));
  EXPECT_TRUE(table_.update(picture, now_ + 15s));
  EXPECT_FALSE(table_.update(picture, now_ + 100s));
}

}  // namespace
}  // namespace parley::cluster::placement
