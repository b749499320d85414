// Two nodes' actors, with links in memory between them: what a hub of one asks of the other it is answered, and it
// hears what it has subscribed to there. On one node nothing of this is met.

#include "tests/support/memory_transport.h"
#include "tests/unit/actors/system_world.h"

#include <atomic>
#include <thread>

namespace parley::actors {
namespace {

using testing::MemoryNetwork;

struct OneNode {
  OneNode(MemoryNetwork& network, NodeAddress self_in, SettingsPtr set) : self(self_in), settings(std::move(set)) {
    transport = network.add(self);
    peers = std::make_unique<cluster::Peers>(self, *transport, clock, metrics, system);
    system.meet(*peers);
    hub = system.attach(inbox);
    EXPECT_TRUE(system.begin(shards, sender).ok());
    transport->start(*peers);
  }
  ~OneNode() {
    transport->stop();
    system.stop();
  }
  template <class What>
  Status ask(const NodeAddress& other, What what, std::uint64_t session = 1) {
    return peers->ask(other, std::nullopt, {ReplyTo{{hub.hub, SocketId{session}, hub.node}}, std::move(what)});
  }
  double in_flight() {
    metrics.text();  // runs the collectors
    return metrics.requests_in_flight.value();
  }

  NodeAddress self;
  SystemClock clock;
  OsRandom random;
  Metrics metrics;
  SettingsSource settings;
  Revocations revocations;
  NoSender sender;
  std::unique_ptr<MemoryNetwork::End> transport;
  ActorSystem system{2, clock, random, metrics, settings, revocations, self};
  std::unique_ptr<cluster::Peers> peers;
  InstantShards shards{system};
  std::shared_ptr<Inbox> inbox = std::make_shared<Inbox>();
  SessionAddress hub;
};

struct TwoSystems : ::testing::Test {
  TwoSystems() {
    network.connect(a.self.node, b.self.node);
    pump = std::thread([this] {
      while (!over) {
        if (network.wait(milliseconds(20))) network.deliver_all();
      }
    });
  }
  ~TwoSystems() override {
    over = true;
    pump.join();
  }
  MemoryNetwork network;
  OneNode a{network, {NodeId{1}, Incarnation{10}}, SystemTest::make_settings()};
  OneNode b{network, {NodeId{2}, Incarnation{20}}, SystemTest::make_settings()};
  std::atomic<bool> over{false};
  std::thread pump;
};

TEST_F(TwoSystems, AHubIsAnsweredAndToldByTheOtherNode) {
  const ChannelKey room("a", "domain.1");
  ASSERT_TRUE(a.ask(b.self, Subscribe{.channel = room, .subscription = {5}}).ok());
  EXPECT_EQ(a.inbox->next<Subscribed>().subscription.value, 5U);
  ASSERT_TRUE(a.ask(b.self, Publish{.channel = room, .event = "e", .data = "hi", .ack = 7}, 2).ok());
  const auto event = a.inbox->next_event();
  EXPECT_EQ(event->channel, room);
  EXPECT_EQ(std::get<ChannelEvent::Published>(event->what).publication->data, "hi");
  EXPECT_GT(event->accepted.time_since_epoch().count(), 0);
  const auto published = a.inbox->next<Published>();
  EXPECT_EQ(published.ack, 7U);
  EXPECT_EQ(published.position.offset.value, 1U);
  EXPECT_EQ(a.metrics.stale_replies.value() + b.metrics.stale_replies.value(), 0);
  EXPECT_EQ(b.in_flight(), 0);
}

TEST_F(TwoSystems, WhatAnotherNodeAsksIsBoundedAsWhatOurHubsAsk) {
  auto tight = std::make_shared<Settings>(*b.settings.current());
  tight->limits.requests_in_flight_max = 0;
  b.settings.replace(tight);
  ASSERT_TRUE(a.ask(b.self, GetChannel{ChannelKey("a", "room")}).ok());
  EXPECT_EQ(a.inbox->next<Refused>().error.code, Errc::overloaded);
  b.settings.replace(SystemTest::make_settings());
  ASSERT_TRUE(a.ask(b.self, GetChannel{ChannelKey("a", "room")}).ok());
  EXPECT_EQ(a.inbox->next<ChannelInfo>().subscriptions, 0U);
  EXPECT_EQ(b.in_flight(), 0);
}

TEST_F(TwoSystems, WhatIsForAnotherProcessOrHubOfTheNodeIsDroppedThere) {
  const auto ask_as = [&](HubId hub) {
    return a.peers->ask(b.self, std::nullopt,
                        {ReplyTo{{hub, SocketId{1}, a.self}}, GetChannel{ChannelKey("a", "room")}});
  };
  ASSERT_TRUE(ask_as(HubId{9}).ok());
  ASSERT_TRUE(ask_as(a.hub.hub).ok());
  a.inbox->next<ChannelInfo>();
  EXPECT_EQ(a.metrics.stale_replies.value(), 1);
}

}  // namespace
}  // namespace parley::actors
