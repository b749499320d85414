// What is put together is taken apart so that nobody is told who is gone.
#include "server/backend.h"
#include "storage/memory_store.h"
#include "tests/support/memory_transport.h"

#include <gtest/gtest.h>

namespace parley::server {
namespace {

struct Nobody : actors::WebhookSender {
  void post(actors::WebhookPost, std::function<void(actors::WebhookOutcome)>) override {}
};

struct Other : cluster::PeerListener {
  void on_peer_up(const NodeAddress& peer) override { up.push_back(peer); }
  void on_peer_down(const NodeAddress& peer) override { std::erase(up, peer); }
  void on_message(const NodeAddress&, std::string) override {}
  std::vector<NodeAddress> up;
};

struct BackendTest : ::testing::Test {
  BackendTest() {
    env.address = self;
    env.transport = end.get();
    env.open_store = [](const DataConfig&) -> Result<std::unique_ptr<storage::Store>> {
      return std::unique_ptr<storage::Store>(std::make_unique<storage::MemoryStore>());
    };
    other_end->start(other);
  }
  ~BackendTest() override { other_end->stop(); }

  const NodeAddress self{NodeId{1}, Incarnation{10}};
  const NodeAddress there{NodeId{2}, Incarnation{20}};
  testing::MemoryNetwork network;
  std::unique_ptr<testing::MemoryNetwork::End> end = network.add(self);
  std::unique_ptr<testing::MemoryNetwork::End> other_end = network.add(there);
  Other other;
  Nobody nobody;
  Env env;
};

TEST_F(BackendTest, LeavesTheOthersBeforeItIsGoneHoweverItEnds) {
  for (const bool in_order : {true, false}) {
    Backend backend(env, Settings{});
    ASSERT_TRUE(backend.open({}, nobody).ok());
    backend.meet_others();
    network.connect(self.node, there.node);
    EXPECT_EQ(other.up, std::vector{self});
    if (!in_order) continue;
    backend.stop();
    EXPECT_TRUE(other.up.empty());
  }
  EXPECT_TRUE(other.up.empty());
  EXPECT_FALSE(network.linked(self.node, there.node));
}

}  // namespace
}  // namespace parley::server
