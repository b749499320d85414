// How many positions of stock clients a shard keeps, whose they are, and what is left of those that had to go.
#include "tests/unit/cluster/world.h"

namespace parley::cluster {
namespace {

using For = SaveCursors::For;

constexpr Origin kStranger{2};
constexpr Origin kElsewhere{3};
constexpr Origin kThird{4};
const ChannelKey kOther("4711", "domain.other");

class CursorBoundsTest : public ::testing::Test {
 protected:
  CursorBoundsTest() { make(); }
  void make() {
    MachineConfig config;
    config.cursor_lifetime = seconds(100);
    machine_ = std::make_unique<ShardMachine>(ShardId{0}, config, store_);
    EXPECT_TRUE(machine_->load().ok());
  }
  void apply(std::vector<Command> commands) {
    const auto effects = machine_->apply(LogIndex{machine_->applied().value + 1}, std::move(commands));
    ASSERT_TRUE(effects.ok());
    storage::WriteBatch batch;
    machine_->take_writes(batch);
    ASSERT_TRUE(store_.write(batch, storage::Sync::no).ok());
  }
  Command save(const std::string& client, Origin origin, WallTime time, const ChannelKey& channel = kRoom,
               For kept_for = For::published) {
    return {channel, time, SaveCursors{{{client, Offset{1}, false, Epoch{}, origin}}, bounds_, kept_for, {}}};
  }
  CursorFound find(const std::string& client, WallTime now = {2'000}, const ChannelKey& channel = kRoom) {
    return HistoryReader(store_, 1, 1 << 20).read_cursor(channel, client, now, seconds(100)).value();
  }
  bool has(const std::string& client, const ChannelKey& channel = kRoom) {
    return find(client, {2'000}, channel).position.has_value();
  }
  // Bytes of all positions in the store, as they are.
  std::uint64_t stored() {
    std::uint64_t bytes = 0;
    for (const auto& [key, value] : content(store_, storage::Family::state)) {
      if (key[2] == 'c') bytes += key.size() + value.size();
    }
    return bytes;
  }

  CursorBounds bounds_{16, 0, 0};
  storage::MemoryStore store_;
  std::unique_ptr<ShardMachine> machine_;
};

TEST_F(CursorBoundsTest, OneOriginCannotPushOutOthers) {
  apply({append("a"), save("victim", kElsewhere, {1'000})});
  for (int i = 0; i < 200; ++i) apply({save(fmt::format("invented-{:03}", i), kStranger, {1'001 + i})});
  EXPECT_TRUE(has("victim")) << "the oldest of all, and not of the origin that has most";
  EXPECT_TRUE(has("invented-199"));
  EXPECT_FALSE(has("invented-000"));
}

TEST_F(CursorBoundsTest, WhoComesWithoutAPositionIsUnsureOnceSomeWereForgotten) {
  apply({append("a")});
  EXPECT_FALSE(find("nobody").forgotten) << "nothing was forgotten yet";
  for (int i = 0; i < 17; ++i) apply({save(fmt::format("c{:02}", i), kStranger, {1'000 + i})});
  EXPECT_FALSE(has("c00"));
  EXPECT_TRUE(find("c00").forgotten);
  EXPECT_FALSE(find("c16").forgotten) << "who has one is sure";
  EXPECT_FALSE(find("c00", {1'000 + 100'000 + 17}).forgotten) << "it would have expired by now";
  EXPECT_EQ(machine_->take_forgotten_cursors(), 3U) << "down to seven eighths";
}

TEST_F(CursorBoundsTest, WhatExpiredLeavesNoMark) {
  apply({append("a"), save("ann", kStranger, {1'000})});
  apply({{kRoom, {200'000}, TrimHistory{{seconds(0), 0, 0}}}});
  EXPECT_FALSE(find("ann", {200'000}).forgotten)
      << "a client that comes after its time is a new one, as it is documented";
  EXPECT_EQ(machine_->cursor_bytes(), 0U);
}

TEST_F(CursorBoundsTest, AnOriginHasSoManyBytesInTheShardWhateverTheChannels) {
  bounds_ = {1'000, 0, 2'000};
  apply({append("a"), append("b", {1}, kOther), save("victim", kElsewhere, {1'000})});
  for (int i = 0; i < 100; ++i) {
    apply({save(fmt::format("invented-{:03}", i), kStranger, {1'001 + i}, i % 2 == 0 ? kRoom : kOther)});
    ASSERT_EQ(machine_->cursor_bytes(), stored());
    ASSERT_LE(machine_->cursor_bytes(), 2'000U + 200U);
  }
  EXPECT_TRUE(has("victim"));
  EXPECT_TRUE(has("invented-099", kOther));
  EXPECT_TRUE(find("invented-000").forgotten);
  EXPECT_TRUE(find("invented-001", {2'000}, kOther).forgotten) << "on each of the channels";
  const auto meta = schemas::decode_channel_meta(
      *store_.get(storage::Family::state, storage::keys::meta(ShardId{0}, kOther)).value());
  std::size_t on_other = 0;
  for (int i = 1; i < 100; i += 2) on_other += has(fmt::format("invented-{:03}", i), kOther) ? 1 : 0;
  EXPECT_EQ(meta->cursors, on_other);
}

TEST_F(CursorBoundsTest, BeyondTheShardsBytesTheLargestOriginMakesRoom) {
  bounds_ = {1'000, 4'000, 0};
  apply({append("a")});
  for (int i = 0; i < 5; ++i) apply({save(fmt::format("honest-{}", i), i % 2 == 0 ? kElsewhere : kThird, {1'000 + i})});
  for (int i = 0; i < 100; ++i) apply({save(fmt::format("invented-{:03}", i), kStranger, {1'100 + i})});
  EXPECT_LE(stored(), 4'000U);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(has(fmt::format("honest-{}", i)));
}

TEST_F(CursorBoundsTest, ARestartKnowsWhoseTheyAre) {
  bounds_ = {1'000, 0, 2'000};
  apply({append("a"), save("victim", kElsewhere, {1'000})});
  for (int i = 0; i < 15; ++i) apply({save(fmt::format("invented-{:03}", i), kStranger, {1'001 + i})});
  const auto before = machine_->cursor_bytes();
  make();
  EXPECT_EQ(machine_->cursor_bytes(), before);
  for (int i = 15; i < 60; ++i) apply({save(fmt::format("invented-{:03}", i), kStranger, {1'001 + i})});
  EXPECT_LE(machine_->cursor_bytes(), 2'200U);
  EXPECT_TRUE(has("victim"));
}

TEST_F(CursorBoundsTest, ANameThatNobodyPublishedOnLeavesNothing) {
  apply({save("ann", kStranger, {1'000})});
  const auto rows = content(store_, storage::Family::state);
  EXPECT_EQ(rows.size(), 1U) << "the applied index alone";
  EXPECT_EQ(machine_->cursor_bytes(), 0U);
}

TEST_F(CursorBoundsTest, WhoVisitedBeforeTheFirstPublicationIsStoredWithIt) {
  apply({{kRoom,
          {1'000},
          SaveCursors{{{"ann", Offset{0}, false, Epoch{}, kStranger}}, bounds_, For::first, WallTime{50'000}}},
         append("a")});
  EXPECT_EQ(find("ann").position->offset, Offset{0});
  EXPECT_TRUE(find("bob").forgotten) << "others may have been there whom nobody knows any more";
  EXPECT_FALSE(find("bob", {50'000}).forgotten);
}

TEST_F(CursorBoundsTest, WhatEarlierReleasesStoredForUnpublishedNamesGoesWithItsTime) {
  apply({{kRoom, {1'000}, SaveCursors{{{"ann", Offset{0}}}}}});
  EXPECT_EQ(find("ann").position->offset, Offset{0});
  apply({{kRoom, {200'000}, TrimHistory{{seconds(0), 0, 0}}}});
  EXPECT_EQ(content(store_, storage::Family::state).size(), 1U) << "and its meta with it";
}

}  // namespace
}  // namespace parley::cluster
