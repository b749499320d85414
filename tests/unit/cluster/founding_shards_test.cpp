// Who founds the shards of a cluster, and that nobody does it twice.
#include "cluster/charter.h"
#include "cluster/peers.h"
#include "cluster/replicas.h"
#include "tests/unit/cluster/world.h"

#include <thread>

namespace parley::cluster {
namespace {

namespace keys = storage::keys;
using storage::Family;

struct NoInbox final : PeerInbox {
  void on_peer_request(std::optional<ShardTerm>, Request) override {}
  void on_peer_reply(Reply) override {}
  void on_peer_delivery(const std::vector<HubId>&, const ChannelEventPtr&) override {}
  void on_peer_up(const NodeAddress&) override {}
  void on_peer_down(const NodeAddress&) override {}
};

struct NoTransport final : Transport {
  void start(PeerListener&) override {}
  void dial(std::vector<PeerPlace>) override {}
  Sent send(NodeId, std::string, Lane) override { return Sent::unreachable; }
  void drop(NodeId) override {}
  void stop() override {}
};

class FoundingShards : public ::testing::Test {
 protected:
  FoundingShards() {
    config_.shard_count = 4;
    config_.self = self_.node;
    config_.peers = &peers_;
  }
  std::size_t started(bool founds) {
    shards_.reset();
    listener_ = std::make_unique<Recorder>();
    config_.founds = founds;
    auto local = std::make_shared<LocalShards>(store_, clock_, metrics_, config_, *listener_);
    const auto started = local->start();
    EXPECT_TRUE(started.ok()) << started.error().message;
    local->begin_leading();
    shards_ = local;
    return listener_->leading().size();
  }
  void wait_until_led(std::size_t count) {
    while (shards_->replicas()->shards_led() != count) std::this_thread::yield();
  }

  const NodeAddress self_{NodeId{5}, Incarnation{1}};
  testing::FaultyStore store_;
  ManualClock clock_;
  Metrics metrics_;
  NoTransport transport_;
  NoInbox inbox_;
  Peers peers_{self_, transport_, clock_, metrics_, inbox_};
  LocalShardsConfig config_;
  std::unique_ptr<Recorder> listener_;
  std::shared_ptr<LocalShards> shards_;
};

TEST_F(FoundingShards, WhoMadeTheClusterDoesItAtItsStartOrWhenItIsTold) {
  EXPECT_EQ(started(true), 4U);
  EXPECT_EQ(started(true), 4U) << "they are there";
  EXPECT_EQ(started(false), 4U) << "as above";
}

TEST_F(FoundingShards, WhoJoinsHasNoneUntilItIsTold) {
  EXPECT_EQ(started(false), 0U);
  shards_->propose(ShardId{0}, 1, {append("a")}, storage::Sync::yes);
  EXPECT_EQ(listener_->wait_for(1), "refused:not_leader");
  shards_->replicas()->found();
  wait_until_led(4);
  shards_->propose(shard_of(kRoom, 4), 2, {append("a")}, storage::Sync::yes);
  EXPECT_EQ(listener_->wait_for(2), "1:a");
}

// Its replicas were replaced elsewhere while it was away, and erased when it came back.
TEST_F(FoundingShards, WhoHadThemOnceFoundsThemNeverAgain) {
  EXPECT_EQ(started(true), 4U);
  shards_.reset();
  storage::WriteBatch erase;
  raft::GroupStore groups(store_);
  for (std::uint16_t i = 0; i < 4; ++i) groups.erase(ShardId{i}, erase);
  ASSERT_TRUE(store_.write(erase, storage::Sync::yes).ok());
  EXPECT_EQ(started(true), 0U);
  shards_->replicas()->found();
  shards_->propose(ShardId{0}, 7, {append("a")}, storage::Sync::yes);
  EXPECT_EQ(listener_->wait_for(7), "refused:not_leader");
}

TEST_F(FoundingShards, WhoGoesOverToAnotherClusterGivesThemUpAndMayFoundOthersLater) {
  EXPECT_EQ(started(true), 4U);
  shards_->replicas()->give_up();
  wait_until_led(0);
  EXPECT_FALSE(read_charter(store_)->data);
  shards_->replicas()->found();
  wait_until_led(4);
}

TEST_F(FoundingShards, GivingUpIsFinishedByTheNextStart) {
  EXPECT_EQ(started(true), 4U);
  shards_.reset();
  ASSERT_TRUE(write_charter(store_, {.cluster = ClusterId{9}}, false, true).ok());
  EXPECT_EQ(started(false), 0U);
  EXPECT_FALSE(store_.get(Family::state, keys::giving_up())->has_value());
  EXPECT_EQ(content(store_, Family::log).size(), 0U);
}

TEST_F(FoundingShards, TheLastOfTwoOrdersCounts) {
  EXPECT_EQ(started(false), 0U);
  shards_->replicas()->found();
  shards_->replicas()->give_up();
  shards_->propose(ShardId{0}, 1, {append("a")}, storage::Sync::yes);
  EXPECT_EQ(listener_->wait_for(1), "refused:not_leader");
  shards_->replicas()->found();
  wait_until_led(4);
}

}  // namespace
}  // namespace parley::cluster
