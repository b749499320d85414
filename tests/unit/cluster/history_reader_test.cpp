#include "tests/unit/cluster/world.h"

namespace parley::cluster {
namespace {

// Offsets 1 to 20 at times 1,000, 2,000 …; the first five are trimmed, 8 and 20 are deleted.
class HistoryReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ShardMachine machine(ShardId{0}, {}, store_);
    ASSERT_TRUE(machine.load().ok());
    std::vector<Command> commands;
    for (int i = 1; i <= 20; ++i)
      commands.push_back(append(fmt::format("{}", i), {i * 1'000}, kRoom, {seconds(0), 15, 0}));
    commands.push_back({kRoom, {1}, RemovePublication{{kEpoch, Offset{8}}}});
    commands.push_back({kRoom, {1}, RemovePublication{{kEpoch, Offset{20}}}});
    ASSERT_TRUE(machine.apply(LogIndex{1}, commands).ok());
    storage::WriteBatch batch;
    machine.take_writes(batch);
    ASSERT_TRUE(store_.write(batch, storage::Sync::no).ok());
  }
  HistoryPage page(GetHistory query, std::size_t bytes_max = 1 << 20) {
    query.channel = kRoom;
    return HistoryReader(store_, 1, bytes_max).read_history(query).value();
  }
  static std::string shown(const HistoryPage& page) {
    std::string all;
    for (const auto& one : page.publications) all += (all.empty() ? "" : " ") + one->data;
    return all + (page.gap ? " gap" : "") + (page.more ? " more" : "");
  }
  static GetHistory since(std::uint64_t offset, Direction direction = Direction::forward, std::size_t limit = 100) {
    GetHistory query;
    query.since = Position{kEpoch, Offset{offset}};
    query.direction = direction;
    query.limit = limit;
    return query;
  }

  storage::MemoryStore store_;
};

TEST_F(HistoryReaderTest, WithoutAPositionAllThatIsKept) {
  EXPECT_EQ(shown(page({})), "6 7 9 10 11 12 13 14 15 16 17 18 19");
  GetHistory backward;
  backward.direction = Direction::backward;
  EXPECT_EQ(shown(page(backward)), "19 18 17 16 15 14 13 12 11 10 9 7 6");
  const auto all = page({});
  EXPECT_EQ(all.newest, (Position{kEpoch, Offset{20}}));
  EXPECT_EQ(all.oldest.value, 6u);
  EXPECT_EQ(all.publications[0]->position, (Position{kEpoch, Offset{6}}));
}

TEST_F(HistoryReaderTest, PagesForwardSeeEachPublicationOnce) {
  std::string seen;
  auto query = since(5, Direction::forward, 4);
  for (bool more = true; more;) {
    const auto one = page(query);
    EXPECT_FALSE(one.gap);
    for (const auto& publication : one.publications) seen += publication->data + " ";
    query.since = one.publications.back()->position;
    more = one.more;
  }
  EXPECT_EQ(seen, "6 7 9 10 11 12 13 14 15 16 17 18 19 ");
}

TEST_F(HistoryReaderTest, PagesBackwardSeeEachPublicationOnce) {
  std::string seen;
  auto query = since(21, Direction::backward, 4);
  for (bool more = true; more;) {
    const auto one = page(query);
    for (const auto& publication : one.publications) seen += publication->data + " ";
    query.since = one.publications.back()->position;
    more = one.more;
  }
  EXPECT_EQ(seen, "19 18 17 16 15 14 13 12 11 10 9 7 6 ");
}

TEST_F(HistoryReaderTest, APageSaysMoreOnlyWhenThereIsMore) {
  EXPECT_EQ(shown(page(since(15, Direction::forward, 4))), "16 17 18 19");
  EXPECT_EQ(shown(page(since(15, Direction::forward, 3))), "16 17 18 more");
  EXPECT_EQ(shown(page(since(9, Direction::backward, 2))), "7 6");
  EXPECT_EQ(shown(page(since(9, Direction::backward, 1))), "7 more");
}

TEST_F(HistoryReaderTest, APositionBeforeWhatIsKeptIsAGap) {
  EXPECT_EQ(shown(page(since(4, Direction::forward, 2))), "6 7 gap more");
  EXPECT_EQ(shown(page(since(5, Direction::forward, 2))), "6 7 more");
  EXPECT_EQ(shown(page(since(0, Direction::forward, 1))), "6 gap more");
  EXPECT_EQ(shown(page(since(6, Direction::backward))), "");
  EXPECT_EQ(shown(page(since(3, Direction::backward))), " gap");
}

TEST_F(HistoryReaderTest, APositionOfAnotherEpochIsAGapAndGivesWhatIsKept) {
  GetHistory query;
  query.since = Position{Epoch{0xBAD}, Offset{9}};
  query.limit = 2;
  EXPECT_EQ(shown(page(query)), "6 7 gap more");
  query.direction = Direction::backward;
  EXPECT_EQ(shown(page(query)), "19 18 gap more");
}

TEST_F(HistoryReaderTest, APositionThatWasNeverGivenOutIsAGap) {
  EXPECT_EQ(shown(page(since(20))), "");
  EXPECT_EQ(shown(page(since(21))), " gap");
  EXPECT_EQ(shown(page(since(UINT64_MAX))), " gap");
}

TEST_F(HistoryReaderTest, TimesBoundBothWays) {
  GetHistory query;
  query.from_time = WallTime{9'500};
  query.to_time = WallTime{13'000};
  EXPECT_EQ(shown(page(query)), "10 11 12");
  query.direction = Direction::backward;
  EXPECT_EQ(shown(page(query)), "12 11 10");
  query.from_time = WallTime{10'000};
  query.limit = 2;
  EXPECT_EQ(shown(page(query)), "12 11 more");
  query.direction = Direction::forward;
  EXPECT_EQ(shown(page(query)), "10 11 more");
  query.since = Position{kEpoch, Offset{11}};
  EXPECT_EQ(shown(page(query)), "12");
  query = {};
  query.from_time = WallTime{21'000};
  EXPECT_EQ(shown(page(query)), "");
  query.from_time = WallTime{0};
  query.to_time = WallTime{6'001};
  EXPECT_EQ(shown(page(query)), "6");
}

TEST_F(HistoryReaderTest, ALargePageEndsEarlyAndSaysSo) {
  const auto first = page(since(5), 150);
  EXPECT_GE(first.publications.size(), 1u);
  EXPECT_LT(first.publications.size(), 5u);
  EXPECT_TRUE(first.more);
  EXPECT_EQ(shown(page(since(5), 1)), "6 more");  // one at least, or nobody would ever get on
}

TEST_F(HistoryReaderTest, AChannelThatNeverPublishedIsEmpty) {
  GetHistory query;
  query.channel = ChannelKey("4711", "never");
  const auto empty = HistoryReader(store_, 1, 1'000).read_history(query).value();
  EXPECT_EQ(shown(empty), "");
  EXPECT_FALSE(empty.newest.exists());
  query.since = Position{kEpoch, Offset{3}};
  EXPECT_TRUE(HistoryReader(store_, 1, 1'000).read_history(query)->gap);
}

TEST_F(HistoryReaderTest, ARecordThatIsMissingIsReportedAsDamage) {
  storage::WriteBatch batch;
  batch.remove(storage::Family::history, storage::keys::publication(ShardId{0}, kRoom, Offset{12}));
  ASSERT_TRUE(store_.write(batch, storage::Sync::no).ok());
  GetHistory query;
  query.channel = kRoom;
  EXPECT_EQ(HistoryReader(store_, 1, 1 << 20).read_history(query).error().code, Errc::corrupt);
  EXPECT_EQ(shown(page(since(15, Direction::forward, 1))), "16 more");
}

TEST_F(HistoryReaderTest, DamagedBytesAreReported) {
  storage::WriteBatch batch;
  batch.put(storage::Family::history, storage::keys::publication(ShardId{0}, kRoom, Offset{12}), "junk");
  batch.put(storage::Family::state, storage::keys::meta(ShardId{0}, ChannelKey("4711", "bad")), "junk");
  ASSERT_TRUE(store_.write(batch, storage::Sync::no).ok());
  GetHistory query;
  query.channel = kRoom;
  EXPECT_EQ(HistoryReader(store_, 1, 1 << 20).read_history(query).error().code, Errc::corrupt);
  EXPECT_EQ(HistoryReader(store_, 1, 1).open_channel(ChannelKey("4711", "bad")).error().code, Errc::corrupt);
}

}  // namespace
}  // namespace parley::cluster
