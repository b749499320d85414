#include "channel_world.h"

#include <cstdlib>
#include <map>

namespace parley::actors {
namespace {

using namespace std::chrono_literals;

struct DurableChannel : ::testing::Test {
  ChannelWorld world{"private-domain.7"};
  DurableChannel() {
    world.subscribe(1);
    world.answer_open();
  }
  void say(int count) {
    for (int i = 0; i < count; ++i) world.publish("m");
    world.commit();
  }
};

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
  const auto effect = world.store(token, command);
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

TEST_F(DurableChannel, ResumeGivesExactlyWhatCameAfterThePosition) {
  say(5);
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{2}}});
  world.answer_reads();
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{3, 4, 5}));
  ASSERT_EQ(world.answers<Subscribed>(2).size(), 1U);
  EXPECT_EQ(world.answers<Subscribed>(2)[0].resume, ResumeOutcome::complete);
  EXPECT_TRUE(world.answers<Missed>(2).back().last);
}

TEST_F(DurableChannel, ResumeAtTheNewestPositionReadsNothing) {
  say(3);
  world.subscribe(2, nullptr, {.since = world.newest});
  EXPECT_TRUE(world.reads.empty());
  EXPECT_EQ(world.answers<Subscribed>(2)[0].resume, ResumeOutcome::complete);
  EXPECT_FALSE(world.answers<Subscribed>(2)[0].catching_up);
}

TEST_F(DurableChannel, PublicationsDuringTheReadComeOnceAndAfterTheMissed) {
  say(5);
  world.forget();
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{0}}});
  world.publish("live");
  world.commit();  // offset 6: applied and told before the page is read
  world.answer_reads();
  world.publish("later");
  world.commit();
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
  // The hub hears 6 as well, but session 2 was registered after it, by the answer.
  const auto answer = std::find_if(world.replies.begin(), world.replies.end(),
                                   [](const Reply& reply) { return std::holds_alternative<Subscribed>(reply.what); });
  ASSERT_NE(answer, world.replies.end());
  EXPECT_EQ(std::get<Subscribed>(answer->what).position.offset.value, 6U);
}

TEST_F(DurableChannel, WhatTheStoreHasButTheShardHasNotToldIsNotSentTwice) {
  say(2);
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{1}}});
  auto [read, query] = world.reads.at(0);
  auto ahead = world.page(query);
  ahead.publications.push_back(std::make_shared<Publication>(
      Publication{.event = "e", .data = "3", .position = {world.newest.epoch, Offset{3}}}));
  world.reads.clear();
  world.channel->history_read(read, ahead, world.now(), world.wall());
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{2}));
}

TEST_F(DurableChannel, WhatIsToldWhileAPageIsOnItsWayIsReadToo) {
  say(2);
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{0}}});
  auto [read, query] = world.reads.at(0);
  world.reads.clear();
  const auto page = world.page(query);                                 // read here …
  say(2);                                                              // … then 3 and 4 are told to who listens …
  world.channel->history_read(read, page, world.now(), world.wall());  // … and now it arrives
  world.answer_reads();
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{1, 2, 3, 4}));
}

TEST_F(DurableChannel, TrimmingBetweenTwoPagesIsOneGapBeforeWhatFollows) {
  say(30);
  world.page_size = 10;
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{0}}});
  auto [read, query] = world.reads.at(0);
  world.reads.clear();
  world.channel->history_read(read, world.page(query), world.now(), world.wall());
  world.oldest = Offset{25};  // more than the first page is gone
  world.answer_reads();
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).gap_before.value, 25U);
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{25, 26, 27, 28, 29, 30}));
}

TEST_F(DurableChannel, ManyPagesAreReadUntilTheEnd) {
  say(950);
  world.page_size = 100;
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{10}}});
  world.answer_reads();
  const auto offsets = world.missed(2);
  ASSERT_EQ(offsets.size(), 940U);
  EXPECT_EQ(offsets.front(), 11U);
  EXPECT_EQ(offsets.back(), 950U);
  EXPECT_TRUE(std::is_sorted(offsets.begin(), offsets.end()));
}

TEST_F(DurableChannel, WhatIsNotKeptAnyMoreIsAnnouncedAsGap) {
  say(10);
  world.oldest = Offset{6};
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{2}}});
  world.answer_reads();
  const auto answer = world.answers<Subscribed>(2).at(0);
  EXPECT_EQ(answer.resume, ResumeOutcome::gap);
  EXPECT_EQ(answer.gap_after.value, 2U);
  EXPECT_EQ(answer.gap_before.value, 6U);
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{6, 7, 8, 9, 10}));
}

TEST_F(DurableChannel, PositionOfAnotherLifeIsAGapAndEverythingKeptFollows) {
  say(3);
  world.subscribe(2, nullptr, {.since = Position{Epoch{0xABC}, Offset{900}}});
  world.answer_reads();
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).resume, ResumeOutcome::gap);
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST_F(DurableChannel, PositionAheadOfTheHistoryIsAGap) {
  say(3);
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{9}}});
  world.answer_reads();
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).resume, ResumeOutcome::gap);
}

TEST_F(DurableChannel, MoreThanOneResumeMayHoldKeepsTheNewestAndSaysSo) {
  auto bounded = std::make_shared<Settings>(*world.settings);
  bounded->limits.catch_up_publications_max = 50;
  world.channel->configure(bounded);
  say(120);
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{0}}});
  world.answer_reads();
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).resume, ResumeOutcome::gap);
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).gap_before.value, 71U);
  EXPECT_EQ(world.missed(2).size(), 50U);
}

TEST_F(DurableChannel, PositionOfAnEmptyChannelMeansFromTheBeginning) {
  world.subscribe(2, nullptr, {.since = Position{}});
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).resume, ResumeOutcome::complete);
  say(3);
  world.subscribe(3, nullptr, {.since = Position{}});
  world.answer_reads();
  EXPECT_EQ(world.answers<Subscribed>(3).at(0).resume, ResumeOutcome::complete);
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST_F(DurableChannel, RewindGivesTheNewest) {
  say(9);
  world.subscribe(2, nullptr, {.rewind = 4});
  world.answer_reads();
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{6, 7, 8, 9}));
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).resume, ResumeOutcome::complete);
}

TEST_F(DurableChannel, LeavingWhileReadingLeavesNothingBehind) {
  say(3);
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{0}}});
  world.unsubscribe(2);
  world.answer_reads();
  EXPECT_TRUE(world.answers<Subscribed>(2).empty());
  EXPECT_EQ(world.channel->describe(world.wall()).subscriptions, 1U);
}

TEST_F(DurableChannel, FirstVisitOfAStockClientIsAnsweredWhenTheDiskHasItsPosition) {
  say(2);
  world.subscribe(2, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  EXPECT_TRUE(world.answers<Subscribed>(2).empty());
  world.commit();
  EXPECT_EQ(world.answers<Subscribed>(2).size(), 1U);
  EXPECT_EQ(world.cursors.at("tab-1").value, 2U);
}

TEST_F(DurableChannel, FirstVisitIsRefusedWhenItsPositionCannotBeStored) {
  say(2);
  world.subscribe(2, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  world.refuse(Errc::storage_unavailable);
  EXPECT_EQ(world.answers<SubscribeRefused>(2).size(), 1U);
  say(1);
  world.subscribe(2, nullptr, {.client_id = "tab-1"}, 2);
  world.answer_reads();
  world.commit();
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).position.offset.value, 3U);
  EXPECT_TRUE(world.missed(2).empty());
}

TEST_F(DurableChannel, LeavingBeforeTheFirstVisitIsAnsweredLeavesNothingBehind) {
  say(2);
  world.subscribe(2, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  world.unsubscribe(2, LeaveReason::unsubscribed, "tab-1");
  world.commit();
  EXPECT_TRUE(world.answers<Subscribed>(2).empty());
  world.advance(1s);
  world.commit();
  EXPECT_FALSE(world.cursors.contains("tab-1"));
}

TEST_F(DurableChannel, PositionsThatTheDiskRefusedAreSavedLater) {
  say(2);
  world.subscribe(2, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  world.commit();
  say(2);
  world.handle({ChannelWorld::session(2), Confirm{world.key, "tab-1", Offset{4}}});
  world.advance(1s);
  world.refuse(Errc::storage_unavailable);
  EXPECT_FALSE(world.channel->idle(world.wall()));
  world.advance(1s);
  world.commit();
  EXPECT_EQ(world.cursors.at("tab-1").value, 4U);
}

TEST_F(DurableChannel, AnOldConfirmationTakesNothingBack) {
  say(5);
  world.subscribe(2, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  world.commit();
  world.handle({ChannelWorld::session(2), Confirm{world.key, "tab-1", Offset{5}}});
  world.handle({ChannelWorld::session(2), Confirm{world.key, "tab-1", Offset{3}}});
  world.unsubscribe(2, LeaveReason::connection_lost, "tab-1");
  say(1);
  world.subscribe(3, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{6}));
}

TEST_F(DurableChannel, StockClientContinuesAfterWhatItConfirmed) {
  say(2);
  world.subscribe(2, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  world.commit();
  EXPECT_TRUE(world.missed(2).empty());
  say(3);
  world.handle({ChannelWorld::session(2), Confirm{world.key, "tab-1", Offset{4}}});
  world.unsubscribe(2, LeaveReason::connection_lost, "tab-1");
  say(2);
  world.subscribe(3, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{5, 6, 7}));
}

TEST_F(DurableChannel, StockClientContinuesAfterTheActorSlept) {
  say(2);
  world.subscribe(2, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  world.commit();
  world.unsubscribe(2, LeaveReason::connection_lost, "tab-1");
  world.unsubscribe(1);
  world.advance(1s);
  world.commit();
  ASSERT_TRUE(world.channel->idle(world.wall()));
  world.wake();
  world.publish("while away");
  world.answer_open();
  world.commit();
  world.subscribe(3, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{3}));
}

TEST_F(DurableChannel, LateConfirmationOfAnOldConnectionTakesNothingBack) {
  say(9);
  world.cursors["tab-1"] = Offset{8};  // saved
  world.handle({ChannelWorld::session(2), Confirm{world.key, "tab-1", Offset{3}}});
  world.subscribe(3, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{9}));
}

TEST_F(DurableChannel, LeavingOnPurposeForgetsThePosition) {
  world.subscribe(2, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  world.commit();
  world.unsubscribe(2, LeaveReason::unsubscribed, "tab-1");
  say(2);
  world.subscribe(3, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  world.commit();
  ASSERT_EQ(world.answers<Subscribed>(3).size(), 1U);
  EXPECT_TRUE(world.missed(3).empty());
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
