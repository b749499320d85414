// Stock clients on a channel that nobody has published on: nothing of them is stored until somebody does, and nothing
// is missed all the same.
#include "channel_world.h"

namespace parley::actors {
namespace {

using namespace std::chrono_literals;

struct EarlyVisits : ::testing::Test {
  ChannelWorld world{"domain.7"};
  EarlyVisits() {
    world.subscribe(1);
    world.answer_open();
  }
  void visit(std::uint64_t id, const std::string& client = "tab-1") {
    world.subscribe(id, nullptr, {.client_id = client});
  }
  void lose(std::uint64_t id, const std::string& client = "tab-1") {
    world.unsubscribe(id, LeaveReason::connection_lost, client);
  }
  void say(int count) {
    for (int i = 0; i < count; ++i) world.publish("m");
    commit_all();
  }
  void commit_all() {
    while (!world.proposed.empty()) world.commit();
  }
  [[nodiscard]] ResumeOutcome outcome(std::uint64_t id) { return world.answers<Subscribed>(id).at(0).resume; }
};

TEST_F(EarlyVisits, WriteNothing) {
  visit(2);
  ASSERT_EQ(world.answers<Subscribed>(2).size(), 1U);
  EXPECT_TRUE(world.cursor_reads.empty()) << "there is nothing to be read";
  world.handle({ChannelWorld::session(2), Confirm{world.key, "tab-1", Offset{0}}});
  lose(2);
  world.advance(2s);
  EXPECT_TRUE(world.proposed.empty());
  EXPECT_GT(world.early.bytes(), 0U);
}

TEST_F(EarlyVisits, AreStoredBeforeTheFirstPublication) {
  visit(2);
  lose(2);
  world.publish("first");
  ASSERT_EQ(world.proposed.size(), 1U);
  const auto& save = std::get<SaveCursors>(world.proposed[0].second.what);
  EXPECT_EQ(save.kept_for, SaveCursors::For::first);
  EXPECT_EQ(save.cursors.at(0).client_id, "tab-1");
  world.commit();
  ASSERT_EQ(world.proposed.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<AppendPublication>(world.proposed[0].second.what));
  world.commit();
  EXPECT_EQ(world.early.bytes(), 0U);
  visit(3);
  world.answer_reads();
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(outcome(3), ResumeOutcome::complete);
}

TEST_F(EarlyVisits, OutliveTheSleepOfTheChannel) {
  visit(2);
  lose(2);
  world.unsubscribe(1);
  EXPECT_TRUE(world.channel->idle(world.wall()));
  world.wake();
  world.publish("first");
  world.answer_open();
  commit_all();
  visit(3);
  world.answer_reads();
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{1}));
}

TEST_F(EarlyVisits, AgainAreCompleteWhileNothingWasSaid) {
  visit(2);
  EXPECT_EQ(outcome(2), ResumeOutcome::none) << "for the first time";
  lose(2);
  visit(3);
  EXPECT_EQ(outcome(3), ResumeOutcome::complete);
}

TEST_F(EarlyVisits, ThatWereLeftOnPurposeAreForgotten) {
  visit(2);
  world.unsubscribe(2, LeaveReason::unsubscribed, "tab-1");
  say(1);
  EXPECT_FALSE(world.cursors.contains("tab-1"));
  visit(3);
  world.answer_reads();
  world.commit();
  EXPECT_EQ(outcome(3), ResumeOutcome::none);
}

TEST_F(EarlyVisits, AfterALeavingThatIsStillToBeStoredAreNotEndedByIt) {
  visit(2);
  lose(2);
  world.publish("first");
  world.commit();                           // the visit is stored
  world.refuse(Errc::storage_unavailable);  // and the publication is not
  visit(3);
  world.unsubscribe(3, LeaveReason::unsubscribed, "tab-1");
  visit(4);
  EXPECT_EQ(world.answers<Subscribed>(4).size(), 0U) << "what is in doubt is waited for";
  world.advance(2s);
  commit_all();
  ASSERT_EQ(outcome(4), ResumeOutcome::none) << "who left comes for the first time again";
  lose(4);
  say(1);
  visit(5);
  world.answer_reads();
  EXPECT_EQ(world.missed(5), (std::vector<std::uint64_t>{1}));
}

TEST_F(EarlyVisits, AreRememberedWhenTheFirstPublicationIsRefused) {
  visit(2);
  lose(2);
  world.publish("first");
  world.refuse(Errc::storage_unavailable);
  say(1);
  visit(3);
  world.answer_reads();
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{1}));
}

TEST_F(EarlyVisits, WhileTheFirstPublicationIsOnItsWayWaitForTheDisk) {
  world.publish("first");
  visit(2);
  EXPECT_TRUE(world.answers<Subscribed>(2).empty());
  world.commit();
  ASSERT_EQ(world.answers<Subscribed>(2).size(), 1U);
  EXPECT_TRUE(world.cursors.contains("tab-1"));
  lose(2);
  say(1);
  visit(3);
  world.answer_reads();
  EXPECT_EQ(world.missed(3).back(), 2U);
}

TEST_F(EarlyVisits, ThatWaitedForAPublicationWhichWasRefusedAreRememberedToo) {
  world.publish("first");
  visit(2);
  auto commands = std::exchange(world.proposed, {});
  world.channel->refused(commands.at(0).first, make_error(Errc::storage_unavailable), world.now());
  world.channel->applied(commands.at(1).first, Effect{.channel = world.key, .what = Effect::Nothing{}}, world.now());
  lose(2);
  say(1);
  visit(3);
  world.answer_reads();
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{1}));
}

TEST_F(EarlyVisits, OfAKnownClientGoOnWhileTheFirstPublicationIsOnItsWay) {
  visit(2);
  lose(2);
  world.publish("first");
  visit(3);
  ASSERT_EQ(world.answers<Subscribed>(3).size(), 1U) << "it is stored before that publication: nothing to wait for";
  EXPECT_EQ(outcome(3), ResumeOutcome::complete);
}

TEST_F(EarlyVisits, OfAStrangerWhileTheFirstPublicationIsOnItsWayMayHaveBeenForgotten) {
  world.early.unsure_until(world.wall() + 100s);
  world.publish("first");
  world.commit();  // the mark
  visit(2);
  world.commit();
  const auto answer = world.answers<Subscribed>(2).at(0);
  EXPECT_EQ(answer.resume, ResumeOutcome::gap) << "it may have been there, known to another process";
  EXPECT_EQ(answer.gap_before, Offset{2});
}

TEST_F(EarlyVisits, OfAStrangerAreNoGapWhenThatPublicationIsRefused) {
  world.early.unsure_until(world.wall() + 100s);
  world.publish("first");
  world.commit();  // the mark
  visit(2);
  auto commands = std::exchange(world.proposed, {});
  ASSERT_EQ(commands.size(), 2U);
  world.channel->refused(commands[0].first, make_error(Errc::storage_unavailable), world.now());
  world.channel->applied(commands[1].first, Effect{.channel = world.key, .what = Effect::Nothing{}}, world.now());
  EXPECT_EQ(outcome(2), ResumeOutcome::none);
}

TEST_F(EarlyVisits, AreNotOvertakenByALaterPublicationWhenTheyAreRefused) {
  visit(2);
  lose(2);
  world.publish("first");
  world.publish("second");
  ASSERT_EQ(world.proposed.size(), 1U);
  world.refuse(Errc::storage_unavailable);
  EXPECT_TRUE(world.proposed.empty()) << "both were refused with them";
  say(1);
  visit(3);
  world.answer_reads();
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{1}));
}

TEST_F(EarlyVisits, HoldPublicationsInTheirOrder) {
  visit(2);
  world.publish("first");
  world.publish("second");
  world.commit();
  ASSERT_EQ(world.proposed.size(), 2U);
  EXPECT_EQ(std::get<AppendPublication>(world.proposed[0].second.what).data, "first");
  EXPECT_EQ(std::get<AppendPublication>(world.proposed[1].second.what).data, "second");
}

TEST_F(EarlyVisits, AreStoredAtOnceWhenAFirstPublicationMayBeInTheLog) {
  world.publish("first");
  world.refuse(Errc::storage_unavailable);
  visit(2);
  EXPECT_TRUE(world.answers<Subscribed>(2).empty());
  ASSERT_EQ(world.proposed.size(), 1U);
  EXPECT_EQ(std::get<SaveCursors>(world.proposed[0].second.what).kept_for, SaveCursors::For::first);
  world.commit();
  EXPECT_EQ(world.answers<Subscribed>(2).size(), 1U);
  EXPECT_TRUE(world.cursors.contains("tab-1"));
}

TEST_F(EarlyVisits, OfAKnownClientGoOnWhileThatIsInDoubtAndTheDiskIsBroken) {
  world.publish("first");
  world.refuse(Errc::storage_unavailable);
  visit(2);
  world.commit();
  lose(2);
  visit(3);
  EXPECT_TRUE(world.proposed.empty()) << "it is remembered already; what is refused now would make it a stranger";
  ASSERT_EQ(world.answers<Subscribed>(3).size(), 1U);
  EXPECT_EQ(outcome(3), ResumeOutcome::complete);
  lose(3);
  world.advance(2s);
  commit_all();
  say(1);
  visit(4);
  world.answer_reads();
  EXPECT_EQ(world.missed(4).back(), 1U);
  EXPECT_EQ(outcome(4), ResumeOutcome::complete);
}

TEST_F(EarlyVisits, KeepTheChannelAwakeUntilTheLogSaysWhetherThereIsAFirstPublication) {
  world.publish("first");
  world.refuse(Errc::storage_unavailable);
  world.unsubscribe(1);
  EXPECT_FALSE(world.channel->idle(world.wall())) << "asleep it would not know that it must ask";
  world.advance(2s);
  ASSERT_EQ(world.proposed.size(), 1U);
  world.refuse(Errc::storage_unavailable);
  EXPECT_FALSE(world.channel->idle(world.wall()));
  world.advance(2s);
  ASSERT_EQ(world.proposed.size(), 1U);
  world.commit();
  EXPECT_TRUE(world.channel->idle(world.wall()));
}

// ---- gaps ----

TEST_F(EarlyVisits, ThatFoundNoRoomMakeTheChannelsVisitorsUnsure) {
  auto small = std::make_shared<Settings>(*world.settings);
  small->limits.cursor_bytes_per_address_max = 1;
  world.channel->configure(small);
  visit(2);
  EXPECT_EQ(world.early.bytes(), 0U);
  world.publish("first");
  const auto& save = std::get<SaveCursors>(world.proposed.at(0).second.what);
  EXPECT_TRUE(save.cursors.empty());
  EXPECT_GT(save.unsure_until, world.wall());
}

TEST_F(EarlyVisits, WhoMayHaveBeenForgottenIsToldOfAGap) {
  say(3);
  visit(2);
  const auto [read, client] = world.cursor_reads.at(0);
  world.cursor_reads.clear();
  world.channel->cursor_read(read, CursorFound{.forgotten = true}, world.now(), world.wall());
  world.commit();
  const auto answer = world.answers<Subscribed>(2).at(0);
  EXPECT_EQ(answer.resume, ResumeOutcome::gap);
  EXPECT_EQ(answer.gap_after, Offset{0});
  EXPECT_EQ(answer.gap_before, Offset{4});
  EXPECT_EQ(world.cursors.at("tab-1").offset, Offset{3}) << "from here on it is known";
}

// ---- the memory itself ----

struct VisitMemoryTest : ::testing::Test {
  const ChannelKey room{"a", "domain.1"};
  const ChannelKey other{"a", "domain.2"};
  VisitMemory::Bounds bounds{0, 0, 100s};
  VisitMemory memory;
};

TEST_F(VisitMemoryTest, KnowsWhoWasThereUntilItsTimeIsOver) {
  EXPECT_FALSE(memory.visit(room, "tab-1", Origin{2}, bounds, WallTime{1'000}));
  EXPECT_TRUE(memory.visit(room, "tab-1", Origin{2}, bounds, WallTime{50'000}));
  EXPECT_FALSE(memory.visit(other, "tab-1", Origin{2}, bounds, WallTime{50'000}));
  EXPECT_FALSE(memory.visit(room, "tab-1", Origin{2}, bounds, WallTime{150'000})) << "a hundred seconds after the last";
  EXPECT_EQ(memory.take(other, WallTime{150'000}).cursors.size(), 0U);
}

TEST_F(VisitMemoryTest, IsBoundedForEachOriginAndInAll) {
  bounds.origin_bytes_max = 4'000;
  for (int i = 0; i < 1'000; ++i) memory.visit(room, fmt::format("invented-{}", i), Origin{2}, bounds, WallTime{1});
  EXPECT_LE(memory.bytes(), 4'000U);
  memory.visit(other, "honest", Origin{3}, bounds, WallTime{1});
  const auto honest = memory.take(other, WallTime{2});
  EXPECT_EQ(honest.cursors.size(), 1U) << "an origin has its own share";
  EXPECT_EQ(honest.unsure_until.ms, 0);
  const auto invented = memory.take(room, WallTime{2});
  EXPECT_EQ(invented.unsure_until, WallTime{100'001}) << "some of its visitors are not known";
  EXPECT_EQ(memory.bytes(), 0U);
  bounds = {1'000, 0, 100s};
  for (std::uint64_t i = 0; i < 100; ++i) memory.visit(room, "tab-1", Origin{i}, bounds, WallTime{1});
  for (std::uint64_t i = 0; i < 100; ++i) memory.visit(room, fmt::format("tab-{}", i), Origin{i}, bounds, WallTime{1});
  EXPECT_LE(memory.bytes(), 1'000U);
}

TEST_F(VisitMemoryTest, IsUnsureOfThoseThatAnotherProcessKnew) {
  memory.unsure_until(WallTime{70'000});
  EXPECT_EQ(memory.take(room, WallTime{1}).unsure_until, WallTime{70'000});
  EXPECT_EQ(memory.take(room, WallTime{70'000}).unsure_until.ms, 0);
}

}  // namespace
}  // namespace parley::actors
