// A channel whose shard lost its newest publications (durability async, a disk that failed): its numbers go on under
// another epoch, everybody is told, and nobody is left between the two lives.

#include "channel_world.h"

namespace parley::actors {
namespace {

struct ChannelThatBeganAnew : ::testing::Test {
  ChannelWorld world{"private-domain.7", {{.match = "*", .durability = Durability::async}}};
  Position before;
  ChannelThatBeganAnew() {
    world.subscribe(1);
    world.answer_open();
    say(7);
    before = world.newest;
  }
  void say(int count) {
    for (int i = 0; i < count; ++i) world.publish("m");
    world.commit();
  }
  // The shard has only the first `left` publications, by other names.
  void lose(std::uint64_t left) {
    world.newest = {Epoch{world.newest.epoch.value ^ 0xFFFF}, Offset{left}};
    std::vector<PublicationPtr> kept;
    for (const auto& publication : world.history) {
      if (publication->position.offset.value > left) continue;
      auto renamed = std::make_shared<Publication>(*publication);
      renamed->position.epoch = world.newest.epoch;
      kept.push_back(std::move(renamed));
    }
    world.history = std::move(kept);
    world.cursors.clear();
    world.forget();
  }
  std::vector<Position> told() const {
    std::vector<Position> positions;
    for (const auto& one : world.told<ChannelEvent::Published>()) positions.push_back(one.publication->position);
    return positions;
  }
};

TEST_F(ChannelThatBeganAnew, ProposesWithAnEpochWhateverItBelieves) {
  world.publish("m");
  const auto& append = std::get<AppendPublication>(world.proposed.at(0).second.what);
  EXPECT_NE(append.epoch_if_new.value, 0U);
  EXPECT_NE(append.epoch_if_new, world.newest.epoch) << "the old one would name other publications again";
  EXPECT_TRUE(append.unsynced);
}

TEST_F(ChannelThatBeganAnew, TellsOfItBeforeTheFirstPublicationOfTheNewLife) {
  lose(5);
  say(1);
  const auto gaps = world.told<ChannelEvent::Gap>();
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].epoch, world.newest.epoch);
  EXPECT_EQ(gaps[0].after, before.offset);
  EXPECT_EQ(gaps[0].before.value, 6U);
  ASSERT_EQ(world.events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<ChannelEvent::Gap>(world.events[0].second->what));
  EXPECT_EQ(told(), (std::vector<Position>{{world.newest.epoch, Offset{6}}})) << "an offset that was told before";
  say(3);
  EXPECT_EQ(told().back(), (Position{world.newest.epoch, Offset{9}}));
  EXPECT_EQ(world.told<ChannelEvent::Gap>().size(), 1U);
}

TEST_F(ChannelThatBeganAnew, TellsAlsoWhenEverythingWasLost) {
  world.newest = {};
  world.history.clear();
  world.forget();
  say(1);
  ASSERT_EQ(world.told<ChannelEvent::Gap>().size(), 1U);
  ASSERT_EQ(told().size(), 1U);
  EXPECT_EQ(told()[0].offset.value, 1U);
  EXPECT_NE(told()[0].epoch, before.epoch);
}

TEST_F(ChannelThatBeganAnew, GivesWhoComesBackTheNewLifeBeforeAnythingIsPublished) {
  lose(5);
  world.subscribe(2, nullptr, {.since = Position{before.epoch, Offset{3}}});
  world.answer_reads();  // finds another epoch than the channel knows
  EXPECT_TRUE(world.answers<Subscribed>(2).empty());
  world.answer_open();
  world.answer_reads();
  const auto answers = world.answers<Subscribed>(2);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].resume, ResumeOutcome::gap);
  EXPECT_EQ(answers[0].position, world.newest);
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  ASSERT_EQ(world.told<ChannelEvent::Gap>().size(), 1U) << "and who is there is told";
  EXPECT_EQ(world.told<ChannelEvent::Gap>()[0].before.value, 6U);
  say(1);
  EXPECT_EQ(world.told<ChannelEvent::Gap>().size(), 1U);
  EXPECT_EQ(told().back(), (Position{world.newest.epoch, Offset{6}}));
}

TEST_F(ChannelThatBeganAnew, TellsWhoComesBackThatNothingIsLeft) {
  world.newest = {};
  world.history.clear();
  world.forget();
  world.subscribe(2, nullptr, {.since = Position{before.epoch, Offset{3}}});
  world.answer_reads();
  world.answer_open();
  world.answer_reads();
  ASSERT_EQ(world.answers<Subscribed>(2).size(), 1U);
  EXPECT_EQ(world.answers<Subscribed>(2)[0].resume, ResumeOutcome::gap);
  EXPECT_FALSE(world.answers<Subscribed>(2)[0].position.exists());
  ASSERT_EQ(world.told<ChannelEvent::Gap>().size(), 1U);
  EXPECT_EQ(world.told<ChannelEvent::Gap>()[0].before.value, 1U) << "from the beginning";
  say(1);
  ASSERT_EQ(told().size(), 1U);
  EXPECT_EQ(told()[0].offset.value, 1U);
}

TEST_F(ChannelThatBeganAnew, TakesAPageThatWasReadBeforeForWhatItIs) {
  world.subscribe(2, nullptr, {.since = Position{before.epoch, Offset{3}}});
  const auto [read, query] = world.reads.at(0);
  world.reads.clear();
  const auto stale = world.page(query);
  lose(5);
  say(1);
  world.channel->history_read(read, stale, world.now(), world.wall());
  EXPECT_TRUE(world.answers<Subscribed>(2).empty());
  world.answer_open();
  world.answer_reads();
  ASSERT_EQ(world.answers<Subscribed>(2).size(), 1U);
  EXPECT_EQ(world.answers<Subscribed>(2)[0].position, world.newest);
  EXPECT_EQ(world.missed(2), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
}

TEST_F(ChannelThatBeganAnew, DoesNotGoBackForWhatARecoveryTellsLate) {
  const auto late = std::make_shared<Publication>(
      Publication{.event = "e", .data = "late", .position = {before.epoch, Offset{8}}, .time = world.wall()});
  lose(5);
  say(1);
  world.forget();
  world.channel->applied(0, Effect{.channel = world.key, .what = Effect::Appended{late}}, world.now());
  EXPECT_TRUE(told().empty());
  world.answer_open();
  EXPECT_TRUE(world.told<ChannelEvent::Gap>().empty());
  say(1);
  EXPECT_EQ(told(), (std::vector<Position>{{world.newest.epoch, Offset{7}}}));
}

TEST_F(ChannelThatBeganAnew, LetsGoWhoLeftBeforeItsPageCame) {
  world.subscribe(2, nullptr, {.since = Position{before.epoch, Offset{3}}});
  const auto [read, query] = world.reads.at(0);
  world.reads.clear();
  lose(5);
  const auto found = std::make_shared<Publication>(
      Publication{.event = "e", .data = "m", .position = {world.newest.epoch, Offset{6}}, .time = world.wall()});
  world.channel->applied(0, Effect{.channel = world.key, .what = Effect::Appended{found}}, world.now());
  world.unsubscribe(2, LeaveReason::connection_lost);  // waits until it is known which life this is
  world.channel->history_read(read, world.page(query), world.now(), world.wall());
  world.answer_open();
  world.answer_reads();
  EXPECT_EQ(world.channel->describe(world.wall()).subscriptions, 1U);
}

TEST_F(ChannelThatBeganAnew, SavesWhatWasConfirmedOfTheOldLifeAsOfThatLife) {
  world.handle({world.session(1), Confirm{world.key, "client-1", Offset{7}, before.epoch}});
  lose(5);
  say(3);
  world.handle({world.session(1), Confirm{world.key, "client-2", Offset{7}, before.epoch}});  // was on its way
  world.handle({world.session(1), Confirm{world.key, "client-3", Offset{6}, world.newest.epoch}});
  world.advance(milliseconds(1'000));
  ASSERT_EQ(world.proposed.size(), 1U);
  std::map<std::string, Position> saved;
  for (const auto& one : std::get<SaveCursors>(world.proposed[0].second.what).cursors) {
    saved[one.client_id] = {one.epoch, one.offset};
  }
  EXPECT_EQ(saved, (std::map<std::string, Position>{{"client-1", {before.epoch, Offset{7}}},
                                                    {"client-3", {world.newest.epoch, Offset{6}}}}));
}

}  // namespace
}  // namespace parley::actors
