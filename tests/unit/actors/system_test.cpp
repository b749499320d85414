// The whole actor system on real CAF threads, with a shard that the test plays: what is asked comes
// back to the hub that asked, in order, and channels fall asleep and wake up with their state.

#include "tests/unit/actors/system_world.h"

namespace parley::actors {
namespace {

TEST_F(SystemTest, SubscribesAndPublishesDurably) {
  ask(Subscribe{.channel = ChannelKey("a", "domain.1"), .subscription = {5}});
  EXPECT_EQ(inbox->next<Subscribed>().subscription.value, 5U);
  ask(message("domain.1", "hi", 7));
  const auto published = inbox->next<Published>();
  EXPECT_EQ(published.ack, 7U);
  EXPECT_EQ(published.position.offset.value, 1U);
}

TEST_F(SystemTest, WhatIsForAnotherProcessOrAHubThatThereIsNotIsDroppedAndCounted) {
  const auto ask_from = [&](SessionAddress from) {
    std::vector<Request> requests;
    requests.push_back({ReplyTo{from}, GetChannel{ChannelKey("a", "room")}});
    system.submit(std::move(requests));
  };
  const auto id = hub.node.node;
  ask_from({hub.hub, SocketId{1}, {id, Incarnation{1}}});         // the process before
  ask_from({hub.hub, SocketId{1}, {NodeId{8}, Incarnation{2}}});  // another node
  ask_from({HubId{1}, SocketId{1}, hub.node});                    // has only one hub
  ask_from({HubId{0xFFFF}, SocketId{1}, hub.node});               // nor so many
  ask_from({});                                                   // nobody: no mistake
  ask(GetChannel{ChannelKey("a", "room")}, 9);
  const auto answer = inbox->next_reply();  // the first that came at all
  EXPECT_EQ(answer.to.session, SocketId{9});
  EXPECT_EQ(answer.to.node, hub.node);
  EXPECT_EQ(metrics.stale_replies.value(), 4);
}

TEST_F(SystemTest, EventsForAProcessThatIsGoneAreDroppedAndCounted) {
  const auto join_from = [&](SessionAddress from) {
    std::vector<Request> requests;
    requests.push_back({ReplyTo{from}, Subscribe{.channel = ChannelKey("a", "room"), .subscription = {1}}});
    system.submit(std::move(requests));
  };
  join_from({hub.hub, SocketId{1}, {hub.node.node, Incarnation{1}}});
  join_from({hub.hub, SocketId{2}, hub.node});
  EXPECT_EQ(inbox->next<Subscribed>().subscription.value, 1U);
  EXPECT_EQ(metrics.stale_replies.value(), 1);  // the answer to the first
  ask(message("room", "hi", 1), 3);
  EXPECT_EQ(inbox->next<Published>().ack, 1U);
  EXPECT_EQ(metrics.stale_replies.value(), 2);  // the event
}

TEST_F(SystemTest, CommandsThatWaitShareOneEntry) {
  {
    const std::lock_guard lock(shards.mutex);
    shards.hold = true;
  }
  for (std::uint64_t i = 0; i < 100; ++i) ask(message("domain.1", "x", i + 1));
  for (;;) {  // until the first entry has left; the rest gathers behind it
    const std::lock_guard lock(shards.mutex);
    if (!shards.held.empty()) break;
  }
  // The others reach the shard actor before it hears of the first entry's end.
  ask(GetChannel{ChannelKey("a", "domain.1")});
  inbox->next<ChannelInfo>();
  shards.release();
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto published = inbox->next<Published>();
    EXPECT_EQ(published.ack, i + 1);
    EXPECT_EQ(published.position.offset.value, i + 1);
  }
  const std::lock_guard lock(shards.mutex);
  EXPECT_LT(shards.batches.size(), 20U);
}

TEST_F(SystemTest, RefusedEntryRefusesItsPublications) {
  {
    const std::lock_guard lock(shards.mutex);
    shards.hold = true;
  }
  ask(message("domain.1", "x", 3));
  for (;;) {
    const std::lock_guard lock(shards.mutex);
    if (!shards.held.empty()) break;
  }
  system.on_refused(shards.held[0].shard, shards.held[0].entry, make_error(Errc::storage_unavailable));
  const auto refused = inbox->next<PublishRefused>();
  EXPECT_EQ(refused.ack, 3U);
  EXPECT_EQ(refused.error.code, Errc::storage_unavailable);
}

TEST_F(SystemTest, ListsOnlyOccupiedChannelsOfTheAppAndPrefix) {
  for (const char* name : {"presence-a", "presence-b", "other"}) {
    ask(Subscribe{.channel = ChannelKey("a", name), .subscription = {1}});
    inbox->next<Subscribed>();
  }
  ask(GetChannel{ChannelKey("a", "presence-empty")});
  inbox->next<ChannelInfo>();
  ask(ListChannels{"a", "presence-"});
  EXPECT_EQ(inbox->next<ChannelList>().channels.size(), 2U);
  ask(ListChannels{"b", ""});
  EXPECT_TRUE(inbox->next<ChannelList>().channels.empty());
}

TEST_F(SystemTest, ActorsAreListedWithTheirKinds) {
  ask(message("domain.1", "x"));
  inbox->next<Published>();
  ask(ListActors{});
  const auto list = inbox->next<ActorList>();
  const auto has = [&](std::string_view kind) {
    return std::any_of(list.actors.begin(), list.actors.end(),
                       [&](const ActorInfo& actor) { return actor.kind == kind; });
  };
  EXPECT_TRUE(has("router") && has("shard") && has("domain") && has("watchlists") && has("webhooks"));
}

TEST_F(SystemTest, IdleChannelSleepsAndWakesWithItsState) {
  auto quick = std::make_shared<Settings>(*settings.current());
  quick->limits.channel_idle = std::chrono::seconds(0);
  settings.replace(quick);
  system.reconfigure();
  ask(message("domain.1", "x"));
  EXPECT_EQ(inbox->next<Published>().position.offset.value, 1U);
  const auto deadline = clock.now() + 10s;
  while (metrics.passivations.value() < 1 && clock.now() < deadline) std::this_thread::yield();
  ASSERT_GE(metrics.passivations.value(), 1);
  ask(message("domain.1", "y"));
  EXPECT_EQ(inbox->next<Published>().position.offset.value, 2U);
  const std::lock_guard lock(shards.mutex);
  EXPECT_GE(shards.opened, 2);
}

TEST_F(SystemTest, AnAddressBringsUpSoManyChannelsUntilTheySleep) {
  auto tight = std::make_shared<Settings>(*settings.current());
  tight->limits.public_channels_per_address_max = 2;
  tight->limits.channels_per_address_max = 3;
  tight->limits.channel_idle = std::chrono::seconds(0);
  settings.replace(tight);
  system.reconfigure();
  constexpr Origin stranger{2};
  for (const auto* channel : {"one", "two"}) {
    join(channel, stranger);
    inbox->next<Subscribed>();
  }
  join("three", stranger);
  EXPECT_EQ(inbox->next<SubscribeRefused>().error.code, Errc::too_many_channels);
  EXPECT_EQ(metrics.share_refusals("channels").value(), 1);
  join("one", stranger);
  EXPECT_EQ(inbox->next<Subscribed>().channel.name(), "one") << "what is awake costs nothing more";
  join("private-three", stranger);
  EXPECT_EQ(inbox->next<Subscribed>().channel.name(), "private-three");
  join("three", Origin{3});
  EXPECT_EQ(inbox->next<Subscribed>().channel.name(), "three") << "others have their own share";
  ask(message("five", "x"));
  inbox->next<Published>();
  ask(Unsubscribe{.channel = ChannelKey("a", "one"), .subscription = {1}}, 1, stranger);
  const auto deadline = clock.now() + 10s;
  while (metrics.passivations.value() < 2 && clock.now() < deadline) std::this_thread::yield();
  join("four", stranger);
  EXPECT_EQ(inbox->next<Subscribed>().channel.name(), "four") << "its channel sleeps: it may bring up another one";
}

TEST_F(SystemTest, AnAddressHasSoMuchKeptWithinARecoveryWindow) {
  auto tight = std::make_shared<Settings>(*settings.current());
  tight->limits.kept_sessions_bytes_per_address_max = 1'000;
  tight->socketio.recovery_window = std::chrono::hours(6);
  settings.replace(tight);
  system.reconfigure();
  const auto keep = [&](Origin origin) {
    ask(KeepSession{.app = "a",
                    .key = "k",
                    .record = std::string(600, 'r'),
                    .expires = clock.wall() + std::chrono::seconds(60),
                    .wants_reply = true},
        1, origin);
  };
  keep(Origin{2});
  EXPECT_EQ(inbox->next<Done>().count, 1U);
  keep(Origin{2});
  EXPECT_EQ(inbox->next<Refused>().error.code, Errc::over_capacity);
  EXPECT_EQ(metrics.share_refusals("kept_sessions").value(), 1);
  keep(Origin{3});
  EXPECT_EQ(inbox->next<Done>().count, 1U);
}

TEST_F(SystemTest, TooManyRequestsInFlightAreRefusedButLeavingIsNot) {
  auto tight = std::make_shared<Settings>(*settings.current());
  tight->limits.requests_in_flight_max = 0;
  settings.replace(tight);
  ask(message("room", "x", 1));
  EXPECT_EQ(inbox->next<PublishRefused>().error.code, Errc::overloaded);
  ask(SignOut{.user = {"a", "u"}});
  settings.replace(make_settings());
  ask(TerminateUser{{"a", "u"}});
  EXPECT_EQ(inbox->next<Done>().count, 0U);
}

TEST_F(SystemTest, AKeptSessionIsTakenOnce) {
  const auto expires = clock.wall() + std::chrono::seconds(60);
  ask(KeepSession{.app = "a", .key = "k", .record = "state", .expires = expires, .wants_reply = true});
  EXPECT_EQ(inbox->next<Done>().count, 1U);
  EXPECT_EQ(shards.proposed.at(0), std::pair(shard_of(session_place("a", "k"), 4), storage::Sync::yes));
  ask(TakeSession{"a", "k"});
  ask(TakeSession{"a", "k"}, 2);
  const auto first = inbox->next<SessionTaken>();
  EXPECT_EQ(first.key, "k");
  EXPECT_EQ(first.record, "state");
  EXPECT_FALSE(first.error.has_value());
  const auto second = inbox->next<SessionTaken>();
  EXPECT_EQ(second.key, "k");
  EXPECT_EQ(second.record, std::nullopt);
  metrics.text();  // runs the collectors
  EXPECT_EQ(metrics.requests_in_flight.value(), 0);
}

TEST_F(SystemTest, ASessionThatIsKeptWithoutAWordOrDroppedIsNotAnswered) {
  const auto expires = clock.wall() + std::chrono::seconds(60);
  ask(KeepSession{.app = "a", .key = "k", .record = "state", .expires = expires});
  ask(KeepSession{.app = "a", .key = "k", .record = std::string(100'000, 'x'), .expires = expires});
  ask(KeepSession{.app = "a", .key = "", .record = "state", .expires = expires});
  ask(DropSession{"a", "k"});
  ask(DropSession{"a", "no key"});
  ask(TakeSession{"a", "k"});
  // An answer to any of those before would come first: all go through the router, and to one shard.
  const auto answer = inbox->next_reply();
  ASSERT_TRUE(std::holds_alternative<SessionTaken>(answer.what));
  EXPECT_EQ(std::get<SessionTaken>(answer.what).record, std::nullopt);
  EXPECT_EQ(metrics.kept_sessions_refused("too_large").value(), 1);
  EXPECT_EQ(metrics.kept_sessions_refused("bad_request").value(), 1);
}

TEST_F(SystemTest, ASessionThatCannotBeKeptIsRefusedWithTheReason) {
  const auto expires = clock.wall() + std::chrono::seconds(60);
  auto small = std::make_shared<Settings>(*settings.current());
  small->limits.kept_session_bytes_max = 10;
  small->limits.kept_sessions_max = 7;
  settings.replace(small);
  system.reconfigure();
  ask(KeepSession{.app = "a", .key = "k", .record = "12345678901", .expires = expires, .wants_reply = true});
  EXPECT_EQ(inbox->next<Refused>().error.code, Errc::too_large);
  ask(KeepSession{.app = "a", .key = "k", .record = "1234567890", .expires = expires, .wants_reply = true});
  EXPECT_EQ(inbox->next<Done>().count, 1U);
  EXPECT_EQ(shards.sessions.at(session_place("a", "k")).bounds.kept_max, 7U)
      << "the bound of the moment goes into the log";
  for (const auto& key : {std::string(), std::string("a b"), std::string(kSessionKeyBytesMax + 1, 'k'),
                          std::string("nul\0", 4), std::string("\xc3\xa9")}) {
    ask(KeepSession{.app = "a", .key = key, .record = "r", .expires = expires, .wants_reply = true});
    EXPECT_EQ(inbox->next<Refused>().error.code, Errc::bad_request);
    ask(TakeSession{"a", key});
    const auto taken = inbox->next<SessionTaken>();
    EXPECT_EQ(taken.key, key);
    EXPECT_EQ(taken.record, std::nullopt);
    ASSERT_TRUE(taken.error.has_value());
    EXPECT_EQ(taken.error->code, Errc::bad_request);
  }
}

TEST_F(SystemTest, WhenTheDiskRefusesSessionsAreAnsweredSo) {
  {
    const std::lock_guard lock(shards.mutex);
    shards.hold = true;
  }
  ask(TakeSession{"a", "k"});
  for (;;) {
    const std::lock_guard lock(shards.mutex);
    if (!shards.held.empty()) break;
  }
  system.on_refused(shards.held[0].shard, shards.held[0].entry, make_error(Errc::storage_unavailable));
  const auto taken = inbox->next<SessionTaken>();
  EXPECT_EQ(taken.key, "k");
  ASSERT_TRUE(taken.error.has_value());
  EXPECT_EQ(taken.error->code, Errc::storage_unavailable);
}

TEST_F(SystemTest, SessionsBeyondTheShardsBacklogAreRefused) {
  auto tight = std::make_shared<Settings>(*settings.current());
  tight->limits.shard_pending_commands_max = 2;
  settings.replace(tight);
  system.reconfigure();
  {
    const std::lock_guard lock(shards.mutex);
    shards.hold = true;
  }
  for (int i = 0; i < 10; ++i) ask(TakeSession{"a", "k"});
  const auto taken = inbox->next<SessionTaken>();
  ASSERT_TRUE(taken.error.has_value());
  EXPECT_EQ(taken.error->code, Errc::overloaded);
  for (int i = 0; i < 10; ++i) {
    ask(KeepSession{.app = "a", .key = "k", .record = "r", .expires = clock.wall(), .wants_reply = true});
  }
  EXPECT_EQ(inbox->next<Refused>().error.code, Errc::overloaded);
  EXPECT_GE(metrics.kept_sessions_refused("overloaded").value(), 1);
  shards.release();
}

TEST_F(SystemTest, AKeptSessionIsNoChannel) {
  ask(KeepSession{.app = "a", .key = "k", .record = "r", .expires = clock.wall() + 60s, .wants_reply = true});
  inbox->next<Done>();
  ask(ListChannels{"a", ""});
  EXPECT_TRUE(inbox->next<ChannelList>().channels.empty());
  ask(ListActors{});
  for (const auto& actor : inbox->next<ActorList>().actors) EXPECT_EQ(actor.name.find("session."), std::string::npos);
  EXPECT_EQ(metrics.channels.value(), 0);
}

TEST_F(SystemTest, ShardBacklogIsBoundedAndAnswered) {
  auto tight = std::make_shared<Settings>(*settings.current());
  tight->limits.shard_pending_commands_max = 2;
  settings.replace(tight);
  system.reconfigure();
  {
    const std::lock_guard lock(shards.mutex);
    shards.hold = true;
  }
  for (std::uint64_t i = 1; i <= 10; ++i) ask(message("domain.1", "x", i));
  EXPECT_EQ(inbox->next<PublishRefused>().error.code, Errc::overloaded);
  shards.release();
  EXPECT_EQ(inbox->next<Published>().ack, 1U);
}

}  // namespace
}  // namespace parley::actors
