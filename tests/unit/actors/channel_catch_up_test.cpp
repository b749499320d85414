// What was missed comes in pages, as subscribers ask for them: nothing between two pages is lost, comes twice, or waits
// in memory.

#include "channel_world.h"

#include <limits>

namespace parley::actors {
namespace {

using namespace std::chrono_literals;

struct ChannelCatchUp : OpenDurableChannel {
  ChannelCatchUp() { world.page_size = 10; }
  void resume(std::uint64_t id, std::uint64_t after, std::uint32_t subscription = 1) {
    world.subscribe(id, nullptr, {.since = Position{world.newest.epoch, Offset{after}}}, subscription);
  }
  static std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
    std::vector<std::uint64_t> all;
    for (auto n = from; n <= to; ++n) all.push_back(n);
    return all;
  }
};

TEST_F(ChannelCatchUp, ASubscriberJoinsWithTheFirstPageAndGetsTheOthersWhenItAsks) {
  say(25);
  resume(2, 0);
  world.answer_reads_once();
  const auto answer = world.answers<Subscribed>(2).at(0);
  EXPECT_TRUE(answer.catching_up);
  EXPECT_EQ(answer.resume, ResumeOutcome::complete);
  EXPECT_EQ(answer.from.offset.value, 0U);
  EXPECT_EQ(world.missed(2), numbers(1, 10));
  EXPECT_TRUE(world.reads.empty()) << "its socket has not taken the first page";
  world.ask(2);
  world.answer_reads_once();
  EXPECT_EQ(world.missed(2), numbers(1, 20));
  EXPECT_FALSE(world.answers<Missed>(2).back().last);
  world.ask(2);
  world.answer_reads_once();
  EXPECT_EQ(world.missed(2), numbers(1, 25));
  EXPECT_TRUE(world.answers<Missed>(2).back().last);
  EXPECT_EQ(world.answers<Missed>(2).back().reached, world.newest);
}

TEST_F(ChannelCatchUp, WhatIsPublishedMeanwhileComesWithALaterPageAndTheLastOneReachesTheNewest) {
  say(15);
  resume(2, 0);
  world.answer_reads_once();
  say(10);  // told to who listens; this one is not there yet
  world.answer_reads();
  EXPECT_EQ(world.missed(2), numbers(1, 25));
  EXPECT_EQ(world.answers<Missed>(2).back().reached.offset.value, 25U);
}

TEST_F(ChannelCatchUp, WhatIsToldWhileAPageIsReadGoesWithIt) {
  say(15);
  resume(2, 10);
  const auto [read, query] = world.reads.at(0);
  world.reads.clear();
  const auto page = world.page(query);
  say(3);
  world.channel->history_read(read, page, world.now(), world.wall());
  EXPECT_EQ(world.missed(2), numbers(11, 18));
  EXPECT_TRUE(world.answers<Missed>(2).back().last) << "a busy channel must not outrun its readers for ever";
}

TEST_F(ChannelCatchUp, RetentionThatOvertakesIsAGapBeforeTheNextPage) {
  say(40);
  resume(2, 0);
  world.answer_reads_once();
  world.oldest = Offset{25};
  world.ask(2);
  world.answer_reads_once();
  const auto page = world.answers<Missed>(2).back();
  EXPECT_EQ(page.gap_before.value, 25U);
  EXPECT_EQ(page.publications.front()->position.offset.value, 25U);
  world.answer_reads();
  EXPECT_EQ(world.answers<Missed>(2).back().gap_before.value, 0U);
  EXPECT_EQ(world.missed(2).back(), 40U);
}

TEST_F(ChannelCatchUp, EverythingTrimmedIsAGapUpToTheNewest) {
  say(20);
  resume(2, 0);
  world.answer_reads_once();
  world.oldest = Offset{21};
  world.answer_reads();
  const auto page = world.answers<Missed>(2).back();
  EXPECT_EQ(page.gap_before.value, 21U);
  EXPECT_TRUE(page.last);
}

TEST_F(ChannelCatchUp, WhoMissedTheSameReadsItOnce) {
  say(30);
  for (std::uint64_t id = 100; id < 200; ++id) resume(id, 5);
  EXPECT_EQ(world.reads.size(), 1U);
  world.answer_reads_once();
  for (std::uint64_t id = 100; id < 200; ++id) ASSERT_EQ(world.missed(id), numbers(6, 15)) << id;
  resume(200, 5);  // a moment later
  resume(201, 8);  // a little further
  EXPECT_TRUE(world.reads.empty());
  EXPECT_EQ(world.missed(200), numbers(6, 15));
  EXPECT_EQ(world.missed(201), numbers(9, 15));
  for (std::uint64_t id = 100; id < 200; ++id) world.ask(id);
  EXPECT_EQ(world.reads.size(), 1U);
  EXPECT_EQ(world.channel_metrics.pages_read.value(), 2);
}

TEST_F(ChannelCatchUp, WhatWasReadForOthersIsForgottenSoon) {
  say(30);
  resume(2, 0);
  world.answer_reads_once();
  world.advance(2s);
  resume(3, 0);
  EXPECT_EQ(world.reads.size(), 1U);
}

TEST_F(ChannelCatchUp, WhatWasDeletedIsNotShownFromAPageThatWasReadBefore) {
  say(10);
  resume(2, 0);
  const auto early = world.reads.at(0);
  const auto page = world.page(early.second);
  world.handle({ChannelWorld::session(99), DeleteHistory{world.key}});
  world.reads.clear();
  world.channel->history_read(early.first, page, world.now(), world.wall());  // it was on its way already
  resume(3, 0);
  EXPECT_EQ(world.reads.size(), 1U) << "but nobody is shown it again";
}

TEST_F(ChannelCatchUp, AtTheNodesBoundASubscriberWaitsForItsTurn) {
  say(15);
  world.full = true;
  resume(2, 0);
  EXPECT_TRUE(world.reads.empty());
  EXPECT_FALSE(world.channel->idle(world.wall()));
  ASSERT_EQ(world.in_line.size(), 1U);
  world.channel->reserved(world.in_line[0].first, std::make_shared<const int>(7), world.now(), world.wall());
  world.answer_reads_once();
  const auto page = world.answers<Missed>(2).at(0);
  EXPECT_EQ(page.publications.size(), 10U);
  EXPECT_NE(page.held, nullptr) << "until its socket has taken it";
}

TEST_F(ChannelCatchUp, WhoLeavesWhileItWaitsForItsTurnLeavesNothingBehind) {
  say(15);
  world.full = true;
  resume(2, 0);
  world.unsubscribe(2);
  auto hold = std::make_shared<const int>(7);
  const std::weak_ptr<const int> held = hold;
  world.channel->reserved(world.in_line.at(0).first, std::move(hold), world.now(), world.wall());
  EXPECT_TRUE(held.expired());
  EXPECT_TRUE(world.reads.empty());
  EXPECT_TRUE(world.answers<Subscribed>(2).empty());
}

TEST_F(ChannelCatchUp, TheSizeOfAPageIsTheAskers) {
  say(5);
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{1}}, .page_bytes = 4'000});
  EXPECT_EQ(world.reads.at(0).second.bytes_max, 4'000U);
  world.subscribe(3, nullptr, {.since = Position{world.newest.epoch, Offset{0}}, .no_page = true});
  EXPECT_EQ(world.reads.at(1).second.limit, 0U);
  world.answer_reads_once();
  const auto first = world.answers<Missed>(3).at(0);
  EXPECT_TRUE(first.publications.empty());
  EXPECT_FALSE(first.last);
  EXPECT_EQ(first.reached.offset.value, 0U);
}

// Another node's word: sessions here ask for less.
TEST_F(ChannelCatchUp, APageIsNeverLargerThanTheBoundOfOne) {
  say(5);
  world.full = true;
  constexpr auto most = std::numeric_limits<std::size_t>::max();
  const auto epoch = world.newest.epoch;
  world.subscribe(2, nullptr, {.since = Position{epoch, Offset{1}}, .page_bytes = most});
  world.handle({ChannelWorld::session(1), MoreMissed{world.key, SubscriptionId{1}, Position{epoch, Offset{1}}, most}});
  ASSERT_EQ(world.in_line.size(), 2U);
  for (const auto& [read, bytes] : world.in_line) { EXPECT_EQ(bytes, world.settings->limits.catch_up_page_bytes_max); }
}

TEST_F(ChannelCatchUp, APageThatCannotBeReadIsAskedForAgainAndADamagedOneIsAGap) {
  say(25);
  resume(2, 0);
  world.answer_reads_once();
  world.ask(2);
  auto read = world.reads.at(0).first;
  world.reads.clear();
  world.channel->history_read(read, make_error(Errc::overloaded), world.now(), world.wall());
  EXPECT_TRUE(world.answers<Missed>(2).back().error);
  EXPECT_FALSE(world.answers<Missed>(2).back().last);
  world.handle({ChannelWorld::session(2),
                MoreMissed{world.key, SubscriptionId{1}, Position{world.newest.epoch, Offset{10}}, 0}});
  read = world.reads.at(0).first;
  world.reads.clear();
  world.channel->history_read(read, make_error(Errc::corrupt), world.now(), world.wall());
  EXPECT_TRUE(world.answers<Missed>(2).back().last);
  EXPECT_EQ(world.answers<Missed>(2).back().reached, world.newest);
}

TEST_F(ChannelCatchUp, WhoIsNotOnTheChannelGetsNoPage) {
  say(25);
  resume(2, 0);
  world.answer_reads_once();
  world.unsubscribe(2);
  world.ask(2);
  EXPECT_TRUE(world.reads.empty());
}

TEST_F(ChannelCatchUp, AChannelThatKeepsNothingAnyMoreEndsTheCatchUp) {
  say(25);
  resume(2, 0);
  world.answer_reads_once();
  auto ephemeral = std::make_shared<Settings>(*world.settings);
  ephemeral->rules = {};
  world.channel->configure(ephemeral);
  world.ask(2);
  EXPECT_TRUE(world.answers<Missed>(2).back().last);
}

}  // namespace
}  // namespace parley::actors
