#include "cluster/replica_post.h"

#include "core/clock.h"
#include "schemas/peer/raft.h"

#include <gtest/gtest.h>

namespace parley::cluster {
namespace {

struct NoInbox final : PeerInbox {
  void on_peer_request(std::optional<ShardTerm>, Request) override {}
  void on_peer_reply(Reply) override {}
  void on_peer_delivery(const std::vector<HubId>&, const ChannelEventPtr&) override {}
  void on_peer_up(const NodeAddress&) override {}
  void on_peer_down(const NodeAddress&) override {}
};

struct Counting final : Transport {
  void start(PeerListener&) override {}
  void dial(std::vector<PeerPlace>) override {}
  Sent send(NodeId to, std::string, Lane lane) override {
    sent.emplace_back(to, lane);
    return answer;
  }
  void drop(NodeId) override {}
  void stop() override {}
  std::vector<std::pair<NodeId, Lane>> sent;
  Sent answer = Sent::taken;
};

struct Post : ::testing::Test {
  const NodeAddress self{NodeId{1}, Incarnation{1}};
  const NodeAddress a{NodeId{2}, Incarnation{1}};
  const NodeAddress b{NodeId{3}, Incarnation{1}};
  ManualClock clock;
  Metrics metrics;
  Counting transport;
  NoInbox inbox;
  Peers peers{self, transport, clock, metrics, inbox};
  int woken = 0;
  ReplicaPost post{peers, metrics, [this] { ++woken; }};

  static SnapshotPart part(std::size_t bytes) {
    SnapshotPart made;
    made.rows.push_back({SnapshotFamily::state, "key", std::string(bytes, 'x')});
    return made;
  }
  static RaftMessage message(std::size_t bytes) {
    RaftMessage made;
    made.kind = RaftKind::append;
    made.to = ReplicaId{7};
    made.from = ReplicaId{8};
    made.term = Term{1};
    made.entries.push_back({LogIndex{2}, Term{1}, RaftEntryKind::command, std::string(bytes, 'x')});
    return made;
  }
};

TEST_F(Post, WhatOnePeerSaysIsBoundedAndOthersAreHeard) {
  for (int i = 0; i < 20; ++i) post.on_snapshot_part(a, part(1 << 20));
  post.on_snapshot_part(b, part(100));
  post.on_replica_link(a, true);
  EXPECT_EQ(post.take().size(), 15U + 2U);
  EXPECT_EQ(metrics.peer_messages_dropped("full").value(), 5);
  EXPECT_EQ(woken, 17);
  post.on_snapshot_part(a, part(1 << 20));
  EXPECT_EQ(post.take().size(), 1U) << "what was taken makes room";
}

TEST_F(Post, WhatIsDamagedIsDroppedAndCounted) {
  post.on_raft_batch(a, "rubbish");
  EXPECT_TRUE(post.take().empty());
  EXPECT_EQ(metrics.peer_messages_dropped("damaged").value(), 1);
  const std::vector<RaftToShard> said{{ShardId{1}, message(10)}};
  post.on_raft_batch(a, *schemas::encode_raft_batch(said));
  ASSERT_EQ(post.take().size(), 1U);
}

TEST_F(Post, OnlyWhoIsLinkedIsWrittenToAndWhatDidNotLeaveIsSaid) {
  int lost = 0;
  const auto count = [&](ShardId, const RaftMessage&) { ++lost; };
  post.send(a.node, ShardId{1}, message(10));
  post.flush(count);
  EXPECT_EQ(lost, 1);
  post.on_replica_link(a, true);
  (void)post.take();
  post.send(a.node, ShardId{1}, message(10));
  post.flush(count);
  post.send(a.node, ShardId{1}, message(100'000));
  post.flush(count);
  EXPECT_EQ(lost, 1);
  ASSERT_EQ(transport.sent.size(), 2U);
  EXPECT_EQ(transport.sent[0], (std::pair{a.node, Lane::ahead})) << "small";
  EXPECT_EQ(transport.sent[1], (std::pair{a.node, Lane::work}));
  transport.answer = Sent::full;
  post.send(a.node, ShardId{1}, message(10));
  post.flush(count);
  EXPECT_EQ(lost, 2);
  // A later process of the node was linked before the end of the former one was told.
  const NodeAddress later{a.node, Incarnation{2}};
  post.on_replica_link(later, true);
  post.on_replica_link(a, false);
  (void)post.take();
  EXPECT_EQ(post.links().at(a.node), later);
}

}  // namespace
}  // namespace parley::cluster
