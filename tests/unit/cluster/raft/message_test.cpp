// A message says to the core on another node what the core here said: compared where it matters, as the core sees it.

#include "cluster/raft/group.h"
#include "schemas/peer/raft.h"
#include "tests/unit/cluster/raft/any_message.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace parley::cluster::raft {
namespace {

using parley::testing::any_message;
using parley::testing::kRaftKinds;

RaftMessage over_the_wire(const RaftMessage& message) {
  const std::vector<RaftToShard> one{{ShardId{3}, message}};
  const auto bytes = schemas::encode_raft_batch(one);
  EXPECT_TRUE(bytes.ok());
  const auto back = schemas::decode_raft_batch(*bytes);
  EXPECT_TRUE(back.ok());
  EXPECT_EQ(back->front().shard, ShardId{3});
  return back->front().message;
}

TEST(RaftMessages, TheCoreSeesAfterTheWireWhatItSaidBefore) {
  SeededRandom random(11);
  for (int round = 0; round < 300; ++round) {
    for (const auto kind : kRaftKinds) {
      const auto message = any_message(random, kind);
      const auto said = described(message);
      ASSERT_EQ(described(over_the_wire(message)), said);
      // And says it again as it got it.
      const auto again = echoed(message);
      ASSERT_TRUE(again);
      ASSERT_EQ(*again, message) << said;
    }
  }
}

TEST(RaftMessages, EachFieldIsTheCoresOwn) {
  RaftMessage message;
  message.kind = RaftKind::request_vote;
  message.to = ReplicaId{101};
  message.from = ReplicaId{102};
  message.term = Term{103};
  message.log_term = Term{104};
  message.index = LogIndex{105};
  message.commit = LogIndex{106};
  message.commit_term = Term{107};
  message.reject = true;
  message.reject_hint = LogIndex{108};
  message.request_snapshot = LogIndex{109};
  message.old_priority = 110;
  message.priority = -111;
  message.context = "the context";
  message.entries = {{LogIndex{112}, Term{113}, RaftEntryKind::command, "a command"},
                     {LogIndex{114}, Term{115}, RaftEntryKind::change, "a change"}};
  message.snapshot = RaftSnapshot{LogIndex{116},
                                  Term{117},
                                  {{ReplicaId{118}}, {ReplicaId{119}}, {ReplicaId{120}}, {ReplicaId{121}}, true},
                                  "the state"};
  const auto text = described(over_the_wire(message));
  for (const auto* field : {"msg_type: MsgRequestVote",
                            "to: 101",
                            "from: 102",
                            " term: 103",
                            "log_term: 104",
                            " index: 105",
                            " commit: 106",
                            "commit_term: 107",
                            "reject: true",
                            "reject_hint: 108",
                            "request_snapshot: 109",
                            "deprecated_priority: 110",
                            " priority: -111",
                            "context: \"the context\"",
                            "index: 112",
                            "term: 113",
                            "data: \"a command\"",
                            "entry_type: EntryConfChange",
                            "index: 114",
                            "term: 115",
                            "context: \"a change\"",
                            "index: 116",
                            "term: 117",
                            "voters: 118",
                            "learners: 119",
                            "voters_outgoing: 120",
                            "learners_next: 121",
                            "auto_leave: true",
                            "data: \"the state\""}) {
    EXPECT_NE(text.find(field), std::string::npos) << field << " in " << text;
  }
}

TEST(RaftMessages, WhatDoesNotTravelReachesNoCore) {
  RaftMessage message;
  for (unsigned kind = 0; kind < 256; ++kind) {
    message.kind = static_cast<RaftKind>(kind);
    EXPECT_EQ(echoed(message).has_value(), raft_kind(kind).has_value()) << kind;
  }
}

}  // namespace
}  // namespace parley::cluster::raft
