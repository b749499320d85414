// Stock clients whose visits and whose reads of a position overlap with what the disk says of others: a connection
// that nobody knows to be dead yet still has its subscription on the way when the client is back on a new one.

#include "channel_world.h"

namespace parley::actors {
namespace {

using namespace std::chrono_literals;

struct VisitsOfAStockClient : ::testing::Test {
  ChannelWorld world{"private-domain.7"};
  VisitsOfAStockClient() {
    world.subscribe(1);
    world.answer_open();
    say(2);
  }
  void say(int count) {
    for (int i = 0; i < count; ++i) world.publish("m");
    world.commit();
  }
  void visit(std::uint64_t id) { world.subscribe(id, nullptr, {.client_id = "tab-1"}); }
  std::pair<CommandToken, Command> take_first_proposal() {
    auto first = std::move(world.proposed.front());
    world.proposed.erase(world.proposed.begin());
    return first;
  }
  void refuse_first() {
    const auto token = take_first_proposal().first;
    world.channel->refused(token, make_error(Errc::storage_unavailable), world.now());
  }
  void commit_first() {
    auto [token, command] = take_first_proposal();
    world.channel->applied(token, world.store(command), world.now());
  }
  void let_it_save() {
    world.advance(1s);
    world.commit();
  }
  // The shard's answer, as it was when the shard gave it.
  struct Answer {
    std::uint64_t read;
    CursorFound found;
  };
  Answer read_position() {
    const auto [read, client] = world.cursor_reads.at(0);
    world.cursor_reads.erase(world.cursor_reads.begin());
    return {read, world.cursor_found(client)};
  }
  void arrives(const Answer& answer) {
    world.channel->cursor_read(answer.read, answer.found, world.now(), world.wall());
    world.answer_reads();
  }
};

TEST_F(VisitsOfAStockClient, ARefusedOneTakesNothingFromTheNextThatIsStored) {
  visit(2);
  world.answer_reads();
  visit(3);
  world.answer_reads();
  refuse_first();
  world.commit();
  EXPECT_EQ(world.answers<SubscribeRefused>(2).size(), 1U);
  ASSERT_EQ(world.answers<Subscribed>(3).size(), 1U);
  let_it_save();
  ASSERT_TRUE(world.cursors.contains("tab-1"));
  world.unsubscribe(3, LeaveReason::connection_lost, "tab-1");
  say(2);
  visit(4);
  world.answer_reads();
  EXPECT_EQ(world.missed(4), (std::vector<std::uint64_t>{3, 4}));
}

TEST_F(VisitsOfAStockClient, ARefusedOneTakesNothingFromTheOneBeforeThatIsStored) {
  visit(2);
  world.answer_reads();
  visit(3);
  world.answer_reads();
  commit_first();
  refuse_first();
  ASSERT_EQ(world.answers<Subscribed>(2).size(), 1U);
  EXPECT_EQ(world.answers<SubscribeRefused>(3).size(), 1U);
  let_it_save();
  say(2);
  visit(4);
  world.answer_reads();
  EXPECT_EQ(world.missed(4), (std::vector<std::uint64_t>{3, 4}));
}

TEST_F(VisitsOfAStockClient, MakeAStrangerAgainWhenAllOfThemAreRefused) {
  visit(2);
  world.answer_reads();
  visit(3);
  world.answer_reads();
  refuse_first();
  refuse_first();
  world.cursors["tab-1"].offset = Offset{2};  // one of them was stored all the same
  say(3);
  visit(4);
  world.answer_reads();
  world.commit();
  EXPECT_EQ(world.answers<Subscribed>(4).at(0).resume, ResumeOutcome::none);
  EXPECT_TRUE(world.missed(4).empty());
}

TEST_F(VisitsOfAStockClient, DoNotReadAPositionThatTheOneBeforeIsAboutToReplace) {
  world.cursors["tab-1"].offset = Offset{0};
  visit(2);
  world.answer_reads();
  world.unsubscribe(2, LeaveReason::unsubscribed, "tab-1");
  visit(3);  // a stranger
  visit(4);  // and still one, although the disk knows the old position
  world.answer_reads();
  world.commit();
  EXPECT_TRUE(world.missed(3).empty());
  EXPECT_TRUE(world.missed(4).empty());
  EXPECT_EQ(world.cursors.at("tab-1").offset.value, 2U);
}

TEST_F(VisitsOfAStockClient, AreNotEndedByALeavingOnTheOldConnectionThatComesLate) {
  visit(2);
  world.answer_reads();
  world.commit();
  visit(3);  // the old connection is half dead, and its last word on the way
  world.answer_reads();
  world.unsubscribe(2, LeaveReason::unsubscribed, "tab-1");
  let_it_save();
  world.unsubscribe(3, LeaveReason::connection_lost, "tab-1");
  say(2);
  visit(4);
  world.answer_reads();
  EXPECT_EQ(world.missed(4), (std::vector<std::uint64_t>{3, 4}));
}

TEST_F(VisitsOfAStockClient, AreNotEndedByThatLeavingWhenTheNewConnectionIsLostByThen) {
  visit(2);
  world.answer_reads();
  world.commit();
  visit(3);
  world.answer_reads();
  world.unsubscribe(3, LeaveReason::connection_lost, "tab-1");
  world.unsubscribe(2, LeaveReason::unsubscribed, "tab-1");
  let_it_save();
  say(2);
  visit(4);
  world.answer_reads();
  EXPECT_EQ(world.missed(4), (std::vector<std::uint64_t>{3, 4}));
}

TEST_F(VisitsOfAStockClient, EndWithTheLastConnectionThatIsLeftOnPurpose) {
  visit(2);
  world.answer_reads();
  world.commit();
  visit(3);
  world.answer_reads();
  world.unsubscribe(2, LeaveReason::connection_lost, "tab-1");
  world.unsubscribe(3, LeaveReason::unsubscribed, "tab-1");
  let_it_save();
  EXPECT_FALSE(world.cursors.contains("tab-1"));
}

// ---- a gap that is owed ----

struct OwedGap : VisitsOfAStockClient {
  // Who may have been here before, for all the shard knows.
  void visit_unsure(std::uint64_t id) {
    visit(id);
    const auto [read, client] = world.cursor_reads.at(0);
    world.cursor_reads.clear();
    world.channel->cursor_read(read, CursorFound{.forgotten = true}, world.now(), world.wall());
  }
  void lose(std::uint64_t id) { world.unsubscribe(id, LeaveReason::connection_lost, "tab-1"); }
  Subscribed answer(std::uint64_t id) { return world.answers<Subscribed>(id).at(0); }
};

TEST_F(OwedGap, IsToldAgainUntilTheClientConfirmsThatItHeardOfIt) {
  visit_unsure(2);
  world.commit();
  EXPECT_EQ(answer(2).gap_before, Offset{3});
  lose(2);
  say(2);
  visit(3);
  world.answer_reads();
  EXPECT_EQ(answer(3).resume, ResumeOutcome::gap);
  EXPECT_EQ(answer(3).gap_after, Offset{0});
  EXPECT_EQ(answer(3).gap_before, Offset{3});
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{3, 4})) << "what came since is not in it";
  world.handle({ChannelWorld::session(3), Confirm{world.key, "tab-1", Offset{4}}});
  let_it_save();
  lose(3);
  visit(4);
  world.answer_reads();
  EXPECT_EQ(answer(4).resume, ResumeOutcome::complete);
}

TEST_F(OwedGap, IsConfirmedByThePlaceBehindItAlone) {
  visit_unsure(2);
  world.commit();
  world.handle({ChannelWorld::session(2), Confirm{world.key, "tab-1", Offset{2}}});
  let_it_save();
  lose(2);
  visit(3);
  world.answer_reads();
  EXPECT_EQ(answer(3).resume, ResumeOutcome::complete);
}

TEST_F(OwedGap, IsToldToWhoComesAgainBeforeItsFirstVisitIsStored) {
  visit_unsure(2);
  lose(2);
  visit(3);
  world.commit();
  EXPECT_EQ(answer(3).resume, ResumeOutcome::gap);
  EXPECT_EQ(answer(3).gap_before, Offset{3});
}

TEST_F(VisitsOfAStockClient, WhosePositionIsOfAnotherLifeGetAGapAndAllThatIsLeft) {
  world.cursors["tab-1"] = {.client_id = "tab-1", .offset = Offset{2}, .epoch = Epoch{world.newest.epoch.value + 1}};
  visit(2);
  world.answer_reads();
  const auto answer = world.answers<Subscribed>(2).at(0);
  EXPECT_EQ(answer.resume, ResumeOutcome::gap);
  EXPECT_EQ(answer.gap_before, Offset{1});
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{1, 2}));
}

// ---- reads that are overtaken ----

TEST_F(VisitsOfAStockClient, WhatIsSavedWhileThePositionIsReadCounts) {
  visit(2);
  world.answer_reads();
  world.commit();
  say(4);
  world.handle({ChannelWorld::session(2), Confirm{world.key, "tab-1", Offset{5}}});
  world.unsubscribe(2, LeaveReason::connection_lost, "tab-1");
  visit(3);
  const auto before_the_save = read_position();
  let_it_save();
  arrives(before_the_save);
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{6}));
  EXPECT_EQ(world.answers<Subscribed>(3).at(0).resume, ResumeOutcome::complete);
}

TEST_F(VisitsOfAStockClient, WhatIsSavedWhileThePositionIsReadCountsForEachWhoReads) {
  visit(2);
  world.answer_reads();
  world.commit();
  say(4);
  world.handle({ChannelWorld::session(2), Confirm{world.key, "tab-1", Offset{5}}});
  visit(3);
  visit(4);
  const auto of_the_first = read_position();
  const auto of_the_second = read_position();
  let_it_save();
  world.unsubscribe(3, LeaveReason::connection_lost, "tab-1");  // does not wait for its answer
  arrives(of_the_first);
  arrives(of_the_second);
  EXPECT_TRUE(world.answers<Subscribed>(3).empty());
  EXPECT_EQ(world.missed(4), (std::vector<std::uint64_t>{6}));
}

TEST_F(VisitsOfAStockClient, ALateLeavingWhileThePositionIsReadEndsNothing) {
  visit(2);
  world.answer_reads();
  world.commit();
  say(4);
  world.unsubscribe(2, LeaveReason::unsubscribed, "tab-1");
  world.advance(1s);  // on its way to the disk
  visit(3);           // forgotten: reads nothing
  EXPECT_TRUE(world.cursor_reads.empty());
  world.commit();
  visit(4);
  const auto before_it_left = read_position();
  world.unsubscribe(3, LeaveReason::unsubscribed, "tab-1");
  let_it_save();
  say(1);
  arrives(before_it_left);
  EXPECT_EQ(world.answers<Subscribed>(4).at(0).resume, ResumeOutcome::complete);
  EXPECT_EQ(world.missed(4), (std::vector<std::uint64_t>{7}));
}

TEST_F(VisitsOfAStockClient, AFirstPositionStoredWhileItIsReadCounts) {
  visit(2);
  visit(3);
  const auto of_the_first = read_position();
  const auto of_the_second = read_position();  // both found nothing
  arrives(of_the_first);
  world.commit();
  ASSERT_EQ(world.answers<Subscribed>(2).size(), 1U);
  say(3);  // to who joined first, unconfirmed
  arrives(of_the_second);
  EXPECT_EQ(world.missed(3), (std::vector<std::uint64_t>{3, 4, 5}));
}

}  // namespace
}  // namespace parley::actors
