// Going on where a subscriber was: by position, by rewind, and by the confirmed positions of stock clients.

#include "channel_world.h"

namespace parley::actors {
namespace {

using namespace std::chrono_literals;

struct ChannelResume : OpenDurableChannel {};

TEST_F(ChannelResume, ResumeGivesExactlyWhatCameAfterThePosition) {
  say(5);
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{2}}});
  world.answer_reads();
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{3, 4, 5}));
  ASSERT_EQ(world.answers<Subscribed>(2).size(), 1U);
  EXPECT_EQ(world.answers<Subscribed>(2)[0].resume, ResumeOutcome::complete);
  EXPECT_TRUE(world.answers<Missed>(2).back().last);
}

TEST_F(ChannelResume, ResumeAtTheNewestPositionReadsNothing) {
  say(3);
  world.subscribe(2, nullptr, {.since = world.newest});
  EXPECT_TRUE(world.reads.empty());
  EXPECT_EQ(world.answers<Subscribed>(2)[0].resume, ResumeOutcome::complete);
  EXPECT_FALSE(world.answers<Subscribed>(2)[0].catching_up);
}

TEST_F(ChannelResume, PublicationsDuringTheReadComeOnceAndAfterTheMissed) {
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

TEST_F(ChannelResume, WhatTheStoreHasButTheShardHasNotToldIsNotSentTwice) {
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

TEST_F(ChannelResume, WhatIsToldWhileAPageIsOnItsWayIsReadToo) {
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

TEST_F(ChannelResume, ManyPagesAreReadUntilTheEnd) {
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

TEST_F(ChannelResume, WhatIsNotKeptAnyMoreIsAnnouncedAsGap) {
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

TEST_F(ChannelResume, PositionOfAnotherLifeIsAGapAndEverythingKeptFollows) {
  say(3);
  world.subscribe(2, nullptr, {.since = Position{Epoch{0xABC}, Offset{900}}});
  world.answer_reads();
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).resume, ResumeOutcome::gap);
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST_F(ChannelResume, PositionAheadOfTheHistoryIsAGap) {
  say(3);
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{9}}});
  world.answer_reads();
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).resume, ResumeOutcome::gap);
}

TEST_F(ChannelResume, MoreThanOneResumeMayHoldKeepsTheNewestAndSaysSo) {
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

TEST_F(ChannelResume, PositionOfAnEmptyChannelMeansFromTheBeginning) {
  world.subscribe(2, nullptr, {.since = Position{}});
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).resume, ResumeOutcome::complete);
  say(3);
  world.subscribe(3, nullptr, {.since = Position{}});
  world.answer_reads();
  EXPECT_EQ(world.answers<Subscribed>(3).at(0).resume, ResumeOutcome::complete);
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST_F(ChannelResume, RewindGivesTheNewest) {
  say(9);
  world.subscribe(2, nullptr, {.rewind = 4});
  world.answer_reads();
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{6, 7, 8, 9}));
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).resume, ResumeOutcome::complete);
}

TEST_F(ChannelResume, LeavingWhileReadingLeavesNothingBehind) {
  say(3);
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{0}}});
  world.unsubscribe(2);
  world.answer_reads();
  EXPECT_TRUE(world.answers<Subscribed>(2).empty());
  EXPECT_EQ(world.channel->describe(world.wall()).subscriptions, 1U);
}

TEST_F(ChannelResume, FirstVisitOfAStockClientIsAnsweredWhenTheDiskHasItsPosition) {
  say(2);
  world.subscribe(2, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  EXPECT_TRUE(world.answers<Subscribed>(2).empty());
  world.commit();
  EXPECT_EQ(world.answers<Subscribed>(2).size(), 1U);
  EXPECT_EQ(world.cursors.at("tab-1").offset.value, 2U);
}

TEST_F(ChannelResume, FirstVisitIsRefusedWhenItsPositionCannotBeStored) {
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

TEST_F(ChannelResume, LeavingBeforeTheFirstVisitIsAnsweredLeavesNothingBehind) {
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

TEST_F(ChannelResume, PositionsThatTheDiskRefusedAreSavedLater) {
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
  EXPECT_EQ(world.cursors.at("tab-1").offset.value, 4U);
}

TEST_F(ChannelResume, AnOldConfirmationTakesNothingBack) {
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

TEST_F(ChannelResume, StockClientContinuesAfterWhatItConfirmed) {
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

TEST_F(ChannelResume, StockClientContinuesAfterTheActorSlept) {
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

TEST_F(ChannelResume, LateConfirmationOfAnOldConnectionTakesNothingBack) {
  say(9);
  world.cursors["tab-1"].offset = Offset{8};  // saved
  world.handle({ChannelWorld::session(2), Confirm{world.key, "tab-1", Offset{3}}});
  world.subscribe(3, nullptr, {.client_id = "tab-1"});
  world.answer_reads();
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{9}));
}

TEST_F(ChannelResume, LeavingOnPurposeForgetsThePosition) {
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

}  // namespace
}  // namespace parley::actors
