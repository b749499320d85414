// What every Store promises, held against each of them.
#include "tests/unit/storage/stores.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace parley::storage {
namespace {

template <class World>
class StoreContract : public ::testing::Test {
 protected:
  World world_;
  Store& store_ = world_.store();

  void put(const std::string& key, const std::string& value, Family family = Family::history) {
    WriteBatch batch;
    batch.put(family, key, value);
    ASSERT_TRUE(store_.write(batch, Sync::no).ok());
  }
  std::optional<std::string> get(const std::string& key, Family family = Family::history) {
    return store_.get(family, key).value();
  }
  std::string scan(const std::string& from, const std::string& to, ScanOrder order = ScanOrder::forward,
                   std::size_t max = 100) {
    std::string seen;
    EXPECT_TRUE(store_
                    .scan(Family::history, from, to, order,
                          [&](std::string_view key, std::string_view value) {
                            seen += fmt::format("{}={} ", key, value);
                            return --max == 0 ? Visit::stop : Visit::go_on;
                          })
                    .ok());
    return seen;
  }
};
TYPED_TEST_SUITE(StoreContract, testing::Worlds);

TYPED_TEST(StoreContract, WhatWasPutIsGot) {
  EXPECT_EQ(this->get("a"), std::nullopt);
  this->put("a", "1");
  EXPECT_EQ(this->get("a"), "1");
  this->put("a", "22");
  EXPECT_EQ(this->get("a"), "22");
  EXPECT_EQ(this->get("a", Family::state), std::nullopt);
}

TYPED_TEST(StoreContract, KeysAndValuesAreBytes) {
  const std::string key("\0\xff\0k", 4);
  const std::string value("\0\0\xff", 3);
  this->put(key, value);
  EXPECT_EQ(this->get(key), value);
  this->put("empty", "");
  EXPECT_EQ(this->get("empty"), "");
}

TYPED_TEST(StoreContract, ABatchWorksInItsOrder) {
  WriteBatch batch;
  batch.put(Family::history, "a", "1");
  batch.put(Family::history, "b", "1");
  batch.remove(Family::history, "a");
  batch.remove(Family::history, "never there");
  batch.put(Family::history, "b", "2");
  batch.remove_range(Family::history, "c", "e");
  batch.put(Family::history, "d", "after the range went");
  ASSERT_TRUE(this->store_.write(batch, Sync::yes).ok());
  EXPECT_EQ(this->scan("a", "z"), "b=2 d=after the range went ");
}

TYPED_TEST(StoreContract, ARangeIsRemovedWithoutItsEnd) {
  for (const auto* key : {"a", "b", "c", "d"}) this->put(key, "1");
  this->put("b", "1", Family::state);
  WriteBatch batch;
  batch.remove_range(Family::history, "b", "d");
  ASSERT_TRUE(this->store_.write(batch, Sync::no).ok());
  EXPECT_EQ(this->scan("a", "z"), "a=1 d=1 ");
  EXPECT_EQ(this->get("b", Family::state), "1");
}

TYPED_TEST(StoreContract, AScanSeesItsRangeInBothOrders) {
  for (const auto* key : {"a", "b", "c", "d", "e"}) this->put(key, key);
  EXPECT_EQ(this->scan("b", "d"), "b=b c=c ");
  EXPECT_EQ(this->scan("b", "d", ScanOrder::backward), "c=c b=b ");
  EXPECT_EQ(this->scan("bb", "dd", ScanOrder::backward), "d=d c=c ");
  EXPECT_EQ(this->scan("a", "z", ScanOrder::forward, 2), "a=a b=b ");
  EXPECT_EQ(this->scan("a", "z", ScanOrder::backward, 2), "e=e d=d ");
  EXPECT_EQ(this->scan("d", "b"), "");
  EXPECT_EQ(this->scan("b", "b"), "");
}

TYPED_TEST(StoreContract, AReaderBesideTheWriterSeesWholeBatches) {
  std::atomic<bool> over{false};
  std::thread reader([&] {
    while (!over) {
      std::vector<std::string> values;
      (void)this->store_.scan(Family::history, "a", "c", ScanOrder::forward, [&](auto, std::string_view value) {
        values.emplace_back(value);
        return Visit::go_on;
      });
      if (!values.empty()) {
        ASSERT_EQ(values.size(), 2u);
        ASSERT_EQ(values[0], values[1]);
      }
    }
  });
  for (int i = 0; i < 500; ++i) {
    WriteBatch batch;
    batch.put(Family::history, "a", std::to_string(i));
    batch.put(Family::history, "b", std::to_string(i));
    ASSERT_TRUE(this->store_.write(batch, Sync::no).ok());
  }
  over = true;
  reader.join();
}

TYPED_TEST(StoreContract, ARecoveryKeepsWhatWasSynced) {
  this->put("a", "1");
  WriteBatch batch;
  batch.put(Family::log, "b", "2");
  ASSERT_TRUE(this->store_.write(batch, Sync::yes).ok());
  ASSERT_TRUE(this->store_.recover().ok());
  EXPECT_EQ(this->get("a"), "1");
  EXPECT_EQ(this->get("b", Family::log), "2");
  this->put("a", "3");
  EXPECT_EQ(this->get("a"), "3");
}

TYPED_TEST(StoreContract, ItsSizeGrowsWithItsContent) {
  const auto before = this->store_.size_bytes();
  for (int i = 0; i < 2'000; ++i) this->put(fmt::format("key-{}", i), std::string(2'000, 'x'));
  EXPECT_GE(this->store_.size_bytes(), before + 2'000'000);
}

}  // namespace
}  // namespace parley::storage
