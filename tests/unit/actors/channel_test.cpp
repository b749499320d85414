#include "channel_world.h"

#include <cstdlib>
#include <map>

namespace parley::actors {
namespace {

using namespace std::chrono_literals;

struct DurableChannel : OpenDurableChannel {};

TEST(EphemeralChannel, PassesOnAtOnceAndAnswersWithoutPosition) {
  ChannelWorld world("private-room");
  world.subscribe(1);
  world.publish("hello");
  ASSERT_EQ(world.told<ChannelEvent::Published>().size(), 1U);
  EXPECT_EQ(world.told<ChannelEvent::Published>()[0].publication->data, "hello");
  ASSERT_EQ(world.answers<Published>(99).size(), 1U);
  EXPECT_FALSE(world.answers<Published>(99)[0].position.exists());
  EXPECT_TRUE(world.proposed.empty());
}

TEST(EphemeralChannel, TellsEachHubOnceHoweverManySessionsListen) {
  ChannelWorld world("room");
  world.subscribe(1, nullptr, {}, 1, 0);
  world.subscribe(2, nullptr, {}, 1, 0);
  world.subscribe(3, nullptr, {}, 1, 1);
  world.publish("x");
  EXPECT_EQ(world.events.size(), 2U);
}

TEST(EphemeralChannel, ForgetsHubsWithoutListeners) {
  ChannelWorld world("room");
  world.subscribe(1);
  world.unsubscribe(1);
  world.publish("x");
  EXPECT_TRUE(world.events.empty());
}

TEST(EphemeralChannel, StaleUnsubscribeDoesNotEndTheNewSubscription) {
  ChannelWorld world("room");
  world.subscribe(1, nullptr, {}, 1);
  world.subscribe(1, nullptr, {}, 2);  // quick unsubscribe and subscribe again, seen in the other order
  world.unsubscribe(1, LeaveReason::unsubscribed, {}, 1);
  EXPECT_EQ(world.channel->describe(world.wall()).subscriptions, 1U);
  world.unsubscribe(1, LeaveReason::unsubscribed, {}, 2);
  EXPECT_EQ(world.channel->describe(world.wall()).subscriptions, 0U);
}

TEST_F(DurableChannel, WaitsForItsStateBeforeItAnswers) {
  ChannelWorld fresh("domain.1");
  fresh.subscribe(1);
  fresh.publish("x");
  EXPECT_TRUE(fresh.replies.empty());
  EXPECT_EQ(fresh.opens, 1);
  fresh.answer_open();
  EXPECT_EQ(fresh.answers<Subscribed>(1).size(), 1U);
  EXPECT_EQ(fresh.proposed.size(), 1U);
}

TEST_F(DurableChannel, RefusesWhileItsStateCannotBeReadButLetsGo) {
  ChannelWorld fresh("domain.1");
  fresh.subscribe(1);
  fresh.unsubscribe(1);
  fresh.channel->opened(make_error(Errc::storage_unavailable), fresh.now(), fresh.wall());
  ASSERT_EQ(fresh.answers<SubscribeRefused>(1).size(), 1U);
  fresh.subscribe(2);
  fresh.answer_open();
  EXPECT_EQ(fresh.answers<Subscribed>(2).size(), 1U);
}

TEST_F(DurableChannel, ProposesWhoseAKeyIsAndHowLongASignatureMayComeAgain) {
  const auto proposed = [&](Publish publish) {
    world.proposed.clear();
    publish.channel = world.key;
    world.handle({ChannelWorld::session(99), std::move(publish)});
    return std::get<AppendPublication>(world.proposed.at(0).second.what);
  };
  EXPECT_EQ(proposed({.event = "e", .idempotency_key = "k"}).key_scope, kApplicationKeys);
  EXPECT_EQ(proposed({.event = "e", .idempotency_key = "k", .key_scope = client_keys("7")}).key_scope, "client:7");
  EXPECT_EQ(proposed({.event = "e"}).key_scope, "") << "there is no key";
  EXPECT_EQ(proposed({.event = "e", .once = "s", .once_repeat = seconds(5)}).once_repeat, seconds(5));
  EXPECT_EQ(proposed({.event = "e", .once_repeat = seconds(5)}).once_repeat.count(), 0);
}

TEST_F(DurableChannel, NeitherDeliversNorAcknowledgesBeforeTheShardDid) {
  world.publish("x");
  EXPECT_TRUE(world.told<ChannelEvent::Published>().empty());
  EXPECT_TRUE(world.answers<Published>(99).empty());
  world.commit();
  EXPECT_EQ(world.told<ChannelEvent::Published>().size(), 1U);
  ASSERT_EQ(world.answers<Published>(99).size(), 1U);
  EXPECT_EQ(world.answers<Published>(99)[0].position.offset.value, 1U);
}

TEST_F(DurableChannel, RefusedPublicationIsNeverDelivered) {
  world.publish("x");
  world.refuse(Errc::storage_unavailable);
  EXPECT_TRUE(world.told<ChannelEvent::Published>().empty());
  ASSERT_EQ(world.answers<PublishRefused>(99).size(), 1U);
  EXPECT_EQ(world.answers<PublishRefused>(99)[0].error.code, Errc::storage_unavailable);
}

TEST_F(DurableChannel, WhatWasStoredWithUnknownOutcomeIsToldBeforeWhatFollows) {
  say(1);
  world.forget();
  // The disk fails after it took the entry: refused, yet in the log when it comes back.
  world.publish("unknown");
  auto lost = world.proposed;
  world.refuse(Errc::storage_unavailable);
  world.newest.offset.value += 1;
  world.history.push_back(
      std::make_shared<Publication>(Publication{.event = "e", .data = "unknown", .position = world.newest}));
  world.publish("next");
  world.publish("after");
  world.commit();
  EXPECT_TRUE(world.told<ChannelEvent::Published>().empty());  // waits for the read
  world.answer_reads();
  const auto told = world.told<ChannelEvent::Published>();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0].publication->data, "unknown");
  EXPECT_EQ(told[1].publication->data, "next");
  EXPECT_EQ(told[2].publication->position.offset.value, 4U);
  EXPECT_EQ(world.answers<Published>(99).size(), 2U);
}

TEST_F(DurableChannel, WhatTheRecoveryFoundIsToldOnceAlthoughItComesBehindWhatFollows) {
  say(1);
  world.forget();
  world.publish("unknown");
  world.refuse(Errc::storage_unavailable);
  world.newest.offset.value += 1;
  const auto found =
      std::make_shared<Publication>(Publication{.event = "e", .data = "unknown", .position = world.newest});
  world.history.push_back(found);
  world.publish("next");
  world.commit();  // waits for the read of what lies before it
  world.channel->applied(0, Effect{.channel = world.key, .what = Effect::Appended{found}}, world.now());
  world.answer_reads();
  const auto told = world.told<ChannelEvent::Published>();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].publication->data, "unknown");
  EXPECT_EQ(told[1].publication->data, "next");
  EXPECT_EQ(world.channel->newest().offset.value, 3U);
}

TEST_F(DurableChannel, WhatTheRecoveryFoundIsToldOnceWhicheverWayItComes) {
  say(1);
  world.forget();
  const Position second{world.newest.epoch, Offset{2}};
  const auto found = std::make_shared<Publication>(Publication{.event = "e", .data = "found", .position = second});
  const Effect effect{.channel = world.key, .what = Effect::Appended{found}};
  world.channel->applied(0, effect, world.now());
  world.channel->applied(0, effect, world.now());
  EXPECT_EQ(world.told<ChannelEvent::Published>().size(), 1U);
  EXPECT_EQ(world.channel->newest(), second);
}

TEST_F(DurableChannel, WhatTheRecoveryFoundWhileTheChannelOpensIsNotToldToWhoJoinsBehindIt) {
  say(3);
  const Effect known{.channel = world.key, .what = Effect::Appended{world.history.back()}};
  world.wake();
  world.forget();
  world.subscribe(2);
  world.channel->applied(0, known, world.now());  // the state that is being read has it
  world.answer_open();
  world.answer_reads();
  EXPECT_TRUE(world.told<ChannelEvent::Published>().empty());
  ASSERT_EQ(world.answers<Subscribed>(2).size(), 1U);
  EXPECT_EQ(world.answers<Subscribed>(2)[0].position.offset.value, 3U);
  EXPECT_EQ(world.channel->newest(), world.newest);
}

TEST_F(DurableChannel, WhatTheRecoveryFoundBehindTheStateThatIsReadCounts) {
  say(3);
  const auto read = DurableState{world.newest, world.oldest, nullptr, {}};
  world.publish("found");
  auto [token, command] = std::exchange(world.proposed, {}).at(0);
  const auto effect = world.store(command);
  world.wake();
  world.forget();
  world.subscribe(2);
  world.channel->applied(0, effect, world.now());
  world.channel->opened(read, world.now(), world.wall());
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).position.offset.value, 4U);
  EXPECT_EQ(world.channel->newest(), world.newest);
}

TEST_F(DurableChannel, WhatTheRecoveryFoundWhileTheChannelCannotOpenIsInTheStateThatIsReadNext) {
  say(3);
  const Effect known{.channel = world.key, .what = Effect::Appended{world.history.back()}};
  world.wake();
  world.forget();
  world.subscribe(2);
  world.channel->applied(0, known, world.now());
  world.channel->opened(make_error(Errc::storage_unavailable), world.now(), world.wall());
  world.channel->applied(0, known, world.now());
  EXPECT_TRUE(world.channel->idle(world.wall()));
  world.subscribe(3);
  world.answer_open();
  world.answer_reads();
  EXPECT_TRUE(world.told<ChannelEvent::Published>().empty());
  EXPECT_EQ(world.answers<Subscribed>(3).at(0).position.offset.value, 3U);
}

TEST_F(DurableChannel, WhatNobodyWasToldOfAndIsGoneIsAnnouncedAsGap) {
  say(1);
  world.newest.offset.value += 3;  // stored with unknown outcome, then trimmed
  world.oldest = Offset{4};
  world.history.push_back(
      std::make_shared<Publication>(Publication{.event = "e", .data = "kept", .position = world.newest}));
  world.forget();
  world.publish("next");
  world.commit();
  world.answer_reads();
  const auto gaps = world.told<ChannelEvent::Gap>();
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].after.value, 1U);
  EXPECT_EQ(gaps[0].before.value, 4U);
  const auto told = world.told<ChannelEvent::Published>();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].publication->data, "kept");
  EXPECT_EQ(told[1].publication->position.offset.value, 5U);
}

TEST_F(DurableChannel, ClientEventsAreOnlyKeptWhenTheRuleSaysSo) {
  Publish typing{
      .channel = world.key, .event = "client-typing", .data = "{}", .kind = DataKind::json, .client_event = true};
  world.handle({ChannelWorld::session(1), typing});
  EXPECT_TRUE(world.proposed.empty());
  auto rules = default_rules();
  rules[0].keep_client_events = true;
  ChannelWorld keeping("private-domain.7", rules);
  keeping.subscribe(1);
  keeping.answer_open();
  typing.channel = keeping.key;
  keeping.handle({ChannelWorld::session(1), typing});
  EXPECT_EQ(keeping.proposed.size(), 1U);
}

TEST(CacheChannel, GivesTheLastEventUntilItsTimeIsOver) {
  ChannelWorld world("cache-weather");
  world.subscribe(1);
  EXPECT_EQ(world.answers<Subscribed>(1).at(0).cached, nullptr);
  EXPECT_TRUE(world.answers<Subscribed>(1).at(0).cache_channel);
  world.publish("sunny");
  world.subscribe(2);
  ASSERT_NE(world.answers<Subscribed>(2).at(0).cached, nullptr);
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).cached->data, "sunny");
  world.advance(1'801s);
  world.subscribe(3);
  EXPECT_EQ(world.answers<Subscribed>(3).at(0).cached, nullptr);
}

TEST(CacheChannel, StaysAwakeWhileItHasSomethingToTell) {
  ChannelWorld world("cache-weather");
  world.publish("sunny");
  EXPECT_FALSE(world.channel->idle(world.wall()));
  world.advance(1'801s);
  EXPECT_TRUE(world.channel->idle(world.wall()));
}

struct PresenceChannel : ::testing::Test {
  ChannelWorld world{"presence-room"};
  std::size_t added() const { return world.told<ChannelEvent::MemberAdded>().size(); }
  std::size_t removed() const { return world.told<ChannelEvent::MemberRemoved>().size(); }
};

TEST_F(PresenceChannel, SecondTabOfAUserAddsNoMember) {
  world.subscribe(9, ChannelWorld::member("watcher"));
  world.forget();
  world.subscribe(1, ChannelWorld::member("ann"));
  world.subscribe(2, ChannelWorld::member("ann"));
  EXPECT_EQ(added(), 1U);
  EXPECT_EQ(world.channel->describe(world.wall()).users, 2U);
  world.unsubscribe(1);
  world.advance(1h);
  EXPECT_EQ(removed(), 0U);
  world.unsubscribe(2);
  world.advance(1h);
  EXPECT_EQ(removed(), 1U);
}

TEST_F(PresenceChannel, JoinerIsInTheSnapshotAndNotToldOfItself) {
  world.subscribe(1, ChannelWorld::member("ann"));
  const auto roster = world.answers<Subscribed>(1).at(0).roster;
  ASSERT_EQ(roster->members.size(), 1U);
  ASSERT_EQ(world.events.size(), 1U);
  EXPECT_EQ(world.events[0].second->except.value, 1U);
}

TEST_F(PresenceChannel, ReloadWithinTheGracePeriodIsNotSeen) {
  world.subscribe(1, ChannelWorld::member("ann"));
  world.subscribe(2, ChannelWorld::member("bob"));
  world.forget();
  world.unsubscribe(2, LeaveReason::connection_lost);
  world.advance(2'900ms);
  world.subscribe(3, ChannelWorld::member("bob"));
  world.advance(1h);
  EXPECT_EQ(added(), 0U);
  EXPECT_EQ(removed(), 0U);
  EXPECT_EQ(world.answers<Subscribed>(3).at(0).roster->members.size(), 2U);
}

TEST_F(PresenceChannel, LeavingOnPurposeIsToldSoonerThanALostConnection) {
  world.subscribe(1, ChannelWorld::member("ann"));
  world.subscribe(2, ChannelWorld::member("bob"));
  world.unsubscribe(1, LeaveReason::connection_lost);
  world.unsubscribe(2, LeaveReason::unsubscribed);
  world.advance(300ms);
  ASSERT_EQ(removed(), 0U);  // nobody listens any more
  EXPECT_EQ(world.channel->describe(world.wall()).users, 1U);
  world.advance(3s);
  EXPECT_EQ(world.channel->describe(world.wall()).users, 0U);
}

TEST_F(PresenceChannel, LatestUserInfoWinsSilently) {
  world.subscribe(1, ChannelWorld::member("ann", R"({"name":"Ann"})"));
  world.subscribe(2, ChannelWorld::member("ann", R"({"name":"Annie"})"));
  EXPECT_EQ(added(), 1U);
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).roster->members.at(0)->user_info, R"({"name":"Annie"})");
}

TEST_F(PresenceChannel, FullRosterRefusesNewUsersButNotNewTabs) {
  App small;
  small.limits.presence_members_max = 1;
  ChannelWorld tiny("presence-room", default_rules(), small);
  tiny.subscribe(1, ChannelWorld::member("ann"));
  tiny.subscribe(2, ChannelWorld::member("bob"));
  tiny.subscribe(3, ChannelWorld::member("ann"));
  ASSERT_EQ(tiny.answers<SubscribeRefused>(2).size(), 1U);
  EXPECT_EQ(tiny.answers<SubscribeRefused>(2)[0].error.code, Errc::too_many_members);
  EXPECT_EQ(tiny.answers<Subscribed>(3).size(), 1U);
}

// Random joins, leaves and waits: what was told must add up to the roster, at each step.
TEST(PresenceProperty, DeltasAddUpToTheRosterAndAlternate) {
  const auto* fixed = std::getenv("PARLEY_SEED");
  const auto seed = fixed != nullptr ? std::strtoull(fixed, nullptr, 10) : OsRandom().next();
  SCOPED_TRACE("PARLEY_SEED=" + std::to_string(seed));
  SeededRandom dice(seed);
  ChannelWorld world("presence-room");
  world.subscribe(1'000'000, ChannelWorld::member("watcher"));
  std::map<std::uint64_t, std::string> open;
  std::map<std::string, bool> seen{{"watcher", true}};
  std::size_t read = 0;
  const auto catch_up = [&] {
    for (; read < world.events.size(); ++read) {
      const auto& what = world.events[read].second->what;
      if (const auto* added = std::get_if<ChannelEvent::MemberAdded>(&what)) {
        const auto& id = added->member->user_id;
        ASSERT_TRUE(id == "watcher" || !seen[id]) << id << " added twice";
        seen[id] = true;
      } else if (const auto* removed = std::get_if<ChannelEvent::MemberRemoved>(&what)) {
        ASSERT_TRUE(seen[removed->user_id]) << removed->user_id << " removed but absent";
        seen[removed->user_id] = false;
      }
    }
  };
  std::uint64_t next_session = 1;
  for (int step = 0; step < 20'000; ++step) {
    const auto what = dice.below(10);
    if (what < 4 || open.empty()) {
      const auto user = "u" + std::to_string(dice.below(20));
      world.subscribe(next_session, ChannelWorld::member(user));
      open.emplace(next_session++, user);
    } else if (what < 8) {
      auto victim = open.begin();
      std::advance(victim, static_cast<std::ptrdiff_t>(dice.below(open.size())));
      world.unsubscribe(victim->first, dice.below(2) == 0 ? LeaveReason::unsubscribed : LeaveReason::connection_lost);
      open.erase(victim);
    } else {
      world.advance(milliseconds(dice.below(2'000)));
    }
    ASSERT_NO_FATAL_FAILURE(catch_up());
    std::size_t present = 0;
    for (const auto& [user, here] : seen) present += here ? 1 : 0;
    ASSERT_EQ(world.channel->members().members.size(), present) << "step " << step;
  }
  world.advance(1h);
  std::map<std::string, int> truth{{"watcher", 1}};
  for (const auto& [session, user] : open) ++truth[user];
  EXPECT_EQ(world.channel->members().members.size(), truth.size());
}

TEST(SubscriptionCount, IsToldWhenTheAppAsksForItAndThrottledInLargeChannels) {
  App counting;
  counting.subscription_count = true;
  ChannelWorld world("room", default_rules(), counting);
  world.subscribe(1);
  world.advance(0ms);
  ASSERT_EQ(world.told<ChannelEvent::SubscriptionCount>().size(), 1U);
  for (std::uint64_t id = 2; id <= 150; ++id) world.subscribe(id);
  world.advance(0ms);
  const auto before = world.told<ChannelEvent::SubscriptionCount>().size();
  for (std::uint64_t id = 151; id <= 160; ++id) {
    world.subscribe(id);
    world.advance(10ms);
  }
  EXPECT_EQ(world.told<ChannelEvent::SubscriptionCount>().size(), before);
  world.advance(5s);
  ASSERT_EQ(world.told<ChannelEvent::SubscriptionCount>().size(), before + 1);
  EXPECT_EQ(world.told<ChannelEvent::SubscriptionCount>().back().count, 160U);
}

}  // namespace
}  // namespace parley::actors
