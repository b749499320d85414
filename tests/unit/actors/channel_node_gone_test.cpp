// A node that is gone: whoever was on a channel through it lost the connection, and nobody else did.
#include "tests/unit/actors/channel_world.h"

namespace parley::actors {
namespace {

constexpr NodeAddress kHere{NodeId{1}, Incarnation{10}};
constexpr NodeAddress kThere{NodeId{2}, Incarnation{20}};

ReplyTo at(std::uint64_t id, const NodeAddress& node, std::uint16_t hub = 0) {
  return ReplyTo{{HubId{hub}, SocketId{id}, node}};
}

struct NodeGone : ::testing::Test {
  ChannelWorld world{"presence-room"};
  void subscribe(std::uint64_t id, const NodeAddress& node, const char* who, std::uint16_t hub = 0) {
    world.handle({at(id, node, hub), Subscribe{world.key, SubscriptionId{1}, ChannelWorld::member(who), {}}});
  }
  void gone(const NodeAddress& node) { world.channel->node_gone(node, world.now()); }
  [[nodiscard]] std::uint64_t subscriptions() const { return world.channel->describe(world.wall()).subscriptions; }
  [[nodiscard]] std::vector<std::string> removed() const {
    std::vector<std::string> ids;
    for (const auto& one : world.told<ChannelEvent::MemberRemoved>()) ids.push_back(one.user_id);
    std::sort(ids.begin(), ids.end());
    return ids;
  }
};

TEST_F(NodeGone, ItsMembersLeaveOnceAfterTheirGrace) {
  subscribe(1, kHere, "ann");
  subscribe(2, kThere, "bob");
  subscribe(3, kThere, "cy", 1);
  subscribe(4, kThere, "ann");
  gone(kThere);
  EXPECT_EQ(subscriptions(), 1U);
  EXPECT_EQ(world.metrics.subscriptions.value(), 1);
  EXPECT_TRUE(removed().empty());
  world.advance(world.settings->rule_for("presence-room").presence_grace - milliseconds(1));
  EXPECT_TRUE(removed().empty());
  world.advance(milliseconds(1));
  EXPECT_EQ(removed(), (std::vector<std::string>{"bob", "cy"})) << "told to the one hub that is left; ann is here";
  gone(kThere);
  world.advance(seconds(60));
  EXPECT_EQ(removed().size(), 2U);
  EXPECT_EQ(world.metrics.presence_members.value(), 1);
}

TEST(NodeGoneWhileTheChannelOpens, WhatWasToBeDoneIsDoneAndWhoWaitsIsAnswered) {
  ChannelWorld world{"private-domain.7"};
  world.newest = {Epoch{9}, Offset{3}};
  const auto ask = [&](std::uint64_t id, decltype(Request::what) what) {
    world.handle({at(id, kThere), std::move(what)});
  };
  ask(0, DeletePublication{world.key, Position{Epoch{9}, Offset{1}}});
  ask(0, DeleteHistory{world.key});
  ask(4, Confirm{.channel = world.key, .client_id = "phone", .offset = Offset{2}, .epoch = Epoch{9}});
  ask(5, Subscribe{.channel = world.key, .subscription = {1}});
  ask(6, GetHistory{world.key});
  world.channel->node_gone(kThere, world.now());
  EXPECT_EQ(world.answers<SubscribeRefused>(5).size(), 1U);
  EXPECT_EQ(world.answers<Refused>(6).size(), 1U);
  world.answer_open();
  EXPECT_EQ(world.proposed.size(), 2U) << "deleted is what was to be";
  world.advance(seconds(60));
  world.commit();
  EXPECT_TRUE(world.cursors.contains("phone"));
}

TEST_F(NodeGone, WhoComesBackElsewhereWithinTheGraceHasNotBeenAway) {
  subscribe(1, kHere, "ann");
  subscribe(2, kThere, "bob");
  gone(kThere);
  subscribe(5, kHere, "bob");
  world.advance(seconds(60));
  EXPECT_TRUE(removed().empty());
  EXPECT_EQ(world.told<ChannelEvent::MemberAdded>().size(), 1U + 2U) << "of ann, and of bob once to each hub";
}

TEST_F(NodeGone, WhoWasTakenUpElsewhereBeforeStays) {
  subscribe(2, kThere, "bob");
  subscribe(2, kHere, "bob");
  gone(kThere);
  EXPECT_EQ(subscriptions(), 1U);
  // What the node before says late is of a connection that is not that one any more.
  world.handle({at(2, kThere), Unsubscribe{world.key, SubscriptionId{1}, LeaveReason::unsubscribed, {}}});
  EXPECT_EQ(subscriptions(), 1U);
  world.handle({at(2, kHere), Unsubscribe{world.key, SubscriptionId{1}, LeaveReason::unsubscribed, {}}});
  EXPECT_EQ(subscriptions(), 0U);
}

TEST_F(NodeGone, AnotherProcessOfTheNodeIsAnotherPeer) {
  subscribe(1, kThere, "ann");
  subscribe(2, {kThere.node, Incarnation{21}}, "bob");
  gone(kThere);
  world.advance(seconds(60));
  EXPECT_EQ(removed(), std::vector<std::string>{"ann"});
  EXPECT_EQ(subscriptions(), 1U);
}

TEST(NodeGoneOfADurableChannel, NobodyJoinsForItWhoWaited) {
  ChannelWorld world{"private-domain.7"};
  const auto subscribe = [&](std::uint64_t id, const NodeAddress& node) {
    world.handle({at(id, node), Subscribe{world.key, SubscriptionId{1}, nullptr, {.rewind = 5}}});
  };
  subscribe(1, kThere);  // while the channel opens
  subscribe(2, kHere);
  world.handle({at(1, kThere), Publish{.channel = world.key, .event = "e", .data = "kept"}});
  world.channel->node_gone(kThere, world.now());
  world.answer_open();
  world.answer_reads();
  world.commit();
  EXPECT_EQ(world.channel->describe(world.wall()).subscriptions, 1U);
  EXPECT_EQ(world.history.size(), 1U) << "what was to be published is";
  subscribe(3, kThere);  // while the page is read
  subscribe(4, kHere);
  world.channel->node_gone(kThere, world.now());
  world.answer_reads();
  EXPECT_EQ(world.channel->describe(world.wall()).subscriptions, 2U);
  EXPECT_TRUE(world.answers<Subscribed>(3).empty());
  EXPECT_EQ(world.answers<Subscribed>(4).size(), 1U);
}

// The client's last connection is on another node: what one that is gone said last was not the client's last word.
TEST(NodeGoneOfADurableChannel, ItsClientsConnectionsAreCountedNoMore) {
  ChannelWorld world{"private-domain.7"};
  const auto subscribe = [&](std::uint64_t id, const NodeAddress& node) {
    world.handle({at(id, node), Subscribe{world.key, SubscriptionId{1}, nullptr, {.client_id = "phone"}}});
    world.commit();
    world.answer_reads();
    world.commit();
  };
  world.subscribe(9);
  world.answer_open();
  world.publish("one");
  world.commit();
  subscribe(1, kHere);
  subscribe(2, kThere);
  world.channel->node_gone(kThere, world.now());
  subscribe(3, kHere);
  // Two are left. The older one leaves on purpose: the client is elsewhere, and is not forgotten.
  world.handle({at(1, kHere), Unsubscribe{world.key, SubscriptionId{1}, LeaveReason::unsubscribed, "phone"}});
  world.advance(seconds(2));
  world.commit();
  EXPECT_EQ(world.cursors.count("phone"), 1U);
  world.handle({at(3, kHere), Unsubscribe{world.key, SubscriptionId{1}, LeaveReason::unsubscribed, "phone"}});
  world.advance(seconds(2));
  world.commit();
  EXPECT_EQ(world.cursors.count("phone"), 0U);
  EXPECT_TRUE(world.answers<Subscribed>(3).size() == 1U);
}

}  // namespace
}  // namespace parley::actors
