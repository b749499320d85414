// A view is one moment, whatever becomes of its store: held against each store.
#include "storage/keys.h"
#include "tests/unit/storage/stores.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <optional>
#include <thread>

namespace parley::storage {
namespace {

using Rows = std::map<std::string, std::string>;

template <class Readable>
Rows rows(const Readable& from, Family family, ScanOrder order = ScanOrder::forward) {
  Rows found;
  EXPECT_TRUE(from.scan(family, "", "\xff\xff\xff", order,
                        [&](std::string_view key, std::string_view value) {
                          found.emplace(key, value);
                          return Visit::go_on;
                        })
                  .ok());
  found.erase(keys::schema_version());
  return found;
}

template <class World>
class StoreViews : public ::testing::Test {
 protected:
  World world_;
  Store& store_ = world_.store();

  void put(const std::string& key, const std::string& value, Family family = Family::history) {
    WriteBatch batch;
    batch.put(family, key, value);
    ASSERT_TRUE(store_.write(batch, Sync::no).ok());
  }
  std::unique_ptr<StoreView> view() { return std::move(*store_.view()); }
};
TYPED_TEST_SUITE(StoreViews, testing::Worlds);

TYPED_TEST(StoreViews, SeesWhatWasThereAndNothingLater) {
  for (const auto* key : {"a", "b", "c", "d"}) this->put(key, "1");
  this->put("s", "1", Family::state);
  const auto view = this->view();
  const Rows then{{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}};

  WriteBatch batch;
  batch.put(Family::history, "a", "2");
  batch.remove(Family::history, "b");
  batch.remove_range(Family::history, "c", "e");
  batch.put(Family::history, "z", "new");
  batch.remove(Family::state, "s");
  ASSERT_TRUE(this->store_.write(batch, Sync::yes).ok());

  EXPECT_EQ(rows(*view, Family::history), then);
  EXPECT_EQ(rows(*view, Family::history, ScanOrder::backward), then);
  EXPECT_EQ(view->get(Family::history, "a").value(), "1");
  EXPECT_EQ(view->get(Family::history, "b").value(), "1");
  EXPECT_EQ(view->get(Family::history, "z").value(), std::nullopt);
  EXPECT_EQ(view->get(Family::state, "s").value(), "1");
  EXPECT_EQ(rows(this->store_, Family::history), (Rows{{"a", "2"}, {"z", "new"}}));
}

TYPED_TEST(StoreViews, AreOfTheirOwnMoments) {
  this->put("a", "1");
  const auto first = this->view();
  this->put("a", "2");
  auto second = this->view();
  const auto third = this->view();
  this->put("a", "3");
  EXPECT_EQ(first->get(Family::history, "a").value(), "1");
  EXPECT_EQ(second->get(Family::history, "a").value(), "2");
  second.reset();
  this->put("a", "4");
  EXPECT_EQ(first->get(Family::history, "a").value(), "1");
  EXPECT_EQ(third->get(Family::history, "a").value(), "2");
  EXPECT_EQ(this->view()->get(Family::history, "a").value(), "4");
}

TYPED_TEST(StoreViews, ScanAsAStoreDoes) {
  for (const auto* key : {"a", "b", "c", "d", "e"}) this->put(key, key);
  const auto view = this->view();
  const auto scan = [&](const std::string& from, const std::string& to, ScanOrder order, std::size_t most) {
    std::string seen;
    EXPECT_TRUE(view->scan(Family::history, from, to, order,
                           [&](std::string_view key, std::string_view) {
                             seen += key;
                             return --most == 0 ? Visit::stop : Visit::go_on;
                           })
                    .ok());
    return seen;
  };
  EXPECT_EQ(scan("b", "d", ScanOrder::forward, 9), "bc");
  EXPECT_EQ(scan("bb", "dd", ScanOrder::backward, 9), "dc");
  EXPECT_EQ(scan("a", "z", ScanOrder::backward, 2), "ed");
  EXPECT_EQ(scan("d", "b", ScanOrder::forward, 9), "");
  EXPECT_EQ(scan("b", "b", ScanOrder::forward, 9), "");
}

// Either it goes on as it was or it says so, and nothing else, ever; and the store does not mind.
TYPED_TEST(StoreViews, AfterARecoverySayTheSameOrThatTheyEnded) {
  this->put("a", "1");
  auto view = this->view();
  this->put("a", "2");
  ASSERT_TRUE(this->store_.recover().ok());
  this->put("a", "3");
  for (int i = 0; i < 2; ++i) {
    const auto got = view->get(Family::history, "a");
    std::string scanned;
    const auto seen = view->scan(Family::history, "a", "b", ScanOrder::forward, [&](auto, std::string_view value) {
      scanned = value;
      return Visit::go_on;
    });
    ASSERT_EQ(got.ok(), seen.ok());
    if (got) {
      EXPECT_EQ(*got, "1");
      EXPECT_EQ(scanned, "1");
    } else {
      EXPECT_EQ(got.error().code, Errc::storage_unavailable);
      EXPECT_EQ(seen.error().code, Errc::storage_unavailable);
    }
  }
  view.reset();
  EXPECT_EQ(this->view()->get(Family::history, "a").value(), "3");
}

TYPED_TEST(StoreViews, CanBeReadBesideTheWriter) {
  for (int i = 0; i < 100; ++i) this->put(fmt::format("{:03}", i), "0");
  const auto view = this->view();
  std::atomic<bool> over{false};
  std::thread reader([&] {
    while (!over) {
      for (const auto& [key, value] : rows(*view, Family::history)) ASSERT_EQ(value, "0") << key;
      const auto moment = this->view();
      const auto now = rows(*moment, Family::history);
      ASSERT_EQ(now.begin()->second, now.rbegin()->second) << "a view of half a batch";
    }
  });
  for (int round = 1; round < 100; ++round) {
    WriteBatch batch;
    for (int i = 0; i < 100; ++i) batch.put(Family::history, fmt::format("{:03}", i), std::to_string(round));
    ASSERT_TRUE(this->store_.write(batch, Sync::no).ok());
  }
  over = true;
  reader.join();
}

TYPED_TEST(StoreViews, ApproximateBytesAreThoseOfTheRange) {
  for (int i = 0; i < 2'000; ++i) this->put(fmt::format("k{:04}", i), std::string(1'000, static_cast<char>(i)));
  const auto all = this->store_.approximate_bytes(Family::history, "k", "l");
  EXPECT_GT(all, 500'000U);
  EXPECT_LT(all, 8'000'000U);
  EXPECT_LT(this->store_.approximate_bytes(Family::history, "l", "m"), 10'000U);
  EXPECT_EQ(this->store_.approximate_bytes(Family::history, "l", "k"), 0U);
}

// ---- of RocksDB alone ----

TEST(RocksViews, EndWithTheirStoreAndLeaveItsDirectoryFree) {
  testing::Rocks world;
  WriteBatch batch;
  batch.put(Family::state, "a", "1");
  ASSERT_TRUE(world.own->write(batch, Sync::yes).ok());
  auto view = std::move(*world.own->view());
  world.own.reset();
  EXPECT_EQ(view->get(Family::state, "a").error().code, Errc::storage_unavailable);
  auto again = RocksStore::open(world.directory.path());
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(view->get(Family::state, "a").error().code, Errc::storage_unavailable);
  view.reset();
  EXPECT_EQ((*again)->get(Family::state, "a").value(), "1");
}

TEST(RocksViews, EndWithARecoveryEvenIfManyAreHeld) {
  testing::Rocks world;
  std::vector<std::unique_ptr<StoreView>> views;
  for (int i = 0; i < 20; ++i) {
    WriteBatch batch;
    batch.put(Family::state, "a", std::to_string(i));
    ASSERT_TRUE(world.own->write(batch, Sync::no).ok());
    views.push_back(std::move(*world.own->view()));
  }
  views.erase(views.begin() + 5);
  ASSERT_TRUE(world.own->recover().ok());
  for (const auto& view : views) EXPECT_EQ(view->get(Family::state, "a").error().code, Errc::storage_unavailable);
  auto fresh = std::move(*world.own->view());
  views.clear();  // of the opening before: they must not end this one
  EXPECT_EQ(fresh->get(Family::state, "a").value(), "19");
}

TEST(RocksViews, MayBeReadAndLetGoOfWhileTheStoreRecovers) {
  testing::Rocks world;
  WriteBatch batch;
  for (int i = 0; i < 200; ++i) batch.put(Family::history, fmt::format("{:03}", i), std::string(500, 'x'));
  ASSERT_TRUE(world.own->write(batch, Sync::yes).ok());
  std::atomic<bool> over{false};
  std::thread reader([&] {
    while (!over) {
      const auto view = world.own->view();
      if (!view) continue;
      std::size_t seen = 0;
      const auto scanned = (*view)->scan(Family::history, "", "z", ScanOrder::forward, [&](auto, auto) {
        ++seen;
        return Visit::go_on;
      });
      if (scanned) { ASSERT_EQ(seen, 200U); }
    }
  });
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(world.own->recover().ok());
  over = true;
  reader.join();
}

}  // namespace
}  // namespace parley::storage
