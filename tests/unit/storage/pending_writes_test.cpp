#include "storage/pending_writes.h"
#include "storage/memory_store.h"

#include <gtest/gtest.h>

#include <random>

namespace parley::storage {
namespace {

std::string all(const PendingWrites& writes) {
  std::string seen;
  EXPECT_TRUE(writes
                  .scan(Family::history, "", "z",
                        [&](std::string_view key, std::string_view value) {
                          seen += fmt::format("{}={} ", key, value);
                          return Visit::go_on;
                        })
                  .ok());
  return seen;
}

void put(Store& store, const std::string& key, const std::string& value) {
  WriteBatch batch;
  batch.put(Family::history, key, value);
  ASSERT_TRUE(store.write(batch, Sync::no).ok());
}

TEST(PendingWrites, ReadsSeeWhatIsNotWrittenYet) {
  MemoryStore store;
  for (const auto* key : {"b", "d", "f"}) put(store, key, "old");
  PendingWrites writes(store);
  writes.put(Family::history, "a", "new");
  writes.put(Family::history, "d", "new");
  writes.remove(Family::history, "f");
  writes.put(Family::history, "g", "new");
  EXPECT_EQ(all(writes), "a=new b=old d=new g=new ");
  EXPECT_EQ(writes.get(Family::history, "f").value(), std::nullopt);
  EXPECT_EQ(writes.get(Family::history, "d").value(), "new");
  EXPECT_EQ(writes.get(Family::state, "d").value(), std::nullopt);
}

TEST(PendingWrites, ARemovedRangeHidesWhatIsStoredAndPending) {
  MemoryStore store;
  for (const auto* key : {"a", "b", "c"}) put(store, key, "old");
  PendingWrites writes(store);
  writes.put(Family::history, "bb", "new");
  writes.remove_range(Family::history, "b", "c");
  EXPECT_EQ(all(writes), "a=old c=old ");
  EXPECT_EQ(writes.get(Family::history, "b").value(), std::nullopt);
}

TEST(PendingWrites, AVisitorCanStopAnywhere) {
  MemoryStore store;
  for (const auto* key : {"a", "c", "e"}) put(store, key, "old");
  PendingWrites writes(store);
  for (const auto* key : {"b", "d"}) writes.put(Family::history, key, "new");
  for (std::size_t max = 1; max <= 5; ++max) {
    std::string seen;
    ASSERT_TRUE(writes
                    .scan(Family::history, "a", "z",
                          [&](std::string_view key, auto) {
                            seen += key;
                            return seen.size() == max ? Visit::stop : Visit::go_on;
                          })
                    .ok());
    EXPECT_EQ(seen, std::string("abcde").substr(0, max));
  }
}

TEST(PendingWrites, TakingThemGivesTheSameAnswersFromTheStore) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    MemoryStore store;
    for (char key = 'a'; key < 'j'; ++key) {
      if (random() % 2 == 0) put(store, std::string(1, key), "old");
    }
    PendingWrites writes(store);
    for (int step = 0; step < 6; ++step) {
      const std::string key(1, static_cast<char>('a' + random() % 9));
      if (random() % 3 == 0) {
        writes.remove(Family::history, key);
      } else if (random() % 5 == 0 && step == 0) {
        writes.remove_range(Family::history, "b", key);
      } else if (step > 0 && key < "b") {  // a range is not put into again
        writes.put(Family::history, key, fmt::format("new-{}", step));
      }
    }
    const auto before = all(writes);
    WriteBatch batch;
    writes.take(batch);
    EXPECT_TRUE(writes.empty());
    ASSERT_TRUE(store.write(batch, Sync::no).ok());
    EXPECT_EQ(all(writes), before) << round;
  }
}

}  // namespace
}  // namespace parley::storage
