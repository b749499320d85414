// Two nodes over links in memory: what one says the other hears, in order and at most once; what is damaged, stale or
// too much is dropped and counted.
#include "cluster/peers.h"
#include "schemas/peer/envelope.h"
#include "tests/support/memory_transport.h"

#include <gtest/gtest.h>

namespace parley::cluster {
namespace {

using testing::MemoryNetwork;

struct Node : PeerInbox {
  Node(MemoryNetwork& network, NodeAddress self_in) : self(self_in), end(network.add(self_in)) { end->start(peers); }
  ~Node() override { end->stop(); }

  void on_peer_request(std::optional<ShardTerm> at, Request request) override {
    log.push_back(fmt::format("{} from {}.{}{}", std::get<GetChannel>(request.what).channel.name(),
                              request.from.node.node.value, request.from.ticket,
                              at ? fmt::format(" at {}.{}", at->shard.value, at->term.value) : ""));
    last = request.from;
  }
  void on_peer_reply(Reply reply) override {
    if (const auto* done = std::get_if<Done>(&reply.what)) {
      log.push_back(fmt::format("done {} to {}", done->count, reply.to.ticket));
    }
    answer = std::move(reply);
  }
  void on_peer_delivery(const std::vector<HubId>& hubs, const ChannelEventPtr& event) override {
    log.push_back(
        fmt::format("count {} to {} hubs", std::get<ChannelEvent::SubscriptionCount>(event->what).count, hubs.size()));
  }
  void on_peer_up(const NodeAddress& peer) override { log.push_back(fmt::format("up {}", peer.node.value)); }
  void on_peer_down(const NodeAddress& peer) override { log.push_back(fmt::format("down {}", peer.node.value)); }

  Status ask(const NodeAddress& to, std::string_view channel, std::uint64_t ticket = 0,
             std::optional<ShardTerm> at = {}) {
    return peers.ask(to, at, {ReplyTo{{HubId{0}, {}, self}, ticket}, GetChannel{ChannelKey("a", channel)}});
  }
  double dropped(std::string_view reason) { return metrics.peer_messages_dropped(reason).value(); }
  std::vector<std::string> take() { return std::exchange(log, {}); }

  NodeAddress self;
  ManualClock clock;
  Metrics metrics;
  std::unique_ptr<MemoryNetwork::End> end;
  Peers peers{self, *end, clock, metrics, *this};
  std::vector<std::string> log;
  ReplyTo last;
  std::optional<Reply> answer;
};

using Said = std::vector<std::string>;
const NodeAddress kA{NodeId{1}, Incarnation{10}};
const NodeAddress kB{NodeId{2}, Incarnation{20}};

struct TwoNodes : ::testing::Test {
  TwoNodes() {
    network.connect(kA.node, kB.node);
    a.take();
    b.take();
  }
  MemoryNetwork network{{.message_bytes_max = PeerLimits{}.message_bytes_max, .queue_bytes_max = 1'000}};
  Node a{network, kA};
  Node b{network, kB};
};

TEST_F(TwoNodes, AskAnswerAndTellEachOther) {
  ASSERT_TRUE(a.ask(kB, "room", 7, ShardTerm{ShardId{3}, Term{5}}).ok());
  ASSERT_TRUE(a.ask(kB, "hall", 8).ok());
  EXPECT_EQ(b.take(), Said{}) << "nothing arrives before it is delivered";
  EXPECT_EQ(network.deliver_all(), 2U);
  EXPECT_EQ(b.take(), (Said{"room from 1.7 at 3.5", "hall from 1.8"}));
  ASSERT_TRUE(b.peers.answer({b.last, Done{2}}).ok());
  const auto event = std::make_shared<const ChannelEvent>(
      ChannelEvent{ChannelKey("a", "room"), ChannelEvent::SubscriptionCount{9}, {}, {}});
  ASSERT_TRUE(b.peers.tell(kA, {HubId{0}, HubId{1}}, event).ok());
  network.deliver_all();
  EXPECT_EQ(a.take(), (Said{"done 2 to 8", "count 9 to 2 hubs"}));
}

struct Gossips : GossipListener {
  void on_gossip(const NodeAddress& from, Gossip gossip) override {
    log.push_back(fmt::format("{} from {}", std::get<Ack>(gossip.what).nonce, from.node.value));
  }
  void on_link_up(const NodeAddress& peer) override { log.push_back(fmt::format("up {}", peer.node.value)); }
  void on_link_down(const NodeAddress& peer) override { log.push_back(fmt::format("down {}", peer.node.value)); }
  void on_link_closed(const NodeAddress& peer) override { log.push_back(fmt::format("closed {}", peer.node.value)); }
  void on_link_refused(const std::string& why) override { log.push_back("refused " + why); }
  std::vector<std::string> log;
};

TEST_F(TwoNodes, GossipAndLinksAreToldToAListenerOfTheirOwn) {
  ASSERT_TRUE(a.peers.gossip(kB, {.what = Ack{5}}).ok());
  network.deliver_all();
  EXPECT_EQ(b.dropped("unwanted"), 1) << "nobody listens";
  Gossips gossips;
  b.peers.set_gossip_listener(&gossips);
  ASSERT_TRUE(a.peers.gossip(kB, {.what = Ack{6}}).ok());
  network.deliver_all();
  network.cut(kA.node, kB.node);
  EXPECT_EQ(a.peers.gossip(kB, {}).error().code, Errc::not_found);
  network.connect(kA.node, kB.node);
  a.end->stop();
  EXPECT_EQ(gossips.log, (Said{"6 from 1", "down 1", "up 1", "closed 1", "down 1"}));
  EXPECT_EQ(b.take(), (Said{"down 1", "up 1", "down 1"}));
}

struct Copies : ReplicaListener {
  void on_raft_batch(const NodeAddress&, std::string bytes) override { batches.push_back(std::move(bytes)); }
  void on_replica_news(const NodeAddress&, ReplicaNews said) override { news.push_back(std::move(said)); }
  void on_replica_link(const NodeAddress&, bool) override {}
  std::vector<std::string> batches;
  std::vector<ReplicaNews> news;
  void on_snapshot_ask(const NodeAddress& from, SnapshotAsk ask) override {
    log.push_back(fmt::format("ask {} from {}", ask.id, from.node.value));
  }
  void on_snapshot_part(const NodeAddress& from, SnapshotPart part) override {
    log.push_back(fmt::format("part of {} rows from {}", part.rows.size(), from.node.value));
  }
  std::vector<std::string> log;
};

TEST_F(TwoNodes, WhatCopiesAShardIsToldToAListenerOfItsOwn) {
  ASSERT_TRUE(a.peers.ask_for_state(kB, {.id = 4}).ok());
  ASSERT_TRUE(a.peers.give_state(kB, {.id = 4}).ok());
  network.deliver_all();
  EXPECT_EQ(b.dropped("unwanted"), 2) << "nobody listens";
  Copies copies;
  b.peers.set_replica_listener(&copies);
  ASSERT_TRUE(a.peers.ask_for_state(kB, {.id = 5}).ok());
  ASSERT_TRUE(a.peers.give_state(kB, {.id = 5, .rows = {{SnapshotFamily::state, "k", "v"}}}).ok());
  EXPECT_EQ(a.peers.give_state(kB, {.rows = {{SnapshotFamily::state, "k", std::string(262'144, 'v')}}}).error().code,
            Errc::too_large);
  network.deliver_all();
  EXPECT_EQ(copies.log, (Said{"ask 5 from 1", "part of 1 rows from 1"}));
  EXPECT_EQ(b.take(), Said{});
}

TEST_F(TwoNodes, WhatWaitsForAPeerIsBoundedInBytesAndThenRefusedAndCounted) {
  std::size_t sent = 0;
  while (a.ask(kB, "room")) ++sent;
  EXPECT_GT(sent, 1U);
  EXPECT_EQ(a.ask(kB, "room").error().code, Errc::overloaded);
  EXPECT_EQ(a.dropped("full"), 2);
  ASSERT_TRUE(network.deliver(kA.node, kB.node));
  EXPECT_TRUE(a.ask(kB, "room").ok()) << "there is room again";
  network.deliver_all();
  EXPECT_EQ(b.take().size(), sent + 1);
}

TEST_F(TwoNodes, AnAnswerOrAnEventThatHasNoRoomEndsTheLink) {
  auto event = std::make_shared<ChannelEvent>();
  event->channel = ChannelKey("a", "room");
  event->what =
      ChannelEvent::Published{std::make_shared<Publication>(Publication{.data = std::string(1'000'000, 'x')})};
  const auto fill = [&](auto&& say) {
    while (say()) ASSERT_LT(network.waiting(kA.node, kB.node), 1'000U);
    EXPECT_TRUE(network.is_dropped(kA.node, kB.node));
    EXPECT_FALSE(network.is_dropped(kB.node, kA.node));
    EXPECT_EQ(a.peers.tell(kB, {HubId{0}}, event).error().code, Errc::not_found) << "nothing overtakes what is lost";
    EXPECT_TRUE(network.cut_dropped());
    network.connect(kA.node, kB.node);
  };
  fill([&] { return a.peers.tell(kB, {HubId{0}}, event).ok(); });
  const HistoryPage page{.channel = event->channel,
                         .publications = {std::get<ChannelEvent::Published>(event->what).publication}};
  fill([&] { return a.peers.answer({ReplyTo{{HubId{0}, {}, kB}}, page}).ok(); });
  while (a.ask(kB, "room")) {}
  EXPECT_FALSE(network.is_dropped(kA.node, kB.node)) << "who asks is told";
}

TEST_F(TwoNodes, WhatIsTooLargeForAMessageIsRefusedBeforeItIsSent) {
  Publish publish{.channel = ChannelKey("a", "b"), .data = std::string(PeerLimits{}.message_bytes_max, 'x')};
  EXPECT_EQ(a.peers.ask(kB, {}, {ReplyTo{{HubId{0}, {}, kA}}, std::move(publish)}).error().code, Errc::too_large);
  EXPECT_EQ(network.waiting(kA.node, kB.node), 0U);
}

TEST_F(TwoNodes, WhoWaitsForAnAnswerThatIsTooLargeIsToldSo) {
  const ChannelKey room("a", "room");
  const auto publication = std::make_shared<const Publication>(
      Publication{.event = "e", .data = std::string(PeerLimits{}.message_bytes_max, 'x'), .position = {Epoch{1}, {7}}});
  const auto answered = [&](auto what) {
    EXPECT_TRUE(b.peers.answer({ReplyTo{{HubId{0}, SocketId{5}, kA}, 3}, std::move(what)}).ok());
    network.deliver_all();
    EXPECT_TRUE(a.answer.has_value());
    auto reply = std::exchange(a.answer, std::nullopt).value_or(Reply{});
    EXPECT_EQ(reply.to.session, SocketId{5});
    EXPECT_EQ(reply.to.ticket, 3U);
    return reply.what;
  };
  const auto page = answered(HistoryPage{.channel = room, .publications = {publication}});
  EXPECT_EQ(std::get<Refused>(page).error.code, Errc::too_large);
  // The channel has it: it must hear of it, so that it leaves again.
  const auto joined = answered(Subscribed{.channel = room, .subscription = {4}, .cached = publication});
  EXPECT_EQ(std::get<Kicked>(joined).channel, room);
  EXPECT_EQ(std::get<Kicked>(joined).error.code, Errc::too_large);
  const auto missed = answered(Missed{.channel = room,
                                      .subscription = {4},
                                      .publications = {publication},
                                      .reached = publication->position,
                                      .last = true});
  EXPECT_TRUE(std::get<Missed>(missed).publications.empty());
  EXPECT_EQ(std::get<Missed>(missed).gap_before.value, 8U);
  EXPECT_TRUE(std::get<Missed>(missed).last);
  const auto published = answered(Published{
      .channel = room, .ack = 9, .position = publication->position, .counts = ChannelInfo{.cached = publication}});
  EXPECT_EQ(std::get<Published>(published).ack, 9U);
  EXPECT_EQ(std::get<Published>(published).position, publication->position);
  const auto taken = answered(SessionTaken{.key = "k", .record = publication->data});
  EXPECT_EQ(std::get<SessionTaken>(taken).key, "k");
  EXPECT_EQ(std::get<SessionTaken>(taken).error->code, Errc::too_large);
  EXPECT_EQ(b.dropped("too_large"), 5);
}

TEST_F(TwoNodes, ALinkThatEndsLosesWhatWasOnItsWayAndSaysSo) {
  ASSERT_TRUE(a.ask(kB, "room").ok());
  network.cut(kA.node, kB.node);
  EXPECT_EQ(a.take(), Said{"down 2"});
  EXPECT_EQ(b.take(), Said{"down 1"});
  EXPECT_EQ(a.ask(kB, "room").error().code, Errc::not_found);
  EXPECT_EQ(a.dropped("unreachable"), 1);
  network.connect(kA.node, kB.node);
  EXPECT_EQ(network.deliver_all(), 0U);
  EXPECT_EQ(a.take(), Said{"up 2"});
  ASSERT_TRUE(a.ask(kB, "room", 1).ok());
  network.deliver_all();
  EXPECT_EQ(b.take(), (Said{"up 1", "room from 1.1"}));
}

TEST_F(TwoNodes, WhatIsForTheProcessBeforeIsStale) {
  ASSERT_TRUE(a.ask({kB.node, Incarnation{19}}, "room").ok());
  ASSERT_TRUE(a.ask({kB.node, Incarnation{0}}, "hall").ok());  // whichever it is
  ASSERT_TRUE(a.peers.answer({ReplyTo{{HubId{0}, {}, {kB.node, Incarnation{0}}}}, Done{}}).ok());
  network.deliver_all();
  EXPECT_EQ(b.take(), Said{"hall from 1.0"});
  EXPECT_EQ(b.dropped("stale"), 2);
}

TEST_F(TwoNodes, NobodySpeaksForAnotherNodeNorForAProcessBefore) {
  for (const auto& pretended : {NodeAddress{NodeId{3}, Incarnation{1}}, NodeAddress{kA.node, Incarnation{9}}}) {
    ASSERT_TRUE(a.ask(kB, "room").ok());
    network.replace_next(kA.node, kB.node,
                         *schemas::encode_envelope(
                             {.from = pretended, .to = kB, .what = Request{{}, GetChannel{ChannelKey("a", "room")}}}));
    network.deliver_all();
  }
  EXPECT_EQ(b.take(), Said{});
  EXPECT_EQ(b.dropped("stale"), 2);
}

TEST_F(TwoNodes, WhatIsDamagedIsDroppedAndTheNextIsHeard) {
  ASSERT_TRUE(a.ask(kB, "room").ok());
  ASSERT_TRUE(a.ask(kB, "hall").ok());
  network.replace_next(kA.node, kB.node, network.next(kA.node, kB.node).substr(8));
  network.deliver_all();
  EXPECT_EQ(b.take(), Said{"hall from 1.0"});
  EXPECT_EQ(b.dropped("damaged"), 1);
}

}  // namespace
}  // namespace parley::cluster
