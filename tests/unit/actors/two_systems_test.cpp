// Two nodes' actors, with links in memory between them: what a hub of one asks of the other it is answered, and it
// hears what it has subscribed to there. On one node nothing of this is met.

#include "tests/support/memory_transport.h"
#include "tests/unit/actors/system_world.h"

#include <atomic>
#include <mutex>
#include <set>
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

// Nobody waits long for who is gone.
SettingsPtr quick_settings() {
  auto quick = std::make_shared<Settings>(*SystemTest::make_settings());
  for (auto& rule : quick->rules) rule.presence_grace = milliseconds(20);
  return quick;
}

struct TwoSystems : ::testing::Test {
  TwoSystems() {
    network.connect(a.self.node, b.self.node);
    pump = std::thread([this] {
      while (!over) {
        if (!network.wait(milliseconds(20))) continue;
        const std::lock_guard lock(moving);
        network.deliver_all();
      }
    });
  }
  ~TwoSystems() override {
    over = true;
    pump.join();
  }
  MemoryNetwork network;
  OneNode a{network, {NodeId{1}, Incarnation{10}}, quick_settings()};
  OneNode b{network, {NodeId{2}, Incarnation{20}}, quick_settings()};
  std::mutex moving;  // who delivers or cuts
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

TEST_F(TwoSystems, WhoIsOnlyThereThroughTheOtherNodeLeavesWithIt) {
  const ChannelKey room("a", "presence-room");
  const auto subscribe = [&](const SessionAddress& hub, const char* user) {
    return Request{
        ReplyTo{{hub.hub, SocketId{9}, hub.node}},
        Subscribe{.channel = room, .subscription = {1}, .member = std::make_shared<Member>(Member{user, "{}"})}};
  };
  std::vector<Request> own;
  own.push_back(subscribe(b.hub, "bob"));
  b.system.submit(std::move(own));
  b.inbox->next<Subscribed>();
  b.inbox->next_event();  // of bob, who does not get it
  ASSERT_TRUE(a.ask(b.self, std::get<Subscribe>(subscribe(a.hub, "ann").what)).ok());
  EXPECT_EQ(a.inbox->next<Subscribed>().roster->members.size(), 2U);
  EXPECT_EQ(std::get<ChannelEvent::MemberAdded>(b.inbox->next_event()->what).member->user_id, "ann");
  {
    const std::lock_guard lock(moving);
    network.cut(a.self.node, b.self.node);
  }
  EXPECT_EQ(std::get<ChannelEvent::MemberRemoved>(b.inbox->next_event()->what).user_id, "ann");
}

// Node b leads all shards, and a knows it.
struct LedByTheOther : TwoSystems {
  LedByTheOther() {
    for (std::uint16_t i = 0; i < a.shards.count(); ++i) a.system.on_following(ShardId{i}, b.self.node);
    for (std::uint16_t i = 0; i < a.shards.count(); ++i) EXPECT_EQ(a.inbox->next_leader().shards.size(), 1U);
  }
  void submit(decltype(Request::what) what, std::uint64_t session = 1) {
    std::vector<Request> one;
    one.push_back({ReplyTo{{a.hub.hub, SocketId{session}, a.self}}, std::move(what)});
    a.system.submit(std::move(one));
  }
};

TEST_F(LedByTheOther, WhatOurHubsAskIsTakenThereAndAnsweredHere) {
  const ChannelKey room("a", "domain.1");
  submit(Subscribe{.channel = room, .subscription = {5}});
  EXPECT_EQ(a.inbox->next<Subscribed>().subscription.value, 5U);
  submit(Publish{.channel = room, .event = "e", .data = "hi", .ack = 7}, 2);
  EXPECT_EQ(std::get<ChannelEvent::Published>(a.inbox->next_event()->what).publication->data, "hi");
  EXPECT_EQ(a.inbox->next<Published>().ack, 7U);
  submit(SignIn{.user = {"a", "ann"}});
  submit(GetSessions{{"a", "ann"}});
  EXPECT_EQ(a.inbox->next<SessionList>().sessions.size(), 1U);
  submit(KeepSession{"a", "key", "record", a.clock.wall() + seconds(300), true});
  EXPECT_EQ(a.inbox->next<Done>().count, 1U);
  submit(TakeSession{"a", "key"});
  EXPECT_EQ(a.inbox->next<SessionTaken>().record, "record");
  EXPECT_EQ(a.in_flight(), 0);
  EXPECT_EQ(b.in_flight(), 0);
}

TEST_F(LedByTheOther, NothingIsReferredInACircleAndWhatDoesNotLeaveIsRefused) {
  for (std::uint16_t i = 0; i < b.shards.count(); ++i) b.system.on_following(ShardId{i}, a.self.node);
  submit(GetChannel{ChannelKey("a", "room")});
  EXPECT_EQ(a.inbox->next<Refused>().error.code, Errc::not_leader);
  {
    const std::lock_guard lock(moving);
    network.cut(a.self.node, b.self.node);
  }
  submit(GetChannel{ChannelKey("a", "room")});
  EXPECT_EQ(a.inbox->next<Refused>().error.code, Errc::not_leader);
}

TEST_F(LedByTheOther, ALeaderThatCanBeReachedAgainIsToldAnewOfWhoIsHere) {
  {
    const std::lock_guard lock(moving);
    network.cut(a.self.node, b.self.node);
    network.connect(a.self.node, b.self.node);
  }
  EXPECT_EQ(a.inbox->next_leader().shards.size(), a.shards.count()) << "one word for all";
  const ChannelKey room("a", "presence-room");
  const auto ann = std::make_shared<Member>(Member{"ann", "{}"});
  submit(Announce{room, {{.session = SocketId{4}, .subscription = {3}, .member = ann, .came = 9}}}, 0);
  submit(GetMembers{room});
  EXPECT_EQ(a.inbox->next<Members>().members.size(), 1U);
}

TEST_F(LedByTheOther, AUserIsWhoItWasWhenTheLinkIsBack) {
  const AnnounceUser ann{.user = {"a", "ann"},
                         .user_info = "{}",
                         .signed_in = true,
                         .via = Via::signature,
                         .activity = UserStatus::away,
                         .channels = {"presence-domain.7"}};
  submit(SignIn{.user = ann.user});
  submit(GetSessions{ann.user});
  EXPECT_EQ(a.inbox->next<SessionList>().sessions.size(), 1U);
  {
    const std::lock_guard lock(moving);
    network.cut(a.self.node, b.self.node);
    network.connect(a.self.node, b.self.node);
  }
  a.inbox->next_leader();
  submit(ann);
  submit(GetSessions{ann.user}, 2);
  const auto list = a.inbox->next<SessionList>();
  ASSERT_EQ(list.sessions.size(), 1U);
  EXPECT_EQ(list.sessions[0].activity, UserStatus::away);
  EXPECT_EQ(list.sessions[0].via, Via::signature);
  EXPECT_EQ(list.sessions[0].channels, ann.channels);
  EXPECT_EQ(list.user.record.domains, std::vector<std::string>{"7"}) << "of a joining that was lost";
}

TEST_F(LedByTheOther, TheRosterIsSaidWhenTheHubsHadTimeToAnnounce) {
  const ChannelKey room("a", "presence-room");
  const auto ann = std::make_shared<Member>(Member{"ann", "{}"});
  submit(Announce{room, {{.session = SocketId{4}, .subscription = {3}, .member = ann, .came = 9}}}, 0);
  const auto is = a.inbox->next<RosterIs>();
  EXPECT_EQ(is.channel, room);
  ASSERT_EQ(is.roster->members.size(), 1U);
  EXPECT_EQ(is.roster->members[0]->user_id, "ann");
}

TEST_F(LedByTheOther, WhatIsSaidToANodeThatDoesNotLeadIsToBeSaidAgain) {
  for (std::uint16_t i = 0; i < b.shards.count(); ++i) b.system.on_following(ShardId{i}, std::nullopt);
  const ChannelKey room("a", "presence-room");
  submit(Announce{room, {{.session = SocketId{4}, .subscription = {3}}}}, 0);
  EXPECT_EQ(a.inbox->next<AnnounceRefused>().channel, room);
}

TEST_F(TwoSystems, ANodeHearsOfAnEventOnceForAllItsHubs) {
  const ChannelKey room("a", "domain.1");
  for (const std::uint16_t hub : {0, 1, 7}) {
    const ReplyTo from{{HubId{hub}, SocketId{hub + 1U}, a.self}};
    ASSERT_TRUE(a.peers->ask(b.self, std::nullopt, {from, Subscribe{.channel = room, .subscription = {5}}}).ok());
  }
  ASSERT_TRUE(a.ask(b.self, GetChannel{room}).ok());
  while (a.inbox->next<ChannelInfo>().subscriptions != 3) ASSERT_TRUE(a.ask(b.self, GetChannel{room}).ok());
  {
    const std::lock_guard lock(moving);  // nothing is moved: what is sent stays to be counted
    std::vector<Request> publish;
    publish.push_back(
        {ReplyTo{{b.hub.hub, SocketId{9}, b.self}}, Publish{.channel = room, .event = "e", .data = "hi"}});
    b.system.submit(std::move(publish));
    b.inbox->next<Published>();
    EXPECT_EQ(network.waiting(b.self.node, a.self.node), 1U);
  }
  EXPECT_EQ(std::get<ChannelEvent::Published>(a.inbox->next_event()->what).publication->data, "hi");
}

TEST_F(TwoSystems, AHubThatIsNamedTwiceHearsOfItOnce) {
  auto event = std::make_shared<ChannelEvent>();
  event->channel = ChannelKey("a", "room");
  event->what = ChannelEvent::SubscriptionCount{1};
  ASSERT_TRUE(b.peers->tell(a.self, {a.hub.hub, a.hub.hub, a.hub.hub}, event).ok());
  auto next = std::make_shared<ChannelEvent>(*event);
  next->what = ChannelEvent::SubscriptionCount{2};
  ASSERT_TRUE(b.peers->tell(a.self, {a.hub.hub}, next).ok());
  EXPECT_EQ(std::get<ChannelEvent::SubscriptionCount>(a.inbox->next_event()->what).count, 1U);
  EXPECT_EQ(std::get<ChannelEvent::SubscriptionCount>(a.inbox->next_event()->what).count, 2U);
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
