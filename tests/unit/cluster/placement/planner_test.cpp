// What one node keeps between two looks: how much it copies, and which leads it tried to give on.
#include "cluster/placement/planner.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace parley::cluster::placement {
namespace {

using namespace std::chrono_literals;

class PlannerTest : public testing::Test {
 protected:
  explicit PlannerTest(std::size_t nodes = 3) {
    for (std::uint64_t id = 1; id <= nodes; ++id) picture_.nodes.push_back({.node = {id}});
    pass(0s);
    pass(15s);
  }
  void pass(seconds time) {
    now_ += time;
    planner_.update(picture_, now_);
  }
  // Led by node 1.
  static ShardView shard(std::uint16_t id, std::uint64_t voters = 1) {
    ShardView view{.shard = {id}, .replicas = {}, .leader = {1}, .led_for = std::chrono::hours(1)};
    for (std::uint64_t node = 1; node <= voters; ++node) {
      view.replicas.push_back({.id = {node}, .node = {node}, .voter = true, .answers = true, .lacks = 0});
    }
    return view;
  }
  static std::vector<ShardView> shards(std::uint16_t count, std::uint64_t voters = 1) {
    std::vector<ShardView> views;
    for (std::uint16_t id = 0; id < count; ++id) views.push_back(shard(id, voters));
    return views;
  }
  static void give_learner(ShardView& view) {
    view.replicas.push_back({.id = {9}, .node = {2}, .voter = false, .answers = true, .lacks = 1'000});
  }
  std::ptrdiff_t ask(const std::vector<ShardView>& views, Action action) {
    const auto steps = planner_.steps(views, now_);
    EXPECT_EQ(steps.size(), views.size());
    return std::count_if(steps.begin(), steps.end(), [action](const Step& step) { return step.action == action; });
  }

  Planner planner_{{}, 64};
  Picture picture_;
  MonoTime now_{1'000s};
};

TEST(MoveBudget, HasRoomForSoManyUnlessItIsPaused) {
  MoveBudget budget(2);
  budget.begin({1});
  budget.begin({1});
  EXPECT_TRUE(budget.has_room());
  budget.begin({2});
  EXPECT_FALSE(budget.has_room());
  budget.end({1});
  EXPECT_TRUE(budget.has_room());
  budget.pause(true);
  EXPECT_FALSE(budget.has_room());
  EXPECT_FALSE(MoveBudget(0).has_room());
}

TEST_F(PlannerTest, TwoShardsAreCopiedAtATime) {
  auto views = shards(8);
  EXPECT_EQ(ask(views, Action::add_learner), 2);
  views[0].change_pending = views[1].change_pending = true;
  EXPECT_EQ(ask(views, Action::add_learner), 0);
  views[0].change_pending = views[1].change_pending = false;
  give_learner(views[0]);
  give_learner(views[1]);
  EXPECT_EQ(ask(views, Action::add_learner), 0);
  EXPECT_EQ(planner_.budget().moving().size(), 2u);
  views[0].replicas.back().voter = true;
  views[0].replicas.back().lacks = 0;
  EXPECT_EQ(ask(views, Action::add_learner), 1);
}

TEST_F(PlannerTest, AProposalThatFailedGivesItsPlaceBack) {
  auto views = shards(8);
  EXPECT_EQ(ask(views, Action::add_learner), 2);
  EXPECT_EQ(ask(views, Action::add_learner), 2);
}

TEST_F(PlannerTest, WhatALeaderBeforeHasBegunCountsFirst) {
  auto views = shards(8);
  give_learner(views[6]);
  EXPECT_EQ(ask(views, Action::add_learner), 1);
  give_learner(views[7]);
  EXPECT_EQ(ask(views, Action::add_learner), 0);
}

TEST_F(PlannerTest, ShardsThatAreLedByAnotherOneNowDoNotCount) {
  auto views = shards(8);
  give_learner(views[0]);
  give_learner(views[1]);
  EXPECT_EQ(ask(views, Action::add_learner), 0);
  views.erase(views.begin(), views.begin() + 2);
  EXPECT_EQ(ask(views, Action::add_learner), 2);
}

TEST_F(PlannerTest, WhereReplicasAreMissingGoesFirst) {
  picture_.nodes.push_back({.node = {4}});
  pass(0s);
  pass(15s);
  // The fourth node is to have some of them; the last two have lost a replica.
  auto views = shards(64, 3);
  for (std::size_t i = 62; i < 64; ++i) views[i].replicas.pop_back();
  const auto steps = planner_.steps(views, now_);
  for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(steps[i].action == Action::add_learner, i >= 62) << i;
}

TEST_F(PlannerTest, ALearnerWhoseNodeIsSuspectedIsStillCopiedTo) {
  auto views = shards(8);
  give_learner(views[0]);
  give_learner(views[1]);
  picture_.nodes[1].state = NodeState::suspect;
  pass(1s);
  EXPECT_EQ(ask(views, Action::add_learner), 0);
  picture_.nodes[1].state = NodeState::dead;
  pass(1s);
  pass(20s);
  EXPECT_EQ(ask(views, Action::add_learner), 0);  // it answers: gossip is wrong
  for (auto& view : views) view.replicas.back().answers = false;
  EXPECT_EQ(ask(views, Action::add_learner), 2);
}

TEST_F(PlannerTest, WhilePausedNothingBeginsAndLeadsStillGo) {
  planner_.pause(true);
  auto views = shards(8);
  EXPECT_EQ(ask(views, Action::add_learner), 0);
  give_learner(views[0]);
  views[0].replicas.back().lacks = 0;
  EXPECT_EQ(ask(views, Action::promote), 1);
  EXPECT_GT(ask(shards(64, 3), Action::transfer), 0);
  planner_.pause(false);
  EXPECT_EQ(ask(shards(8), Action::add_learner), 2);
}

TEST_F(PlannerTest, FewLeadsAreGivenOnAtATimeAndEachOnceInARest) {
  const auto views = shards(64, 3);
  std::ptrdiff_t given = 0;
  for (int i = 0; i < 14; ++i) {
    const auto now = ask(views, Action::transfer);
    EXPECT_LE(now, 4);
    given += now;
    pass(1s);
  }
  // 64 shards, of which about 21 stay; none of them went, and none is tried a second time before 30 s.
  EXPECT_GE(given, 42);
  EXPECT_LE(given, 43);
  pass(30s);
  EXPECT_EQ(ask(views, Action::transfer), 4);
}

TEST_F(PlannerTest, ANodeThatStopsGivesAllItsLeadsAtOnceAndEvenly) {
  picture_.nodes[0].intent = Intent::drain;
  pass(1s);
  const auto steps = planner_.steps(shards(64, 3), now_);
  EXPECT_EQ(std::count_if(steps.begin(), steps.end(), [](const Step& step) { return step.node == NodeId{2}; }), 32);
  EXPECT_EQ(std::count_if(steps.begin(), steps.end(), [](const Step& step) { return step.node == NodeId{3}; }), 32);
}

}  // namespace
}  // namespace parley::cluster::placement
