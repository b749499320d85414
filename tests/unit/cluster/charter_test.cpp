// Which cluster a node is of stays, and data that is there counts, whoever wrote it.
#include "cluster/charter.h"
#include "schemas/replica.h"
#include "storage/keys.h"
#include "storage/memory_store.h"

#include <gtest/gtest.h>

namespace parley::cluster {
namespace {

using storage::Family;
namespace keys = storage::keys;

TEST(CharterOfAStore, IsNoneAtFirstAndThenAsItWasWritten) {
  storage::MemoryStore store;
  EXPECT_EQ(*read_charter(store), Charter{});
  ASSERT_TRUE(write_charter(store, {.cluster = ClusterId{7}}).ok());
  EXPECT_EQ(*read_charter(store), (Charter{.cluster = ClusterId{7}}));
  ASSERT_TRUE(write_charter(store, {.cluster = ClusterId{7}, .data = true}).ok());
  EXPECT_EQ(*read_charter(store), (Charter{.cluster = ClusterId{7}, .data = true}));
}

// A node that was alone for years never wrote one.
TEST(CharterOfAStore, SeesDataThatIsThereAlready) {
  for (const auto& [family, key] :
       {std::pair{Family::log, keys::log_entry(ShardId{3}, LogIndex{1})},
        {Family::log, keys::replica_entry(ShardId{3}, LogIndex{3})},
        {Family::history, keys::publication(ShardId{0}, ChannelKey("a", "room"), Offset{1})},
        {Family::state, keys::meta(ShardId{storage::kShardCountMax - 1}, ChannelKey("a", "room"))}}) {
    storage::MemoryStore store;
    storage::WriteBatch batch;
    batch.put(Family::log, keys::log_head(ShardId{0}), "head");
    batch.put(Family::log, keys::log_head(ShardId{3}), "head");
    batch.put(Family::state, keys::lineage(ShardId{0}), keys::number(1));
    batch.put(Family::log, keys::replica_head(ShardId{3}), "head");
    batch.put(Family::log, keys::replica_entry(ShardId{3}, LogIndex{2}),
              schemas::frame_replica_entry(ShardId{3}, {LogIndex{2}, Term{2}, RaftEntryKind::command, {}}));
    batch.put(Family::state, keys::applied(ShardId{3}), keys::number(2));
    batch.put(Family::state, keys::membership(ShardId{3}), "itself");
    batch.put(Family::state, keys::replica_places(ShardId{3}), "here");
    batch.put(Family::state, keys::identity(), std::string(16, '1'));
    ASSERT_TRUE(store.write(batch, storage::Sync::yes).ok());
    EXPECT_FALSE(read_charter(store)->data) << "a node that has just begun";
    batch.clear();
    batch.put(family, key, "x");
    ASSERT_TRUE(store.write(batch, storage::Sync::yes).ok());
    EXPECT_TRUE(read_charter(store)->data);
  }
}

TEST(CharterOfAStore, IsRefusedWhereItCannotBeRead) {
  storage::MemoryStore store;
  storage::WriteBatch batch;
  batch.put(Family::state, keys::charter(), "?");
  ASSERT_TRUE(store.write(batch, storage::Sync::yes).ok());
  EXPECT_EQ(read_charter(store).error().code, Errc::corrupt);
}

TEST(RemovedNodes, AreStoredAndComeToTheSameHoweverTheyAreTold) {
  storage::MemoryStore store;
  EXPECT_TRUE(read_removed(store)->empty());
  const std::vector<RemovedNode> some{{NodeId{7}, 10}, {NodeId{3}, 20}};
  ASSERT_TRUE(write_removed(store, some).ok());
  EXPECT_EQ(*read_removed(store), some);
  EXPECT_FALSE(read_charter(store)->data) << "that is no data of a cluster";
  const std::vector<RemovedNode> others{{NodeId{3}, 5}, {NodeId{9}, 20}, {NodeId{1}, 30}};
  const std::vector<RemovedNode> all{{NodeId{7}, 10}, {NodeId{3}, 20}, {NodeId{9}, 20}, {NodeId{1}, 30}};
  EXPECT_EQ(merged(some, others, 9), all);
  EXPECT_EQ(merged(others, some, 9), all);
  const std::vector<RemovedNode> latest{{NodeId{9}, 20}, {NodeId{1}, 30}};
  EXPECT_EQ(merged(some, others, 2), latest);
  EXPECT_EQ(merged(merged(some, others, 2), some, 2), latest) << "who was forgotten is not learnt again";
}

}  // namespace
}  // namespace parley::cluster
