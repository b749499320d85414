// The next step of a shard where somebody is gone, came back with an empty disk, or was removed by an operator.
#include "tests/unit/cluster/placement/shard.h"

namespace parley::cluster::placement {
namespace {

// ---- who is gone ----

TEST(Step, WhoeverIsAwayForMinutesIsWaitedFor) {
  for (const auto how : {&Shard::died_just_now, &Shard::is_away}) {
    Shard shard(5);
    shard.voters({0, 1, 2});
    shard.planned_leads();
    (shard.*how)(shard.view.leader == shard.on(2).id ? 1 : 2);
    EXPECT_EQ(shard.next().action, Action::none) << describe(shard.next(), {0});
  }
}

TEST(Step, WhoeverIsGoneIsReplacedByALearnerThatIsReady) {
  Shard shard(4);
  shard.voters({0, 1, 2});
  shard.is_gone(2);
  auto step = shard.next();
  EXPECT_STEP(step, add_learner, too_few_replicas);
  EXPECT_EQ(step.node, shard.ranked(3));
  shard.learner(3).lacks = 1'000;
  EXPECT_STEP(shard.next(), none, catching_up);
  shard.on(3).lacks = 0;
  step = shard.next();
  EXPECT_STEP(step, remove, replaced);
  EXPECT_EQ(step.replica, shard.on(2).id);
  shard.view.replicas.erase(shard.view.replicas.begin() + 2);
  EXPECT_STEP(shard.next(), promote, caught_up);
}

TEST(Step, OfThreeNodesTheOneThatIsGoneKeepsItsReplica) {
  Shard shard(3);
  shard.voters({0, 1, 2});
  shard.is_gone(2);
  shard.planned_leads();
  EXPECT_STEP(shard.next(), none, settled);
}

TEST(Step, AnEvenNumberOfVotersIsBetterWithoutTheOneThatIsGone) {
  Shard shard(4);
  shard.rules.replicas = 4;
  shard.voters({0, 1, 2, 3});
  shard.is_gone(3);
  EXPECT_STEP(shard.next(), remove, smaller_majority);
}

TEST(Step, OfFiveVotersTwoThatAreGoneGoBoth) {
  Shard shard(5);
  shard.rules.replicas = 5;
  shard.voters({0, 1, 2, 3, 4});
  shard.is_gone(4);
  shard.planned_leads();
  EXPECT_STEP(shard.next(), none, settled);  // one alone: as many are needed without it
  shard.is_gone(3);
  EXPECT_STEP(shard.next(), remove, smaller_majority);
  shard.view.replicas.erase(shard.view.replicas.begin() + 3);
  EXPECT_STEP(shard.next(), remove, smaller_majority);
}

TEST(Step, WhoeverReturnsAfterItWasGoneIsNotGivenUpWhileThatIsFresh) {
  Shard shard(3);
  shard.voters({0, 1, 2});
  shard.node(2).standing = Standing::fresh;
  EXPECT_EQ(shard.next().action, Action::none) << describe(shard.next(), {0});
  Shard four(4);
  four.voters({0, 1, 2});
  four.node(2).standing = Standing::fresh;
  EXPECT_STEP(four.next(), none, settling);
}

TEST(Step, WhoeverLostItsDiskIsReplacedOnTheSameNode) {
  Shard shard(3);
  shard.voters({0, 1, 2});
  shard.on(2).lost = true;
  auto step = shard.next();
  EXPECT_STEP(step, add_learner, too_few_replicas);
  EXPECT_EQ(step.node, shard.ranked(2));
  auto& anew = shard.learner(2);
  anew.lacks = 1'000;
  EXPECT_STEP(shard.next(), none, catching_up);
  anew.lacks = 0;
  step = shard.next();
  EXPECT_STEP(step, remove, replaced);
  EXPECT_EQ(step.replica, shard.on(2).id);  // the first one there
  shard.view.replicas.erase(shard.view.replicas.begin() + 2);
  EXPECT_STEP(shard.next(), promote, caught_up);
}

TEST(Step, OfTwoReplicasOnOneNodeTheOneThatIsCaughtUpStays) {
  Shard shard(3);
  shard.voters({0, 1, 2});
  shard.on(2).lacks = 5'000;
  shard.learner(2).lacks = 10;
  EXPECT_STEP(shard.next(), promote, caught_up);
  shard.view.replicas.back().voter = true;
  EXPECT_STEP(shard.next(), remove, not_wanted_here);
  EXPECT_EQ(shard.next().replica, shard.on(2).id);
}

TEST(Step, NobodyIsGoneOrWellByTheWordOfOneWitness) {
  Shard shard(4);
  shard.voters({0, 1, 2});
  shard.learner(3);
  shard.node(2).standing = Standing::gone;  // gossip is wrong: it answers
  shard.node(2).alive = false;
  EXPECT_STEP(shard.next(), none, voter_away);
  shard.on(2).answers = false;
  EXPECT_STEP(shard.next(), remove, replaced);
  shard.node(2).standing = Standing::steady;
  shard.node(2).alive = true;  // gossip does not know yet: it is silent
  shard.on(1).answers = false;
  EXPECT_STEP(shard.next(), none, no_majority);
}

// ---- by an operator ----

TEST(Step, ANodeThatIsRemovedIsEmptiedAfterOthersHaveTheShard) {
  Shard shard(4);
  shard.voters({0, 1, 2});
  shard.node(2).intent = Intent::remove;
  EXPECT_STEP(shard.next(), add_learner, better_node);
  shard.learner(3);
  EXPECT_STEP(shard.next(), promote, caught_up);
  shard.on(3).voter = true;
  EXPECT_STEP(shard.next(), remove, node_removed);
  EXPECT_EQ(shard.next().replica, shard.on(2).id);
}

TEST(Step, OfThreeNodesTheRemovedOneGoesAliveOrNot) {
  Shard shard(3);
  shard.voters({0, 1, 2});
  shard.node(2).intent = Intent::remove;
  EXPECT_STEP(shard.next(), remove, node_removed);
  shard.is_away(2);
  EXPECT_STEP(shard.next(), remove, node_removed);
  shard.on(1).lacks = 1'000;
  EXPECT_EQ(shard.next().action, Action::none);
}

TEST(Step, ARemovedNodeStaysWhileTheOthersHaveNoMajorityWithoutIt) {
  Shard shard(3);
  shard.voters({0, 1, 2});
  shard.node(1).intent = Intent::remove;
  shard.node(2).standing = Standing::fresh;  // it has come back, and is wanted soon
  shard.on(2).lacks = 1'000;
  EXPECT_EQ(shard.next().action, Action::none) << describe(shard.next(), {0});
  shard.on(2).lacks = 0;
  EXPECT_STEP(shard.next(), remove, node_removed);
}

TEST(Step, TheLeaderOnARemovedNodeMakesItsSuccessorFirst) {
  Shard shard(2);
  shard.voter(0);
  shard.node(0).intent = Intent::remove;
  EXPECT_STEP(shard.next(), add_learner, better_node);
  shard.learner(1);
  EXPECT_STEP(shard.next(), promote, caught_up);
  shard.on(1).voter = true;
  const auto step = shard.next();
  EXPECT_STEP(step, transfer, node_removed);
  shard.view.leader = step.replica;
  EXPECT_STEP(shard.next(), remove, node_removed);
}

TEST(Step, TheOnlyNodeStaysEvenIfItIsRemoved) {
  Shard shard(1);
  shard.voter(0);
  shard.node(0).intent = Intent::remove;
  EXPECT_STEP(shard.next(), none, no_successor);
}

}  // namespace
}  // namespace parley::cluster::placement
