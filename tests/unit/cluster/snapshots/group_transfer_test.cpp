// Replicas of a real group that fall behind get the state of another one, whoever leads by then, whatever dies.
#include "tests/unit/cluster/snapshots/group_nodes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace parley::cluster::snapshots {
namespace {

using namespace testing;

// A log of which little is kept: who is behind needs a snapshot. And one of which everything is.
GroupNode::Config short_log() {
  GroupNode::Config config;
  config.logs = {.log_bytes_max = 2'000, .log_entries_kept = 4};
  config.source.part_bytes_max = 2'000;
  config.source.bytes_per_second = 200'000;
  config.source.idle_max = seconds(10);
  config.fetch = {.answer_within = milliseconds(500), .asks_max = 4};
  return config;
}
GroupNode::Config long_log() {
  auto config = short_log();
  config.logs = {};
  return config;
}

class GroupTransfer : public ::testing::Test {
 protected:
  void build(const GroupNode::Config& second) {
    nodes_.emplace(std::map<std::uint64_t, GroupNode::Config>{{1, short_log()}, {2, second}, {3, short_log()}});
    nodes_->found({{ReplicaId{1}, ReplicaId{2}, ReplicaId{3}}, {}, {}, {}, false});
    ASSERT_TRUE(nodes_->lead(1));
    fill(1, 20);
    ASSERT_TRUE(nodes_->same(1, 3));
    ASSERT_EQ(node(3).restores(), 0U);
  }
  GroupNode& node(std::uint64_t id) { return (*nodes_)[id]; }
  void fill(std::uint64_t leader, int count) {
    for (int i = 0; i < count; ++i) {
      const auto number = written_++;
      node(leader).propose(fmt::format("m{:03}", number * 7 % 300), noise(dice_, 200 + dice_.below(600)));
      nodes_->pass(milliseconds(20));
    }
  }
  // The third one is cut off, and the first one's log goes on without it; then it is back, and gets the state.
  void leave_behind() {
    nodes_->cut(3);
    fill(1, 150);
    nodes_->mend(3);
    ASSERT_TRUE(nodes_->until([&] { return node(3).begun() == 1 && node(3).fetch().progress(kShard)->bytes > 5'000; }));
  }
  void expect_all_the_same(std::uint64_t leader) {
    fill(leader, 10);
    for (const auto id : {1, 2, 3}) {
      if (node(id).up()) { EXPECT_TRUE(nodes_->same(leader, id)) << id; }
    }
  }

  SeededRandom dice_{4};
  std::optional<GroupNodes> nodes_;
  int written_ = 0;
};

TEST_F(GroupTransfer, WhoIsTooFarBehindGetsTheState) {
  build(short_log());
  leave_behind();
  fill(1, 20);  // more than the log keeps, but for those who copy
  expect_all_the_same(1);
  EXPECT_EQ(node(3).begun(), 1U);
  EXPECT_EQ(node(3).restores(), 1U);
  EXPECT_EQ(node(1).source().exports(), 0U) << "the receiver said that it has arrived";
}

TEST_F(GroupTransfer, WhoLeadsNextTakesItOverAlthoughItsLogReachesFurtherBack) {
  build(long_log());
  leave_behind();
  ASSERT_TRUE(node(1).group().transfer(ReplicaId{2}).ok());
  ASSERT_TRUE(nodes_->until([&] { return node(2).group().status().role == raft::Role::leader; }));
  ASSERT_TRUE(node(3).fetch().restoring(kShard));
  fill(2, 5);
  expect_all_the_same(2);
  EXPECT_EQ(node(3).begun(), 1U) << "from the node that led before";
  EXPECT_EQ(node(3).restores(), 1U);
}

// The second one's log reaches back to what the third one has: it would never send a snapshot of its own.
TEST_F(GroupTransfer, WhenTheSourceDiesAnotherOneIsAskedForTheState) {
  build(long_log());
  leave_behind();
  nodes_->stop(1);
  ASSERT_TRUE(nodes_->lead(2));
  ASSERT_TRUE(nodes_->until([&] { return node(3).begun() == 2; })) << "it is stuck";
  expect_all_the_same(2);
  nodes_->start(1);
  expect_all_the_same(2);
}

TEST_F(GroupTransfer, ACrashOfTheReceiverGoesOnWhereItWas) {
  build(short_log());
  leave_behind();
  const auto before = node(3).fetch().progress(kShard)->bytes;
  nodes_->stop(3);
  nodes_->pass(milliseconds(1'000));
  nodes_->start(3);
  ASSERT_TRUE(node(3).fetch().restoring(kShard));
  EXPECT_GE(node(3).fetch().progress(kShard)->bytes, before);
  expect_all_the_same(1);
  EXPECT_EQ(node(3).begun(), 1U);
}

TEST_F(GroupTransfer, ACrashOfTheReceiverThatLastsTooLongBeginsAnew) {
  build(short_log());
  leave_behind();
  nodes_->stop(3);
  fill(1, 20);
  nodes_->pass(seconds(15));
  EXPECT_EQ(node(1).source().exports(), 0U);
  nodes_->start(3);
  expect_all_the_same(1);
  EXPECT_EQ(node(3).begun(), 2U);
}

TEST_F(GroupTransfer, ACrashBetweenTheLastPartAndTheGroupGoesOn) {
  build(short_log());
  leave_behind();
  // It never hears that the last part was written.
  bool died = false;
  nodes_->hold = [&](std::uint64_t from, const Said& said) {
    const auto* part = std::get_if<SnapshotPart>(&said);
    died |= from == 1 && part != nullptr && part->last;
    return true;
  };
  ASSERT_TRUE(nodes_->until([&] { return died; }));
  nodes_->hold = nullptr;
  nodes_->stop(3);
  nodes_->start(3);
  expect_all_the_same(1);
}

TEST_F(GroupTransfer, ANewReplicaGetsTheStateAndBecomesAVoter) {
  nodes_.emplace(std::map<std::uint64_t, GroupNode::Config>{{1, short_log()}, {2, short_log()}});
  nodes_->found({{ReplicaId{1}}, {}, {}, {}, false});
  ASSERT_TRUE(nodes_->lead(1));
  fill(1, 100);
  ASSERT_TRUE(node(1).group().propose_membership({raft::Change::Kind::add_learner, ReplicaId{2}}).ok());
  ASSERT_TRUE(nodes_->same(1, 2));
  EXPECT_EQ(node(2).restores(), 1U);
  const raft::Change vote{raft::Change::Kind::add_voter, ReplicaId{2}};
  ASSERT_TRUE(nodes_->until([&] { return node(1).group().propose_membership(vote).ok(); }));
  ASSERT_TRUE(nodes_->until([&] { return node(2).group().membership().votes(ReplicaId{2}); }));
  fill(1, 5);
  EXPECT_TRUE(nodes_->same(1, 2));
}

// Everything at once, from seeds. PARLEY_SNAPSHOT_SEEDS and PARLEY_SNAPSHOT_FIRST as of transfer_test.cpp.
TEST_F(GroupTransfer, WhateverHappensAllHaveTheStateOfTheLogAtTheEnd) {
  const auto from_environment = [](const char* name, std::uint64_t otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
  };
  const auto first = from_environment("PARLEY_SNAPSHOT_FIRST", 1);
  const auto count = from_environment("PARLEY_SNAPSHOT_SEEDS", 30);
  std::uint64_t begun = 0;
  std::uint64_t restored = 0;
  std::uint64_t stuck = 0;
  for (auto seed = first; seed < first + count && !HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("PARLEY_SNAPSHOT_FIRST={} PARLEY_SNAPSHOT_SEEDS=1", seed));
    SeededRandom dice(seed);
    std::map<std::uint64_t, GroupNode::Config> configs;
    for (std::uint64_t id = 1; id <= 3; ++id) configs[id] = dice.below(3) == 0 ? long_log() : short_log();
    GroupNodes nodes(configs);
    nodes.found({{ReplicaId{1}, ReplicaId{2}, ReplicaId{3}}, {}, {}, {}, false});
    ASSERT_TRUE(nodes.until([&] { return nodes.leader().has_value(); }));
    nodes.hold = [&](std::uint64_t, const Said&) { return dice.below(100) >= 3; };
    nodes.delay = [&] { return dice.below(20) == 0 ? dice.below(40) : dice.below(3); };
    std::uint64_t away = 0;  // one at a time, by a cut or a crash
    bool crashed = false;
    for (int i = 0; i < 1'000 && !HasFatalFailure(); ++i) {
      if (const auto leader = nodes.leader()) {
        nodes[*leader].propose(fmt::format("m{:03}", dice.below(200)), noise(dice, 100 + dice.below(700)));
        if (dice.below(200) == 0) (void)nodes[*leader].group().transfer(ReplicaId{1 + dice.below(3)});
      }
      if (away == 0 && dice.below(30) == 0) {
        away = 1 + dice.below(3);
        crashed = dice.below(2) == 0;
        crashed ? nodes.stop(away) : nodes.cut(away);
      } else if (away != 0 && dice.below(40) == 0) {
        crashed ? nodes.start(away) : nodes.mend(away);
        away = 0;
      }
      for (std::uint64_t id = 1; id <= 3; ++id) stuck += nodes[id].up() && nodes[id].fetch().stuck(kShard) ? 1 : 0;
      nodes.pass(milliseconds(dice.below(60)));
    }
    if (away != 0) { crashed ? nodes.start(away) : nodes.mend(away); }
    nodes.hold = nullptr;
    nodes.delay = nullptr;
    ASSERT_TRUE(nodes.until([&] {
      const auto leader = nodes.leader();
      if (!leader) return false;
      for (std::uint64_t id = 1; id <= 3; ++id) {
        if (nodes[id].applied() != nodes[*leader].applied() || nodes[id].fetch().restoring(kShard)) return false;
      }
      return nodes[*leader].group().status().term_committed;
    })) << "they do not come together";
    for (std::uint64_t id = 1; id <= 3; ++id) {
      EXPECT_EQ(state_of(nodes[id].store()), nodes.told_by_log(id)) << id;
      begun += nodes[id].begun();
      restored += nodes[id].restores();
    }
  }
  fmt::print("{} begun, {} restored, {} times seen stuck\n", begun, restored, stuck);
  EXPECT_GT(restored, 0U);
}

// What came late, or twice, must not cost a state that is well.
TEST_F(GroupTransfer, AnOldSnapshotMessageTouchesNothing) {
  build(short_log());
  std::optional<RaftMessage> kept;
  nodes_->hold = [&](std::uint64_t, const Said& said) {
    const auto* message = std::get_if<RaftMessage>(&said);
    if (message != nullptr && message->kind == RaftKind::snapshot) kept = *message;
    return true;
  };
  leave_behind();
  expect_all_the_same(1);
  ASSERT_TRUE(kept.has_value());
  const auto before = state_of(node(3).store());
  node(3).on(*kept);
  EXPECT_FALSE(node(3).fetch().restoring(kShard));
  EXPECT_EQ(state_of(node(3).store()), before);
  expect_all_the_same(1);
}

}  // namespace
}  // namespace parley::cluster::snapshots
