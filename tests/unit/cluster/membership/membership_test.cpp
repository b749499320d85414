// Nodes with a thread each, over links in memory: they find each other, found a cluster, see who is killed and who
// leaves, and refuse another cluster.
#include "cluster/membership/membership.h"
#include "tests/support/memory_transport.h"

#include <gtest/gtest.h>

#include <thread>

namespace parley::cluster {
namespace {

using testing::MemoryNetwork;

// Hands on to a link in memory, and keeps who was to be dialed.
class Dialing final : public Transport {
 public:
  Dialing(MemoryNetwork& network, NodeAddress self) : end_(network.add(self)) {}
  void start(PeerListener& listener) override { end_->start(listener); }
  void dial(std::vector<PeerPlace> places) override {
    const MutexLock lock(mutex_);
    dialed_ = std::move(places);
  }
  Sent send(NodeId to, std::string bytes, Lane lane) override {
    EXPECT_EQ(lane, Lane::ahead);
    return end_->send(to, std::move(bytes), lane);
  }
  void drop(NodeId to) override { end_->drop(to); }
  void stop() override { end_->stop(); }
  std::vector<PeerPlace> dialed() {
    const MutexLock lock(mutex_);
    return dialed_;
  }

 private:
  std::unique_ptr<MemoryNetwork::End> end_;
  Mutex mutex_;
  std::vector<PeerPlace> dialed_ PARLEY_GUARDED_BY(mutex_);
};

struct Node final : PeerInbox, MemberListener {
  Node(MemoryNetwork& network, std::uint64_t id, Charter charter)
      : self{NodeId{id}, Incarnation{1}},
        transport(network, self),
        membership(self, record(id, charter), config(), peers, transport, clock, random, metrics, threads()) {
    membership.add_listener(*this);
    peers.set_gossip_listener(&membership);
    transport.start(peers);
    membership.start();
  }
  ~Node() override {
    membership.stop();
    transport.stop();
  }
  static NodeRecord record(std::uint64_t id, Charter charter) {
    return {.name = fmt::format("n{}", id), .host = "host", .port = static_cast<std::uint16_t>(id), .charter = charter};
  }
  static MembershipConfig config() {
    MembershipConfig config{.seeds = {{NodeId{}, "seed", 6201}}};
    config.timing.probe_every = milliseconds(40);
    config.timing.gone_max = milliseconds(300);
    config.timing.gone_min = milliseconds(200);
    return config;
  }
  void on_peer_request(std::optional<ShardTerm>, Request) override {}
  void on_peer_reply(Reply) override {}
  void on_peer_delivery(const std::vector<HubId>&, const ChannelEventPtr&) override {}
  void on_peer_up(const NodeAddress&) override {}
  void on_peer_down(const NodeAddress&) override {}

  void note(std::string_view what, const ClusterMember& member) {
    const MutexLock lock(mutex);
    log.push_back(fmt::format("{} {}", what, member.address.node.value));
  }
  void on_member_up(const ClusterMember& member) override { note("up", member); }
  void on_member_suspect(const ClusterMember& member) override { note("suspect", member); }
  void on_member_cleared(const ClusterMember& member) override { note("cleared", member); }
  void on_member_dead(const ClusterMember& member) override { note("dead", member); }
  void on_member_left(const ClusterMember& member) override { note("left", member); }
  void on_own_charter(const Charter&) override {}
  void on_superseded() override {}
  bool was_told(std::string_view what) {
    const MutexLock lock(mutex);
    return std::find(log.begin(), log.end(), what) != log.end();
  }
  std::size_t living() const {
    std::size_t count = 1;
    for (const auto& seen : membership.members().others) count += seen.member.lives() ? 1 : 0;
    return count;
  }
  ClusterId cluster() const { return membership.members().self.record.charter.cluster; }

  const NodeAddress self;
  SystemClock clock;
  OsRandom random;
  Metrics metrics;
  Dialing transport;
  Peers peers{self, transport, clock, metrics, *this};
  Membership membership;
  Mutex mutex;
  std::vector<std::string> log PARLEY_GUARDED_BY(mutex);
};

struct Cluster : ::testing::Test {
  // Moves what is on its way until that holds. False: it does not within a long time.
  template <class Condition>
  bool until(Condition condition) {
    const auto give_up = clock.now() + seconds(60);
    while (!condition()) {
      if (clock.now() > give_up) return false;
      network.wait(milliseconds(5));
      network.deliver_all();
    }
    return true;
  }
  void start(std::size_t count, std::uint16_t expect) {
    for (std::size_t i = 0; i < count; ++i) {
      nodes.push_back(std::make_unique<Node>(network, i + 1, Charter{.expect = expect}));
      for (std::size_t j = 0; j < i; ++j) network.connect(nodes[j]->self.node, nodes[i]->self.node);
    }
  }
  bool all_are_one() {
    return until([this] {
      return std::all_of(nodes.begin(), nodes.end(), [this](const auto& node) {
        return node->living() == nodes.size() && node->cluster().value != 0 && node->cluster() == nodes[0]->cluster();
      });
    });
  }

  SystemClock clock;
  MemoryNetwork network;
  std::vector<std::unique_ptr<Node>> nodes;
};

TEST_F(Cluster, NodesFindEachOtherAndFoundOneCluster) {
  start(3, 3);
  ASSERT_TRUE(all_are_one());
  EXPECT_TRUE(until([&] { return nodes[0]->was_told("up 3"); }));
  EXPECT_TRUE(until([&] { return nodes[0]->metrics.cluster_members("alive").value() == 3; }));
  const std::vector<PeerPlace> wanted{{NodeId{}, "seed", 6201}, {NodeId{2}, "host", 2}, {NodeId{3}, "host", 3}};
  EXPECT_TRUE(until([&] { return nodes[0]->transport.dialed() == wanted; })) << "seeds, and who is known";
  const auto text = to_json(list_nodes(nodes[1]->membership.members()));
  for (const auto* part : {R"("name":"n1")", R"("name":"n2")", R"("name":"n3")", R"("state":"alive")", R"("self":true)",
                           R"("place":"host:3")", R"("refused":[])"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

TEST_F(Cluster, WhoIsKilledIsSuspectedAndThenDead) {
  start(3, 3);
  ASSERT_TRUE(all_are_one());
  nodes[2]->membership.stop();
  nodes[2]->transport.stop();
  ASSERT_TRUE(until([&] { return nodes[0]->was_told("dead 3") && nodes[1]->was_told("dead 3"); }));
  // Who was later than the other may have heard of the death alone.
  EXPECT_TRUE(nodes[0]->was_told("suspect 3") || nodes[1]->was_told("suspect 3"));
  EXPECT_GE(nodes[0]->metrics.cluster_deaths.value(), 1);
  EXPECT_TRUE(until([&] { return nodes[0]->transport.dialed().size() == 3; })) << "it may be back";
}

TEST_F(Cluster, WhoLeavesIsGoneAtOnceAndDialedNoMore) {
  start(3, 3);
  ASSERT_TRUE(all_are_one());
  std::atomic<int> known{-1};
  std::thread leaving([&] { known = nodes[2]->membership.leave(seconds(60)) ? 1 : 0; });
  EXPECT_TRUE(until([&] { return known >= 0 && nodes[0]->was_told("left 3") && nodes[1]->was_told("left 3"); }));
  leaving.join();
  EXPECT_EQ(known, 1);
  EXPECT_FALSE(nodes[0]->was_told("dead 3"));
  EXPECT_TRUE(until([&] { return nodes[0]->transport.dialed().size() == 2; }));
}

TEST_F(Cluster, LeavingWaitsNoLongerThanItMay) {
  start(2, 2);
  ASSERT_TRUE(all_are_one());
  EXPECT_FALSE(nodes[1]->membership.leave(milliseconds(50))) << "nothing is delivered meanwhile";
}

TEST_F(Cluster, TwoClustersWithDataRefuseEachOtherAndSayWhy) {
  nodes.push_back(std::make_unique<Node>(network, 1, Charter{.cluster = ClusterId{7}, .expect = 1}));
  nodes.push_back(std::make_unique<Node>(network, 2, Charter{.cluster = ClusterId{8}, .expect = 1}));
  EXPECT_EQ(nodes[0]->membership.set_data().cluster, ClusterId{7});
  EXPECT_TRUE(nodes[1]->membership.set_data().data);
  network.connect(NodeId{1}, NodeId{2});
  ASSERT_TRUE(until([&] {
    return !nodes[0]->membership.members().refused.empty() && !nodes[1]->membership.members().refused.empty();
  }));
  EXPECT_EQ(nodes[0]->living(), 1U);
  const auto text = to_json(list_nodes(nodes[0]->membership.members()));
  EXPECT_NE(text.find("n2 (0000000000000002) is of cluster 0000000000000008 and holds data"), std::string::npos)
      << text;
  EXPECT_TRUE(until([&] { return nodes[0]->metrics.cluster_nodes_refused("other_cluster").value() == 1; }));
}

TEST_F(Cluster, WhatARecordSaysIsKnownToAll) {
  start(2, 2);
  ASSERT_TRUE(all_are_one());
  auto record = Node::record(1, {});
  record.shards_led = 12;
  nodes[0]->membership.set_own(record);
  EXPECT_TRUE(until([&] { return nodes[1]->membership.members().others[0].member.record.shards_led == 12; }));
}

TEST_F(Cluster, WhatComesFasterThanItIsReadIsBoundedAndCounted) {
  start(1, 1);
  auto& node = *nodes[0];
  node.membership.stop();
  for (std::size_t i = 0; i < ClusterLimits{}.inbox_messages_max + 5; ++i) {
    node.membership.on_gossip({NodeId{2}, Incarnation{1}}, {});
  }
  EXPECT_EQ(node.metrics.peer_messages_dropped("gossip_waits").value(), 5);
}

}  // namespace
}  // namespace parley::cluster
