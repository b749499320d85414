// A node is its data directory, and each of its processes has a number of its own.
#include "cluster/identity.h"
#include "storage/keys.h"
#include "storage/memory_store.h"
#include "tests/support/faulty_store.h"

#include <gtest/gtest.h>

namespace parley::cluster {
namespace {

using storage::Family;
namespace keys = storage::keys;

struct Identity : ::testing::Test {
  NodeAddress begin() {
    const auto self = begin_incarnation(store, clock, random);
    EXPECT_TRUE(self.ok());
    return self ? *self : NodeAddress{};
  }
  storage::MemoryStore store;
  ManualClock clock;
  SeededRandom random{1};
};

TEST_F(Identity, TheNodeStaysAndEachProcessComesAfterTheOneBefore) {
  const auto first = begin();
  EXPECT_TRUE(first.exists());
  EXPECT_EQ(first.incarnation.value, static_cast<std::uint64_t>(clock.wall().ms));
  const auto second = begin();  // in the same millisecond
  EXPECT_EQ(second.node, first.node);
  EXPECT_GT(second.incarnation, first.incarnation);
  clock.jump_wall(-std::chrono::hours(1));
  EXPECT_GT(begin().incarnation, second.incarnation);
}

TEST_F(Identity, AStoreThatWasPutBackDoesNotBringANumberBack) {
  begin();
  const auto kept = *store.get(Family::state, keys::identity());
  clock.advance(seconds(1));
  const auto lost = begin();
  storage::WriteBatch restored;
  restored.put(Family::state, keys::identity(), *kept);
  ASSERT_TRUE(store.write(restored, storage::Sync::yes).ok());
  clock.advance(seconds(1));
  const auto now = begin();
  EXPECT_EQ(now.node, lost.node);
  EXPECT_GT(now.incarnation, lost.incarnation);
}

TEST_F(Identity, TwoStoresAreTwoNodes) {
  storage::MemoryStore other;
  EXPECT_NE(begin().node, begin_incarnation(other, clock, random)->node);
}

TEST_F(Identity, WhatIsDamagedIsSaidAndNotMadeAnew) {
  for (const std::string& bytes : {std::string("short"), std::string(16, '\0'), std::string(17, 'x'), std::string()}) {
    storage::WriteBatch batch;
    batch.put(Family::state, keys::identity(), bytes);
    ASSERT_TRUE(store.write(batch, storage::Sync::yes).ok());
    const auto self = begin_incarnation(store, clock, random);
    ASSERT_FALSE(self.ok()) << bytes.size();
    EXPECT_EQ(self.error().code, Errc::corrupt);
  }
}

}  // namespace
}  // namespace parley::cluster
