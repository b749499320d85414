// The next step of a shard: rule by rule. In any order and with late news: placement_sim_test.cpp.
#include "tests/unit/cluster/placement/shard.h"

namespace parley::cluster::placement {
namespace {

using namespace std::chrono_literals;

// ---- growing ----

TEST(Step, AloneNothingIsDone) {
  Shard shard(1);
  shard.voter(0);
  EXPECT_STEP(shard.next(), none, settled);
}

TEST(Step, ASecondNodeBecomesALearnerThenAVoterAndSoDoesAThird) {
  Shard shard(3);
  shard.voter(0);
  auto step = shard.next();
  EXPECT_STEP(step, add_learner, too_few_replicas);
  EXPECT_EQ(step.node, shard.ranked(1));
  shard.learner(1).lacks = 1'000;
  EXPECT_STEP(shard.next(), none, catching_up);
  shard.on(1).lacks = 64;
  step = shard.next();
  EXPECT_STEP(step, promote, caught_up);
  EXPECT_EQ(step.replica, shard.on(1).id);
  shard.on(1).voter = true;
  step = shard.next();
  EXPECT_STEP(step, add_learner, too_few_replicas);
  EXPECT_EQ(step.node, shard.ranked(2));
  shard.learner(2);
  EXPECT_STEP(shard.next(), promote, caught_up);
  shard.on(2).voter = true;
  shard.planned_leads();
  EXPECT_STEP(shard.next(), none, settled);
}

TEST(Step, ALearnerIsNoVoterWhileASnapshotIsUnderWayOrNothingIsKnown) {
  Shard shard(2);
  shard.voter(0);
  shard.learner(1).snapshot = true;
  EXPECT_STEP(shard.next(), none, catching_up);
  shard.on(1).snapshot = false;
  shard.on(1).lacks.reset();
  EXPECT_STEP(shard.next(), none, catching_up);
  shard.on(1).lacks = 65;
  EXPECT_STEP(shard.next(), none, catching_up);
  shard.on(1).lacks = 0;
  shard.node(1).alive = false;  // it is suspected
  EXPECT_STEP(shard.next(), none, catching_up);
}

TEST(Step, OneChangeAtATime) {
  Shard shard(3);
  shard.voter(0);
  shard.view.change_pending = true;
  EXPECT_STEP(shard.next(), none, change_pending);
  shard.view.change_pending = false;
  shard.learner(1).lacks = 1'000;
  EXPECT_EQ(shard.next().action, Action::none);  // and one learner
}

TEST(Step, NothingIsCopiedToANodeThatIsFreshSuspectedDrainingOrAway) {
  for (const auto make : {+[](Node& node) { node.standing = Standing::fresh; }, +[](Node& node) { node.alive = false; },
                          +[](Node& node) { node.intent = Intent::drain; },
                          +[](Node& node) {
                            node.alive = false;
                            node.standing = Standing::away;
                          },
                          +[](Node& node) { node.intent = Intent::remove; }}) {
    Shard shard(2);
    shard.voter(0);
    make(shard.node(1));
    EXPECT_EQ(shard.next().action, Action::none) << describe(shard.next(), {0});
  }
}

TEST(Step, NothingBeginsToBeCopiedWhereMovesAreFull) {
  Shard shard(2);
  shard.voter(0);
  EXPECT_STEP(shard.next(MoreMoves::no), none, moves_full);
  shard.learner(1);
  EXPECT_STEP(shard.next(MoreMoves::no), promote, caught_up);  // it goes on
}

TEST(Step, AnotherWantedNodeIsTakenWhereTheFirstOneIsNotHere) {
  Shard shard(3);
  shard.voter(0);
  shard.is_away(1);
  const auto step = shard.next();
  EXPECT_STEP(step, add_learner, too_few_replicas);
  EXPECT_EQ(step.node, shard.ranked(2));
}

TEST(Step, ALeaderThatIsYoungOrHasJustStartedMovesNothing) {
  Shard shard(2);
  shard.voter(0);
  shard.view.led_for = 14s;
  EXPECT_STEP(shard.next(), none, settling);
  shard.view.led_for = 15s;
  EXPECT_STEP(shard.next(), add_learner, too_few_replicas);
  shard.node(0).standing = Standing::fresh;
  EXPECT_STEP(shard.next(), none, settling);
}

// ---- moving ----

TEST(Step, ABetterNodeHasItBeforeAnotherOneGivesItUp) {
  Shard shard(4);
  shard.voters({0, 1, 3});
  auto step = shard.next();
  EXPECT_STEP(step, add_learner, better_node);
  EXPECT_EQ(step.node, shard.ranked(2));
  shard.learner(2).lacks = 100;
  EXPECT_STEP(shard.next(), none, catching_up);
  shard.on(2).lacks = 1;
  EXPECT_STEP(shard.next(), promote, caught_up);
  shard.on(2).voter = true;
  step = shard.next();
  EXPECT_STEP(step, remove, not_wanted_here);
  EXPECT_EQ(step.replica, shard.on(3).id);
}

TEST(Step, ALeaderThatIsNotWantedHandsOverFirst) {
  Shard shard(4);
  shard.voters({3, 0, 1, 2});
  shard.view.led_for = 29s;
  EXPECT_STEP(shard.next(), none, settling);
  shard.view.led_for = 30s;
  const auto step = shard.next();
  EXPECT_STEP(step, transfer, not_wanted_here);
  shard.view.leader = step.replica;
  EXPECT_STEP(shard.next(), remove, not_wanted_here);
  EXPECT_EQ(shard.next().replica, shard.on(3).id);
}

TEST(Step, NoLivingVoterGoesWhileOneOfThoseWhoStayIsNotWell) {
  Shard shard(4);
  shard.voters({0, 1, 2, 3});
  shard.on(2).lacks = 65;
  EXPECT_EQ(shard.next().action, Action::none);
  shard.on(2).lacks = 0;
  shard.node(2).alive = false;
  EXPECT_EQ(shard.next().action, Action::none);
  shard.is_away(2);
  EXPECT_EQ(shard.next().action, Action::none);
  shard.is_gone(2);  // then it is that one
  EXPECT_STEP(shard.next(), remove, smaller_majority);
  EXPECT_EQ(shard.next().replica, shard.on(2).id);
}

TEST(Step, WhoeverIsNotWantedAndOnlySuspectedIsNotGivenUpBeforeTheNextOneVotes) {
  Shard shard(4);
  shard.voters({0, 1, 3});
  shard.learner(2);
  shard.node(3).alive = false;
  EXPECT_STEP(shard.next(), none, voter_away);
  shard.is_away(3);
  EXPECT_STEP(shard.next(), remove, not_wanted_here);
  EXPECT_EQ(shard.next().replica, shard.on(3).id);
}

TEST(Step, OneVoterMoreThanWantedIsEnough) {
  Shard shard(5);
  shard.rules.replicas = 4;
  shard.voters({0, 1, 2, 4});
  shard.voter(3);
  shard.is_away(1);  // so nobody can be spared
  shard.learner(3).lacks = 10;
  shard.view.replicas[4].lost = true;  // it comes back on the same node
  EXPECT_STEP(shard.next(), remove, replaced);
  Shard six(6);
  six.rules.replicas = 4;
  six.voters({0, 1, 2, 4, 5});
  six.learner(3);
  six.is_away(1);
  EXPECT_STEP(six.next(), none, voter_away);
}

TEST(Step, WithoutASoundMajorityNothingIsChanged) {
  Shard shard(5);
  shard.voters({0, 1, 2});
  shard.on(1).lacks.reset();
  shard.on(2).lacks.reset();
  EXPECT_STEP(shard.next(), none, no_majority);
  shard.is_gone(1);
  shard.is_gone(2);
  EXPECT_STEP(shard.next(), none, no_majority);
}

TEST(Step, LearnersThatNobodyNeedsAreRemoved) {
  Shard shard(4);
  shard.voters({0, 1, 2});
  shard.learner(3).snapshot = true;
  const auto step = shard.next();
  EXPECT_STEP(step, remove, learner_unneeded);
  EXPECT_EQ(step.replica, shard.on(3).id);
}

TEST(Step, ALearnerWhoseNodeIsAwayStaysUntilTheNodeIsGone) {
  Shard shard(4);
  shard.voters({0, 1});
  shard.learner(2);
  shard.is_away(2);
  EXPECT_EQ(shard.next().action, Action::none) << describe(shard.next(), {0});
  shard.is_gone(2);
  EXPECT_STEP(shard.next(), remove, learner_unneeded);
}

// ---- leads ----

TEST(Step, ANodeThatIsAboutToStopHandsOverAtOnceAndKeepsItsData) {
  Shard shard(4);
  shard.voters({0, 1, 2});
  shard.node(0).intent = Intent::drain;
  shard.view.led_for = 0s;
  const auto step = shard.next();
  EXPECT_STEP(step, transfer, node_drains);
  shard.view.leader = step.replica;
  shard.view.led_for = std::chrono::hours(1);
  EXPECT_EQ(shard.next().action, Action::none) << describe(shard.next(), {0});
}

TEST(Step, ADrainingLeaderWithoutASuccessorStays) {
  Shard shard(3);
  shard.voters({0, 1, 2});
  shard.node(0).intent = Intent::drain;
  shard.on(1).lacks = 1'000;
  shard.node(2).intent = Intent::drain;
  EXPECT_EQ(shard.next().action, Action::none);
  shard.node(2).intent = Intent::stay;
  EXPECT_STEP(shard.next(), transfer, node_drains);
  EXPECT_EQ(shard.next().replica, shard.on(2).id);
}

TEST(Step, TheLeadGoesToThePlannedOneInCalmAfterARest) {
  Shard shard(3);
  shard.voters({0, 1, 2});
  const auto planned = *LeadPlan(1, shard.nodes, shard.rules).planned_leader({0});
  ASSERT_EQ(planned, shard.ranked(0));  // of one shard
  shard.leads(1);
  EXPECT_STEP(shard.next(), transfer, even_leads);
  EXPECT_EQ(shard.next().replica, shard.on(0).id);
  shard.view.led_for = 29s;
  EXPECT_STEP(shard.next(), none, settling);
  shard.view.led_for = 30s;
  shard.on(0).lacks = 65;
  EXPECT_STEP(shard.next(), none, lead_waits);
  shard.on(0).lacks = 0;
  shard.is_away(2);
  EXPECT_STEP(shard.next(), none, settling);
  shard.is_gone(2);
  EXPECT_STEP(shard.next(), transfer, even_leads);
}

TEST(Step, TheLeadIsNotGivenOnWhileASnapshotIsUnderWay) {
  Shard shard(3);
  shard.voters({0, 1});
  shard.leads(1);
  shard.learner(2).snapshot = true;
  EXPECT_EQ(shard.next().action, Action::none);
}

// ---- what cannot be judged ----

TEST(Step, NothingIsDoneWithoutKnowingTheNodes) {
  Shard shard(3);
  shard.voters({0, 1, 2});
  shard.nodes.erase(shard.nodes.begin());
  EXPECT_STEP(shard.next(), none, node_unknown);
  Shard young(4);
  young.voters({0, 1});
  young.node(1).heard = false;  // its zone is not known
  young.is_away(1);
  EXPECT_EQ(young.next().action, Action::none);
}

TEST(Step, OnlyALeaderThatVotesDecides) {
  Shard shard(3);
  shard.voters({0, 1, 2});
  shard.view.leader = {};
  EXPECT_STEP(shard.next(), none, not_leader);
  shard.learner(2);
  shard.view.leader = shard.view.replicas.back().id;
  EXPECT_STEP(shard.next(), none, not_leader);
}

TEST(Step, IsASentenceForPeople) {
  const Step step{Action::remove, Reason::replaced, {0x2a}, {0x64}};
  EXPECT_EQ(
      describe(step, {7}),
      "shard 7: replica 0000000000000064 on node 000000000000002a is removed: it is gone, and a learner is ready to "
      "take its place");
  for (int reason = 0; reason <= static_cast<int>(Reason::lead_waits); ++reason) {
    EXPECT_NE(to_text(static_cast<Reason>(reason)), "?");
    EXPECT_EQ(describe({.reason = static_cast<Reason>(reason)}, {1}).find('?'), std::string::npos);
  }
}

}  // namespace
}  // namespace parley::cluster::placement
