// Three nodes with a replica of each shard, over links in memory: who is about to stop hands over what it leads, each
// knows whether it is needed, and a leader whose disk fails says so at once.
#include "cluster/peers.h"
#include "cluster/replicas.h"
#include "tests/support/memory_transport.h"
#include "tests/unit/cluster/world.h"

#include <algorithm>
#include <future>
#include <set>

namespace parley::cluster {
namespace {

using placement::Intent;
using placement::Sighting;
constexpr std::uint16_t kShards = 4;

struct Member final : PeerInbox, ShardListener {
  Member(testing::MemoryNetwork& network, std::uint64_t id, const Clock& by, std::size_t moves_max)
      : self{NodeId{id}, Incarnation{1}}, clock(by), transport(network.add(self)) {
    LocalShardsConfig config;
    config.shard_count = kShards;
    config.self = self.node;
    config.peers = &peers;
    config.founds = id == 1;
    config.salt = id;
    config.placement.settle_after = milliseconds(50);
    config.placement.lead_rest = std::chrono::hours(1);  // nothing is evened out: who led first leads
    config.placement.moves_max = moves_max;
    shards = std::make_shared<LocalShards>(store, clock, metrics, config, *this);
    const auto started = shards->start();
    EXPECT_TRUE(started.ok()) << started.error().message;
    shards->begin_leading();
    peers.set_replica_listener(shards->replica_listener());
    transport->start(peers);
  }
  ~Member() override {
    transport->stop();
    shards.reset();
  }
  void on_peer_request(std::optional<ShardTerm>, Request) override {}
  void on_peer_reply(Reply) override {}
  void on_peer_delivery(const std::vector<HubId>&, const ChannelEventPtr&) override {}
  void on_peer_up(const NodeAddress&) override {}
  void on_peer_down(const NodeAddress&) override {}

  void on_applied(ShardId, EntryToken, std::vector<Effect>) override {}
  void on_refused(ShardId, EntryToken, Error) override {}
  void on_leading(ShardId shard, Term) override {
    const MutexLock lock(mutex);
    leading.insert(shard);
  }
  void on_following(ShardId shard, std::optional<ShardLeader>) override {
    const MutexLock lock(mutex);
    leading.erase(shard);
  }
  std::size_t led() {
    const MutexLock lock(mutex);
    return leading.size();
  }
  std::optional<std::size_t> needed_for() const {
    const auto needs = shards->replicas()->shards_that_need_this_node();
    return needs ? std::optional(needs->size()) : std::nullopt;
  }

  const NodeAddress self;
  const Clock& clock;
  testing::FaultyStore store;
  Metrics metrics;
  std::unique_ptr<testing::MemoryNetwork::End> transport;
  Peers peers{self, *transport, clock, metrics, *this};
  Mutex mutex;
  std::set<ShardId> leading PARLEY_GUARDED_BY(mutex);
  std::shared_ptr<LocalShards> shards;
};

struct Handover : ::testing::Test {
  template <class Condition>
  bool until(Condition condition) {
    const auto give_up = clock.now() + seconds(60);
    while (!condition()) {
      if (clock.now() > give_up) return false;
      network.wait(milliseconds(2));
      network.deliver_all();
    }
    return true;
  }
  void show(const std::function<void(Sighting&)>& change = {}) {
    for (auto& member : members) {
      placement::Picture picture;
      for (std::uint64_t id = 1; id <= members.size(); ++id) {
        Sighting sighting{.node = NodeId{id}};
        if (change) change(sighting);
        picture.nodes.push_back(sighting);
      }
      member->shards->replicas()->see(std::move(picture));
    }
  }
  bool settle(std::size_t count, std::size_t leaders_moves_max = 2, std::size_t others_moves_max = 2) {
    for (std::uint64_t id = 1; id <= count; ++id) {
      members.push_back(std::make_unique<Member>(network, id, clock, id == 1 ? leaders_moves_max : others_moves_max));
      for (std::uint64_t other = 1; other < id; ++other) network.connect(NodeId{other}, NodeId{id});
    }
    show();
    return until([&] {
      return members[0]->led() == kShards &&
             members[0]->metrics.shards_voters.value() == static_cast<double>(kShards * count) &&
             std::all_of(members.begin(), members.end(),
                         [&](const auto& one) { return one->shards->replicas()->shards_without_leader() == 0; });
    });
  }
  bool hands_over(Member& member) {
    auto waits = std::async(std::launch::async,
                            [&member] { return member.shards->replicas()->wait_until_handed_over(seconds(30)); });
    (void)until([&] { return waits.wait_for(seconds(0)) == std::future_status::ready; });
    return waits.get();
  }

  SystemClock clock;
  testing::MemoryNetwork network;
  std::vector<std::unique_ptr<Member>> members;
};

TEST_F(Handover, WhoIsAboutToStopGivesItsLeadsToOthersAndKeepsItsReplicas) {
  ASSERT_TRUE(settle(3));
  show([](Sighting& one) { one.intent = one.node == NodeId{1} ? Intent::drain : Intent::stay; });
  EXPECT_TRUE(hands_over(*members[0]));
  EXPECT_EQ(members[0]->led(), 0U);
  EXPECT_EQ(members[0]->metrics.shard_leads_handed_over.value(), kShards);
  EXPECT_TRUE(until([&] { return members[1]->led() + members[2]->led() == kShards; }));
  EXPECT_EQ(members[1]->metrics.shard_leads_taken.value() + members[2]->metrics.shard_leads_taken.value(), kShards);
  EXPECT_TRUE(until([&] {
    return members[1]->metrics.shards_voters.value() + members[2]->metrics.shards_voters.value() == 3 * kShards;
  })) << "a restart moves no data";
}

TEST_F(Handover, NobodyWaitsForeverWhereNobodyCanTakeTheLeads) {
  ASSERT_TRUE(settle(2));
  network.cut(NodeId{1}, NodeId{2});
  show([](Sighting& one) {
    if (one.node == NodeId{1}) one.intent = Intent::drain;
    if (one.node == NodeId{2}) one.state = NodeState::dead;
  });
  EXPECT_FALSE(members[0]->shards->replicas()->wait_until_handed_over(milliseconds(100)));
}

TEST_F(Handover, EachKnowsWhetherItsShardsCanDoWithoutIt) {
  ASSERT_TRUE(settle(3));
  const auto needed = [&](std::size_t a, std::size_t b, std::size_t c) {
    return until([&] {
      return members[0]->needed_for() == a && members[1]->needed_for() == b && members[2]->needed_for() == c;
    });
  };
  EXPECT_TRUE(needed(0, 0, 0)) << "two of three suffice";
  // One is about to stop: then neither of the others is to be stopped as well.
  show([](Sighting& one) { one.intent = one.node == NodeId{2} ? Intent::drain : Intent::stay; });
  EXPECT_TRUE(needed(kShards, 0, kShards));
  show();
  EXPECT_TRUE(needed(0, 0, 0));
  network.cut(NodeId{1}, NodeId{3});
  network.cut(NodeId{2}, NodeId{3});
  show([](Sighting& one) { one.state = one.node == NodeId{3} ? NodeState::dead : NodeState::alive; });
  EXPECT_TRUE(until([&] { return members[0]->needed_for() == kShards && members[1]->needed_for() == kShards; }));
}

TEST_F(Handover, ANodeTakesNoMoreCopiesAtATimeThanItMayHoweverManyAreOffered) {
  ASSERT_TRUE(settle(2, kShards, 1));
  EXPECT_GT(members[1]->metrics.snapshots_put_off.value(), 0);
}

TEST_F(Handover, ALeaderWhoseDiskFailsSaysAtOnceThatItLeadsNothing) {
  ASSERT_TRUE(settle(3));
  members[0]->store.fail_recoveries(1'000);
  members[0]->store.fail_write(1);
  members[0]->shards->propose(ShardId{0}, 1, {append("a")}, storage::Sync::yes);
  EXPECT_TRUE(until([&] { return members[0]->led() == 0; }));
  EXPECT_TRUE(until([&] { return members[1]->led() + members[2]->led() == kShards; }));
}

}  // namespace
}  // namespace parley::cluster
