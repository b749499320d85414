// The guards around the consensus core, the order of its calls, and what home-made cores got wrong (docs/adr/0020).

#include "cluster/raft/group.h"
#include "tests/unit/cluster/raft/replica.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace parley::cluster::raft {
namespace {

using testing::founded;
using testing::joining;
using testing::Replica;
using testing::Replicas;
using testing::voters;

// ---- the guards ----

TEST(RaftGuards, WhatASnapshotBringsIsAppliedBeforeItIsPersisted) {
  Replica replica(joining(4));
  auto message = replica.to(RaftKind::snapshot, 1, 3);
  message.snapshot = RaftSnapshot{LogIndex{9}, Term{2}, voters({1, 2, 3}, {4}), "the state"};
  ASSERT_TRUE(replica.group->step(message));
  const auto ready = replica.take();  // tells that it is applied
  ASSERT_TRUE(ready.snapshot);
  EXPECT_EQ(*ready.snapshot, *message.snapshot);
  EXPECT_FALSE(replica.group->broken());
  EXPECT_TRUE(replica.taken().empty());
  replica.persisted(ready.number);
  replica.settle();
  ASSERT_EQ(replica.sent.size(), 1U);
  EXPECT_EQ(replica.sent[0].index, LogIndex{9});
  EXPECT_EQ(replica.group->status().persisted, LogIndex{9});
  EXPECT_EQ(replica.group->membership(), voters({1, 2, 3}, {4}));
}

TEST(RaftGuards, ALeaderThatAppliesItsOwnRemovalLeadsNoLonger) {
  Replicas replicas;
  replicas.add(founded(1, voters({1, 2})));
  replicas.add(founded(2, voters({1, 2})));
  ASSERT_TRUE(replicas[1].group->campaign());
  replicas.talk();
  ASSERT_EQ(replicas[1].group->status().role, Role::leader);
  ASSERT_TRUE(replicas[1].group->propose_membership({Change::Kind::remove, ReplicaId{1}}));
  replicas.talk();
  EXPECT_EQ(replicas[1].group->status().role, Role::follower);
  EXPECT_FALSE(replicas[1].group->membership().has(ReplicaId{1}));
  replicas.ticks(60);
  EXPECT_FALSE(replicas[1].group->broken());
  EXPECT_EQ(replicas[2].group->membership(), voters({2}));
  EXPECT_EQ(replicas[2].group->status().role, Role::leader);
}

TEST(RaftGuards, ASoleVoterSaysNothingBeforeItsTermIsOnTheDisk) {
  Replica replica(founded(1, voters({1}, {2})));
  ASSERT_TRUE(replica.group->campaign());
  const auto elected = replica.take();
  EXPECT_EQ(elected.role, Role::leader);
  EXPECT_TRUE(elected.hard_state);
  EXPECT_TRUE(elected.must_sync);
  ASSERT_TRUE(replica.group->propose("a"));
  const auto more = replica.take();
  EXPECT_TRUE(replica.sent.empty());
  EXPECT_GT(replica.group->status().messages_held, 0U);
  replica.persisted(elected.number);
  EXPECT_FALSE(replica.sent.empty());
  replica.persisted(more.number);
  EXPECT_EQ(replica.group->status().messages_held, 0U);
  // Then a leader does not wait for its own writes any more.
  replica.settle();
  replica.taken();
  auto answer = replica.to(RaftKind::append_response, 2, replica.group->status().term.value);
  answer.index = LogIndex{1};
  ASSERT_TRUE(replica.group->step(answer));
  replica.settle();
  replica.taken();
  ASSERT_TRUE(replica.group->propose("b"));
  (void)replica.take();
  EXPECT_FALSE(replica.sent.empty());
}

TEST(RaftGuards, WhoHasEntriesToWriteDoesNotStandForElection) {
  Replica replica(founded(2, voters({1, 2, 3})));
  ASSERT_TRUE(replica.group->step(replica.append(1, 1, 1, 1, {1}, 1)));
  const auto ready = replica.take();
  ASSERT_EQ(ready.entries.size(), 1U);
  ASSERT_TRUE(replica.group->step(replica.to(RaftKind::timeout_now, 1, 1)));
  ASSERT_TRUE(replica.group->campaign());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(replica.group->tick());
  EXPECT_EQ(replica.group->status().role, Role::follower);
  EXPECT_EQ(replica.group->status().term, Term{1});
  replica.persisted(ready.number);
  ASSERT_TRUE(replica.group->step(replica.to(RaftKind::timeout_now, 1, 1)));
  EXPECT_EQ(replica.group->status().role, Role::candidate);
}

TEST(RaftGuards, WhatIsAppliedIsCommittedWhateverTheHardStateSays) {
  Replica first(founded(2, voters({1, 2, 3})));
  ASSERT_TRUE(first.group->step(first.append(1, 1, 1, 1, {1, 1, 1}, 4)));
  first.settle();
  auto stored = first.stored;
  ASSERT_EQ(stored.applied, LogIndex{4});
  stored.hard_state.commit = LogIndex{1};
  Replica again(stored);
  EXPECT_EQ(again.group->status().commit, LogIndex{4});
}

TEST(RaftGuards, AStoreThatIsAnothersOrDamagedIsRefused) {
  Replica any(founded(1, voters({1})));
  auto from_the_start = founded(1, voters({1}));
  from_the_start.cut = from_the_start.applied = from_the_start.last = LogIndex{};
  auto ahead = founded(1, voters({1}));
  ahead.applied = LogIndex{5};
  GroupConfig config;
  config.self = ReplicaId{1};
  for (const auto& stored : {from_the_start, ahead, founded(2, voters({1, 2}))}) {
    const auto made = Group::create(config, stored, any);
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code, Errc::corrupt);
  }
}

// ---- the order of calls ----

TEST(RaftOrder, AMessageWaitsForItsReadyAndAllBefore) {
  Replica replica(founded(2, voters({1, 2, 3})));
  ASSERT_TRUE(replica.group->step(replica.append(1, 1, 1, 1, {1}, 1)));
  const auto first = replica.take();
  ASSERT_TRUE(replica.group->step(replica.to(RaftKind::heartbeat, 1, 1)));
  const auto second = replica.take();
  EXPECT_FALSE(second.must_sync);  // writes nothing of its own
  EXPECT_TRUE(second.entries.empty());
  EXPECT_TRUE(replica.sent.empty());
  replica.persisted(first.number);
  ASSERT_EQ(replica.sent.size(), 1U);
  EXPECT_EQ(replica.sent[0].kind, RaftKind::append_response);
  EXPECT_EQ(replica.sent[0].index, LogIndex{2});
  replica.persisted(second.number);
  ASSERT_EQ(replica.sent.size(), 2U);
  EXPECT_EQ(replica.sent[1].kind, RaftKind::heartbeat_response);
}

TEST(RaftOrder, ALeaderCountsItselfOnlyWithWhatItHasOnTheDisk) {
  Replica replica(founded(1, voters({1, 2, 3})));
  replica.lead({2, 3});
  const auto proposed = replica.group->propose("a");
  ASSERT_TRUE(proposed.ok());
  const auto ready = replica.take();
  auto answer = replica.to(RaftKind::append_response, 2, proposed->term.value);
  answer.index = proposed->index;
  ASSERT_TRUE(replica.group->step(answer));
  EXPECT_LT(replica.group->status().commit, proposed->index);
  replica.persisted(ready.number);
  EXPECT_EQ(replica.group->status().commit, proposed->index);
}

TEST(RaftOrder, EntriesReplaceWhatStoodBehindThem) {
  Replica replica(founded(2, voters({1, 2, 3})));
  ASSERT_TRUE(replica.group->step(replica.append(1, 2, 1, 1, {2, 2, 2}, 1)));
  replica.settle();
  ASSERT_TRUE(replica.group->step(replica.append(3, 3, 2, 2, {3}, 1)));
  const auto ready = replica.take();
  ASSERT_EQ(ready.entries.size(), 1U);
  EXPECT_EQ(ready.entries[0].index, LogIndex{3});
  EXPECT_EQ(replica.group->status().last, LogIndex{3});
}

// ---- proposals ----

TEST(RaftProposals, AreTheLeadersAlone) {
  Replica follower(founded(2, voters({1, 2, 3})));
  ASSERT_TRUE(follower.group->step(follower.to(RaftKind::heartbeat, 1, 2)));
  follower.settle();
  follower.taken();
  const auto refused = follower.group->propose("a");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::not_leader);
  EXPECT_EQ(refused.error().leader, 1U);
  EXPECT_FALSE(follower.group->propose_membership({Change::Kind::add_learner, ReplicaId{9}}).ok());
  EXPECT_FALSE(follower.group->read_index().ok());
  EXPECT_FALSE(follower.group->transfer(ReplicaId{3}).ok());
  EXPECT_FALSE(follower.group->has_ready());
}

TEST(RaftProposals, AreNamedByIndexAndTerm) {
  Replica leader(founded(1, voters({1})));
  leader.lead({});
  const auto first = leader.group->propose("a");
  const auto second = leader.group->propose("b");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(second->index.value, first->index.value + 1);
  leader.settle();
  ASSERT_EQ(leader.applied.size(), 3U);  // the term's own comes first
  EXPECT_TRUE(leader.applied[0].payload.empty());
  EXPECT_EQ(leader.applied[1], (RaftEntry{first->index, first->term, RaftEntryKind::command, "a"}));
  EXPECT_EQ(leader.applied[2], (RaftEntry{second->index, second->term, RaftEntryKind::command, "b"}));
  EXPECT_EQ(leader.group->propose("").error().code, Errc::bad_request);
}

TEST(RaftProposals, WaitForRoom) {
  GroupConfig config;
  config.message_bytes_max = 500;
  config.uncommitted_bytes_max = 1'000;
  Replica leader(founded(1, voters({1, 2, 3})), config);
  leader.lead({2, 3});
  Result<Proposed> last = Proposed{};
  for (int i = 0; i < 10 && last.ok(); ++i) last = leader.group->propose(std::string(300, 'x'));
  ASSERT_FALSE(last.ok());
  EXPECT_EQ(last.error().code, Errc::overloaded);
  leader.settle();
  leader.acknowledge(2, leader.group->status().last.value);
  EXPECT_TRUE(leader.group->propose("a").ok());
}

TEST(RaftProposals, NobodysAreTakenFromOutside) {
  Replica leader(founded(1, voters({1, 2, 3})));
  leader.lead({2, 3});
  const auto before = leader.group->status().last;
  for (const int kind : {0, 1, 2, 10, 11, 12, 13, 19, 200}) {  // local ones, proposals, transfers, unknown
    auto message = leader.to(static_cast<RaftKind>(kind), 2, leader.group->status().term.value);
    message.entries.push_back({{}, {}, RaftEntryKind::command, "x"});
    EXPECT_EQ(leader.group->step(message).error().code, Errc::corrupt) << kind;
  }
  EXPECT_EQ(leader.group->status().last, before);
}

// ---- membership ----

TEST(RaftMembers, ALearnerComesFirstAndGetsASnapshot) {
  Replicas replicas;
  auto& leader = replicas.add(founded(1, voters({1})));
  leader.lead({});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(leader.group->propose("a").ok());
  replicas.talk();
  EXPECT_EQ(leader.group->propose_membership({Change::Kind::add_voter, ReplicaId{2}}).error().code, Errc::bad_request);
  replicas.add(joining(2));
  ASSERT_TRUE(leader.group->propose_membership({Change::Kind::add_learner, ReplicaId{2}}).ok());
  const auto twice = leader.group->propose_membership({Change::Kind::add_learner, ReplicaId{3}});
  EXPECT_EQ(twice.error().code, Errc::overloaded);  // one at a time
  replicas.ticks(10);
  EXPECT_EQ(replicas[2].group->status().applied, leader.group->status().applied);
  EXPECT_EQ(replicas[2].group->membership(), voters({1}, {2}));
  ASSERT_TRUE(leader.group->propose_membership({Change::Kind::add_voter, ReplicaId{2}}).ok());
  replicas.ticks(10);
  EXPECT_EQ(replicas[2].group->membership(), voters({1, 2}));
  EXPECT_EQ(leader.group->propose_membership({Change::Kind::remove, ReplicaId{7}}).error().code, Errc::bad_request);
}

TEST(RaftMembers, WhoIsFarBehindDoesNotVoteYet) {
  GroupConfig config;
  config.promote_lag_max = 10;
  Replica leader(founded(1, voters({1}, {2})), config);
  leader.lead({});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(leader.group->propose("a").ok());
  leader.settle();
  const Change promote{Change::Kind::add_voter, ReplicaId{2}};
  EXPECT_EQ(leader.group->propose_membership(promote).error().code, Errc::overloaded);
  leader.acknowledge(2, leader.group->status().last.value - 5);
  EXPECT_TRUE(leader.group->propose_membership(promote).ok());
}

TEST(RaftMembers, TheLastVoterStays) {
  Replica leader(founded(1, voters({1}, {2})));
  leader.lead({});
  EXPECT_EQ(leader.group->propose_membership({Change::Kind::remove, ReplicaId{1}}).error().code, Errc::bad_request);
  EXPECT_TRUE(leader.group->propose_membership({Change::Kind::remove, ReplicaId{2}}).ok());
}

TEST(RaftMembers, NoSnapshotGoesToWhoIsNotInIt) {
  // The learner is known to raft as soon as its change is applied; the storage's snapshot may be from before.
  Replica leader(founded(1, voters({1})));
  leader.lead({});
  ASSERT_TRUE(leader.group->propose_membership({Change::Kind::add_learner, ReplicaId{2}}).ok());
  leader.settle();
  leader.stored.membership = voters({1});  // what it will offer
  leader.taken();
  auto answer = leader.to(RaftKind::append_response, 2, leader.group->status().term.value);
  answer.reject = true;
  answer.index = LogIndex{1};
  ASSERT_TRUE(leader.group->step(answer));
  leader.ticks(10);
  const auto is_snapshot = [](const RaftMessage& message) { return message.kind == RaftKind::snapshot; };
  EXPECT_TRUE(std::none_of(leader.sent.begin(), leader.sent.end(), is_snapshot));
}

TEST(RaftMembers, AChangeIsReadOrRefused) {
  EXPECT_FALSE(parse_change("").ok());
  EXPECT_FALSE(parse_change(std::string(17, '\0')).ok());  // of nobody
  EXPECT_FALSE(parse_change(std::string(17, '\3')).ok());  // of a kind that is not there
  EXPECT_FALSE(parse_change(std::string(18, '\1')).ok());
  const auto change = parse_change(std::string("\1\5\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0", 17));
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(change->id, ReplicaId{5});
  EXPECT_EQ(change->node, NodeId{7});
  EXPECT_EQ(change->kind, Change::Kind::remove);
  Replica follower(founded(2, voters({1, 2, 3})));
  auto message = follower.append(1, 1, 1, 1, {1}, 1);
  message.entries[0].kind = RaftEntryKind::change;  // its payload is a command's
  EXPECT_EQ(follower.group->step(message).error().code, Errc::corrupt);
}

// ---- reads, transfers ----

TEST(RaftReads, AreAnsweredWhenAMajorityStillFollows) {
  Replica leader(founded(1, voters({1, 2, 3})));
  leader.lead({2, 3});
  EXPECT_EQ(leader.group->read_index().error().code, Errc::overloaded);  // nothing of the term is committed
  leader.acknowledge(2, 2);
  leader.taken();
  const auto read = leader.group->read_index();
  ASSERT_TRUE(read.ok());
  leader.settle();
  EXPECT_TRUE(leader.reads.empty());
  const auto beats = leader.taken();
  const auto beat =
      std::find_if(beats.begin(), beats.end(), [](const auto& message) { return !message.context.empty(); });
  ASSERT_NE(beat, beats.end());
  auto answer = leader.to(RaftKind::heartbeat_response, 2, leader.group->status().term.value);
  answer.context = beat->context;
  ASSERT_TRUE(leader.group->step(answer));
  leader.settle();
  ASSERT_EQ(leader.reads.size(), 1U);
  EXPECT_EQ(leader.reads[0].read, *read);
  EXPECT_EQ(leader.reads[0].index, LogIndex{2});
}

TEST(RaftTransfer, HandsOverAndRefusesMeanwhile) {
  Replicas replicas;
  for (std::uint64_t id = 1; id <= 3; ++id) replicas.add(founded(id, voters({1, 2, 3})));
  ASSERT_TRUE(replicas[1].group->campaign());
  replicas.talk();
  EXPECT_EQ(replicas[1].group->transfer(ReplicaId{1}).error().code, Errc::bad_request);
  EXPECT_EQ(replicas[1].group->transfer(ReplicaId{9}).error().code, Errc::bad_request);
  ASSERT_TRUE(replicas[1].group->transfer(ReplicaId{2}));
  const auto refused = replicas[1].group->propose("a");
  EXPECT_EQ(refused.error().code, Errc::not_leader);
  EXPECT_EQ(refused.error().leader, 2U);
  replicas.talk();
  EXPECT_EQ(replicas[2].group->status().role, Role::leader);
  EXPECT_EQ(replicas[1].group->status().role, Role::follower);
}

// ---- what home-made cores got wrong ----

TEST(RaftDirected, AnAcknowledgementSaysWhatCameAndNotWhatIsThere) {
  Replica replica(founded(2, voters({1, 2, 3})));
  ASSERT_TRUE(replica.group->step(replica.append(1, 2, 1, 1, {2, 2, 2}, 1)));
  replica.settle();
  replica.taken();
  ASSERT_TRUE(replica.group->step(replica.append(1, 2, 1, 1, {2}, 1)));  // the first part again, late
  replica.settle();
  ASSERT_EQ(replica.sent.size(), 1U);
  EXPECT_EQ(replica.sent[0].index, LogIndex{2});
  EXPECT_EQ(replica.group->status().last, LogIndex{4});
}

TEST(RaftDirected, AnOldTermsEntryIsNotCommittedByCounting) {
  Replica first(founded(1, voters({1, 2, 3})));
  ASSERT_TRUE(first.group->step(first.append(2, 2, 1, 1, {2}, 1)));
  first.settle();
  first.lead({2, 3});  // its own entry is at 3
  first.acknowledge(2, 2);
  EXPECT_EQ(first.group->status().commit, LogIndex{1});
  first.acknowledge(2, 3);
  EXPECT_EQ(first.group->status().commit, LogIndex{3});
}

TEST(RaftDirected, WhatComesFromBelowTheCutChangesNothing) {
  Replica replica(founded(2, voters({1, 2, 3})));
  ASSERT_TRUE(replica.group->step(replica.append(1, 1, 1, 1, {1, 1, 1, 1, 1}, 6)));
  replica.settle();
  ASSERT_TRUE(replica.group->cut(LogIndex{5}).ok());
  replica.taken();
  ASSERT_TRUE(replica.group->step(replica.append(1, 1, 0, 0, {1, 1}, 2)));  // from the very start
  ASSERT_TRUE(replica.group->step(replica.append(1, 1, 2, 1, {1}, 3)));     // below the log's beginning
  replica.settle();
  EXPECT_FALSE(replica.group->broken());
  EXPECT_EQ(replica.group->status().last, LogIndex{6});
  ASSERT_EQ(replica.sent.size(), 2U);
  for (const auto& answer : replica.sent) {
    EXPECT_FALSE(answer.reject);
    EXPECT_EQ(answer.index, LogIndex{6});  // what is committed counts as there
  }
}

TEST(RaftDirected, ALateRejectionIsForgotten) {
  Replica leader(founded(1, voters({1, 2, 3})));
  leader.lead({2, 3});
  leader.acknowledge(2, 2);
  auto late = leader.to(RaftKind::append_response, 2, leader.group->status().term.value);
  late.reject = true;
  late.index = LogIndex{1};
  late.reject_hint = LogIndex{0};
  ASSERT_TRUE(leader.group->step(late));
  EXPECT_EQ(leader.group->matched(ReplicaId{2}), LogIndex{2});
}

TEST(RaftDirected, AnswersOfAnEarlierTermCountForNothing) {
  Replica leader(founded(1, voters({1, 2, 3})));
  leader.lead({2, 3});
  auto old = leader.to(RaftKind::append_response, 2, 1);
  old.index = LogIndex{2};
  ASSERT_TRUE(leader.group->step(old));
  EXPECT_EQ(leader.group->matched(ReplicaId{2}), LogIndex{});
  EXPECT_EQ(leader.group->status().commit, LogIndex{1});
}

TEST(RaftDirected, ALongLogOfALowTermDoesNotWin) {
  Replica voter(founded(2, voters({1, 2, 3})));
  ASSERT_TRUE(voter.group->step(voter.append(1, 5, 1, 1, {5}, 1)));
  voter.settle();
  voter.ticks(12);  // nobody has led for long enough
  voter.taken();
  auto ask = voter.to(RaftKind::request_pre_vote, 3, 9);
  ask.index = LogIndex{100};
  ask.log_term = Term{4};
  ASSERT_TRUE(voter.group->step(ask));
  voter.settle();
  const auto answers = voter.taken();
  const auto answer = std::find_if(answers.begin(), answers.end(), [](const auto& message) {
    return message.kind == RaftKind::request_pre_vote_response;
  });
  ASSERT_NE(answer, answers.end());
  EXPECT_TRUE(answer->reject);
}

TEST(RaftDirected, EveryLeadershipHasATermOfItsOwnInAGroupOfOneToo) {
  Replica alone(founded(1, voters({1})));
  alone.lead({});
  const auto before = alone.group->status().term;
  Replica again(alone.stored);
  again.log = alone.log;
  again.lead({});
  EXPECT_GT(again.group->status().term, before);
}

TEST(RaftDirected, WhoHearsALeaderIsNotDisturbed) {
  Replicas replicas;
  for (std::uint64_t id = 1; id <= 3; ++id) replicas.add(founded(id, voters({1, 2, 3})));
  ASSERT_TRUE(replicas[1].group->campaign());
  replicas.talk();
  const auto term = replicas[1].group->status().term;
  replicas.cut = ReplicaId{3};
  replicas.ticks(100);
  replicas.cut = {};
  replicas.ticks(10);
  EXPECT_EQ(replicas[1].group->status().role, Role::leader);
  EXPECT_EQ(replicas[1].group->status().term, term);
}

TEST(RaftDirected, ALeaderWithoutAMajorityStepsDown) {
  Replicas replicas;
  for (std::uint64_t id = 1; id <= 3; ++id) replicas.add(founded(id, voters({1, 2, 3})));
  ASSERT_TRUE(replicas[1].group->campaign());
  replicas.talk();
  replicas.cut = ReplicaId{1};
  replicas.ticks(60);
  EXPECT_NE(replicas[1].group->status().role, Role::leader);
  EXPECT_TRUE(replicas[2].group->status().role == Role::leader || replicas[3].group->status().role == Role::leader);
}

// ---- bounds and failures ----

TEST(RaftBounds, TheWindowIsBoundedAndTheRestComesFromTheStore) {
  GroupConfig config;
  config.window_bytes_max = 16'384;
  config.message_bytes_max = 8'192;
  Replica leader(founded(1, voters({1, 2, 3})), config);
  leader.lead({2, 3});
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(leader.group->propose(std::string(1'000, 'x')).ok());
    leader.settle();
    leader.acknowledge(2, leader.group->status().last.value);
  }
  EXPECT_LE(leader.group->status().window_bytes, config.window_bytes_max);
  leader.taken();
  const auto before = leader.asked;
  leader.acknowledge(3, 2);  // it is far behind
  EXPECT_GT(leader.asked, before);
  const auto sent = leader.taken();
  EXPECT_GT(sent.size(), 20U);
  LogIndex next{3};
  for (const auto& message : sent) {
    std::size_t bytes = 0;
    EXPECT_EQ(message.index.value + 1, next.value);
    EXPECT_EQ(message.log_term, leader.log[message.index].term);
    for (const auto& entry : message.entries) {
      bytes += entry.payload.size();
      EXPECT_EQ(entry.index, next);
      ++next.value;
    }
    EXPECT_LE(bytes, config.message_bytes_max);
  }
  EXPECT_EQ(next.value, leader.stored.last.value + 1);
}

TEST(RaftBounds, WhileTheDiskIsStuckOnlySoManyAnswersWait) {
  GroupConfig config;
  config.messages_held_max = 10;
  Replica follower(founded(2, voters({1, 2, 3})), config);
  ASSERT_TRUE(follower.group->step(follower.append(1, 1, 1, 1, {1}, 1)));
  auto last = follower.take().number;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(follower.group->step(follower.to(RaftKind::heartbeat, 1, 1)));
    last = follower.take().number;
  }
  EXPECT_EQ(follower.group->status().messages_held, 10U);
  EXPECT_EQ(follower.group->status().messages_lost, 41U);
  follower.persisted(last);
  EXPECT_EQ(follower.sent.size(), 10U);
  EXPECT_EQ(follower.sent[0].kind, RaftKind::append_response);
  ASSERT_TRUE(follower.group->step(follower.to(RaftKind::heartbeat, 1, 1)));
  follower.settle();
  EXPECT_EQ(follower.sent.size(), 11U);
}

TEST(RaftBounds, OfWhatIsNotWrittenNothingLeavesTheWindow) {
  GroupConfig config;
  config.window_bytes_max = 1'000;
  Replica leader(founded(1, voters({1})), config);
  leader.lead({});
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(leader.group->propose(std::string(100, 'x')).ok());
  const auto ready = leader.take();
  EXPECT_GT(leader.group->status().window_bytes, 5'000U);
  leader.persisted(ready.number);
  leader.settle();
  EXPECT_LE(leader.group->status().window_bytes, config.window_bytes_max);
}

TEST(RaftFailures, AStorageErrorEndsTheReplicaAndNothingElse) {
  GroupConfig config;
  config.window_bytes_max = 100;
  Replica leader(founded(1, voters({1, 2, 3})), config);
  leader.lead({2, 3});
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(leader.group->propose("some").ok());
    leader.settle();
    leader.acknowledge(2, leader.group->status().last.value);
  }
  leader.fails = true;
  auto behind = leader.to(RaftKind::append_response, 3, leader.group->status().term.value);
  behind.index = LogIndex{2};
  const auto ended = leader.group->step(behind);
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code, Errc::io) << "what the storage said";
  ASSERT_TRUE(leader.group->broken());
  // It stays so, and says so.
  leader.fails = false;
  EXPECT_EQ(leader.group->tick().error().code, Errc::io);
  EXPECT_EQ(leader.group->propose("a").error().code, Errc::io);
  EXPECT_EQ(leader.group->persisted(1).error().code, Errc::io);
  EXPECT_FALSE(leader.group->has_ready());
  Replica other(founded(1, voters({1})));
  other.lead({});
}

TEST(RaftFailures, MessagesThatMakeNoSenseAreRefused) {
  Replica follower(founded(2, voters({1, 2, 3})));
  auto hole = follower.append(1, 2, 1, 1, {2, 2}, 1);
  hole.entries[1].index = LogIndex{7};
  auto of_the_future = follower.append(1, 2, 1, 1, {3}, 1);
  auto no_snapshot = follower.to(RaftKind::snapshot, 1, 2);
  auto nothing_read = follower.to(RaftKind::read_index, 1, 0);
  auto no_term = follower.to(RaftKind::heartbeat, 1, 0);
  auto of_nobody = follower.to(RaftKind::heartbeat, 0, 2);
  for (const auto& message : {hole, of_the_future, no_snapshot, nothing_read, no_term, of_nobody}) {
    EXPECT_EQ(follower.group->step(message).error().code, Errc::corrupt);
  }
  auto for_another = follower.to(RaftKind::heartbeat, 1, 2);
  for_another.to = ReplicaId{9};
  EXPECT_EQ(follower.group->step(for_another).error().code, Errc::not_found);
  auto answer_of_a_stranger = follower.to(RaftKind::append_response, 77, 1);
  EXPECT_EQ(follower.group->step(answer_of_a_stranger).error().code, Errc::not_found);
  EXPECT_FALSE(follower.group->broken());
  EXPECT_EQ(follower.group->status().last, LogIndex{1});
}

}  // namespace
}  // namespace parley::cluster::raft
