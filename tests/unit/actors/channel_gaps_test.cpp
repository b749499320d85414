// Gaps that a channel announces while its shard is ahead of it: applied, and even trimmed, is more than was told.

#include "channel_world.h"

namespace parley::actors {
namespace {

struct GapsOfAChannel : ::testing::Test {
  ChannelWorld world{"private-domain.7"};
  std::vector<std::pair<CommandToken, Effect>> untold;  // stored, on their way to the channel
  GapsOfAChannel() {
    world.subscribe(1);
    world.answer_open();
  }
  void say(int count) {
    for (int i = 0; i < count; ++i) world.publish("m");
    world.commit();
  }
  void store(int count) {
    for (int i = 0; i < count; ++i) world.publish("m");
    for (auto& [token, command] : std::exchange(world.proposed, {})) untold.emplace_back(token, world.store(command));
  }
  void tell() {
    for (const auto& [token, effect] : std::exchange(untold, {})) world.channel->applied(token, effect, world.now());
  }
  void answer_one_read() {
    const auto [read, query] = world.reads.at(0);
    world.reads.erase(world.reads.begin());
    world.channel->history_read(read, world.page(query), world.now(), world.wall());
  }
  std::vector<std::uint64_t> told() const {
    std::vector<std::uint64_t> offsets;
    for (const auto& one : world.told<ChannelEvent::Published>()) {
      offsets.push_back(one.publication->position.offset.value);
    }
    return offsets;
  }
};

TEST_F(GapsOfAChannel, EndWhereLivePublicationsBeginAlthoughTheShardHasTrimmedMore) {
  say(5);
  store(40);
  world.oldest = Offset{30};
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{2}}});
  world.answer_reads();
  ASSERT_EQ(world.answers<Subscribed>(2).size(), 1U);
  const auto answer = world.answers<Subscribed>(2)[0];
  EXPECT_EQ(answer.resume, ResumeOutcome::gap);
  EXPECT_EQ(answer.gap_after.value, 2U);
  EXPECT_EQ(answer.gap_before.value, 6U);
  EXPECT_EQ(answer.position.offset.value, 5U);
  EXPECT_TRUE(world.missed(2).empty());
  world.forget();
  tell();
  ASSERT_EQ(told().size(), 40U);
  EXPECT_EQ(told().front(), answer.gap_before.value);
  EXPECT_EQ(told().back(), 45U);
}

TEST_F(GapsOfAChannel, EndWhereLivePublicationsBeginAlsoForThePositionOfAnotherLife) {
  say(5);
  store(40);
  world.oldest = Offset{30};
  world.subscribe(2, nullptr, {.since = Position{Epoch{0xABC}, Offset{900}}});
  world.answer_reads();
  EXPECT_EQ(world.answers<Subscribed>(2).at(0).gap_before.value, 6U);
}

TEST_F(GapsOfAChannel, AreNotReadAgainAndAgainUntilTheShardHasTold) {
  say(5);
  store(40);
  world.oldest = Offset{30};
  world.page_size = 3;  // and more behind it, none of it told
  world.subscribe(2, nullptr, {.since = Position{world.newest.epoch, Offset{2}}});
  answer_one_read();
  EXPECT_TRUE(world.reads.empty());
  EXPECT_EQ(world.answers<Subscribed>(2).size(), 1U);
}

TEST_F(GapsOfAChannel, AreAnnouncedAlsoBeforeTheFirstPublicationThatIsTold) {
  store(5);
  untold.erase(untold.begin(), untold.begin() + 4);  // their outcome stayed unknown
  world.oldest = Offset{3};
  tell();
  world.answer_reads();
  const auto gaps = world.told<ChannelEvent::Gap>();
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].epoch, world.newest.epoch);
  EXPECT_EQ(gaps[0].after.value, 0U);
  EXPECT_EQ(gaps[0].before.value, 3U);
  EXPECT_EQ(told(), (std::vector<std::uint64_t>{3, 4, 5}));
}

}  // namespace
}  // namespace parley::actors
