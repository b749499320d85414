// What open() says about directories that cannot be used, and what survives a restart.
#include "storage/rocks_store.h"
#include "core/random.h"
#include "storage/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace parley::storage {
namespace {

using ::testing::HasSubstr;

class RocksStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "parley-rocks-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    path_ = (root_ / "data").string();
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  static void put(Store& store, const std::string& key, const std::string& value, Sync sync = Sync::yes) {
    WriteBatch batch;
    batch.put(Family::state, key, value);
    ASSERT_TRUE(store.write(batch, sync).ok());
  }
  Error refused(RocksOptions options = {}) {
    auto opened = RocksStore::open(path_, std::move(options));
    EXPECT_FALSE(opened.ok());
    return opened.ok() ? Error{} : opened.error();
  }

  std::filesystem::path root_;
  std::string path_;
};

TEST_F(RocksStoreTest, MakesItsDirectoryAndKeepsItsContentOverARestart) {
  path_ = (root_ / "deep" / "data").string();
  {
    auto store = RocksStore::open(path_).value();
    put(*store, "a", "1", Sync::yes);
    put(*store, "b", "2", Sync::no);
  }
  auto store = RocksStore::open(path_).value();
  EXPECT_EQ(store->get(Family::state, "a").value(), "1");
  EXPECT_EQ(store->get(Family::state, "b").value(), "2");
  EXPECT_EQ(store->get(Family::state, keys::schema_version()).value(), keys::number(kSchemaVersion));
}

TEST_F(RocksStoreTest, RefusesAPathThatCannotBeADirectory) {
  std::ofstream(root_ / "file") << "x";
  path_ = (root_ / "file" / "data").string();
  const auto error = refused();
  EXPECT_EQ(error.code, Errc::io);
  EXPECT_THAT(error.message, HasSubstr("cannot be made"));
}

TEST_F(RocksStoreTest, RefusesADirectoryThatIsInUse) {
  auto store = RocksStore::open(path_).value();
  const auto error = refused();
  EXPECT_EQ(error.code, Errc::io);
  EXPECT_THAT(error.message, HasSubstr("in use by another process"));
}

TEST_F(RocksStoreTest, RefusesANewerSchemaAndLeavesItUntouched) {
  RocksOptions later;
  later.schema_version = kSchemaVersion + 1;
  RocksStore::open(path_, later).value().reset();
  const auto error = refused();
  EXPECT_EQ(error.code, Errc::newer_schema);
  EXPECT_THAT(error.message, HasSubstr("schema version 3"));
  EXPECT_TRUE(RocksStore::open(path_, later).ok());
}

TEST_F(RocksStoreTest, MigratesAnOlderSchemaStepByStep) {
  put(*RocksStore::open(path_).value(), "a", "1");
  RocksOptions later;
  later.schema_version = kSchemaVersion + 2;
  std::vector<std::uint64_t> steps;
  later.migration = [&](const Store& store, std::uint64_t from, WriteBatch& batch) -> Status {
    steps.push_back(from);
    batch.put(Family::state, "a", store.get(Family::state, "a").value().value() + "+");
    return {};
  };
  auto off = later;
  off.migrate = false;
  EXPECT_EQ(refused(off).code, Errc::config_invalid);
  {
    auto store = RocksStore::open(path_, later).value();
    EXPECT_EQ(steps, (std::vector<std::uint64_t>{kSchemaVersion, kSchemaVersion + 1}));
    EXPECT_EQ(store->get(Family::state, "a").value(), "1++");
  }
  steps.clear();
  EXPECT_TRUE(RocksStore::open(path_, later).ok());
  EXPECT_TRUE(steps.empty());
}

TEST_F(RocksStoreTest, AMigrationThatFailsIsTakenUpWhereItStopped) {
  RocksStore::open(path_).value().reset();
  RocksOptions later;
  later.schema_version = kSchemaVersion + 2;
  later.migration = [](const Store&, std::uint64_t from, WriteBatch& batch) -> Status {
    batch.put(Family::state, fmt::format("step-{}", from), "done");
    if (from == kSchemaVersion + 1) return make_error(Errc::io, "disk full");
    return {};
  };
  EXPECT_EQ(refused(later).message, "disk full");
  std::vector<std::uint64_t> steps;
  later.migration = [&](const Store&, std::uint64_t from, WriteBatch&) -> Status {
    steps.push_back(from);
    return {};
  };
  auto store = RocksStore::open(path_, later).value();
  EXPECT_EQ(steps, std::vector<std::uint64_t>{kSchemaVersion + 1});
  EXPECT_EQ(store->get(Family::state, fmt::format("step-{}", kSchemaVersion)).value(), "done");
  EXPECT_EQ(store->get(Family::state, fmt::format("step-{}", kSchemaVersion + 1)).value(), std::nullopt);
}

TEST_F(RocksStoreTest, RefusesDamagedTables) {
  put(*RocksStore::open(path_).value(), "a", "1");
  std::ofstream(std::filesystem::path(path_) / "CURRENT") << "nonsense";
  const auto error = refused();
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_THAT(error.message, HasSubstr("damaged"));
}

TEST_F(RocksStoreTest, DoesNotBeginAnewBesideTheRemainsOfAnOldStore) {
  put(*RocksStore::open(path_).value(), "a", "1");
  std::filesystem::remove(std::filesystem::path(path_) / "CURRENT");
  const auto error = refused();
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_THAT(error.message, HasSubstr("no CURRENT file"));
}

TEST_F(RocksStoreTest, ADirectoryThatIsTakenAwayStoresNothingAndIsNotBegunAnew) {
  auto store = RocksStore::open(path_).value();
  put(*store, "a", "1");
  EXPECT_TRUE(store->check().ok());
  const auto away = root_ / "away";
  std::filesystem::rename(path_, away);

  const auto lost = store->check();
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().code, Errc::storage_unavailable);
  EXPECT_THAT(lost.error().message, HasSubstr(path_));
  WriteBatch batch;
  batch.put(Family::state, "b", "2");
  EXPECT_FALSE(store->write(batch, Sync::yes).ok());
  EXPECT_FALSE(store->recover().ok());
  EXPECT_FALSE(std::filesystem::exists(path_));

  std::filesystem::create_directory(path_);  // another one of its name
  EXPECT_FALSE(store->check().ok());
  EXPECT_FALSE(store->recover().ok());
  EXPECT_TRUE(std::filesystem::is_empty(path_));

  std::filesystem::remove(path_);
  std::filesystem::rename(away, path_);
  ASSERT_TRUE(store->recover().ok());
  EXPECT_TRUE(store->check().ok());
  put(*store, "c", "3");
  EXPECT_EQ(store->get(Family::state, "a").value(), "1");
  EXPECT_EQ(store->get(Family::state, "b").value(), std::nullopt);
}

TEST_F(RocksStoreTest, AnEmptiedDirectoryIsLostToo) {
  auto store = RocksStore::open(path_).value();
  put(*store, "a", "1");
  for (const auto& file : std::filesystem::directory_iterator(path_)) std::filesystem::remove_all(file.path());
  EXPECT_FALSE(store->check().ok());
  EXPECT_FALSE(store->recover().ok());
  EXPECT_TRUE(std::filesystem::is_empty(path_));
}

TEST_F(RocksStoreTest, RecoversWhileReadersRead) {
  auto store = RocksStore::open(path_).value();
  put(*store, "a", "1");
  std::atomic<bool> over{false};
  std::thread reader([&] {
    while (!over) ASSERT_EQ(store->get(Family::state, "a").value(), "1");
  });
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store->recover().ok());
  over = true;
  reader.join();
}

// ---- space ----

class RocksSpace : public RocksStoreTest {
 protected:
  static std::string noise(SeededRandom& dice, std::size_t size) {
    std::string bytes(size, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(dice.next());
    return bytes;
  }
  [[nodiscard]] std::uint64_t disk_bytes() const {
    std::uint64_t bytes = 0;
    std::error_code gone;  // files go while they are looked at
    for (const auto& file : std::filesystem::directory_iterator(path_, gone)) {
      struct stat about {};
      if (::stat(file.path().c_str(), &about) == 0) bytes += static_cast<std::uint64_t>(about.st_blocks) * 512;
    }
    return bytes;
  }
  // Nothing but tidy() moves it on from here; what compacts is RocksDB's own thread, in its own time.
  bool shrinks_to(Store& store, std::uint64_t bytes) {
    for (int round = 0; round < 12; ++round) {
      store.tidy();
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
      while (std::chrono::steady_clock::now() < end) {
        for (int i = 0; i < 1'000; ++i) std::this_thread::yield();  // a look at the directory is a lot of calls
        if (disk_bytes() <= bytes) return true;
      }
    }
    return false;
  }
  static constexpr std::uint64_t kMb = 1024 * 1024;
};

// A store on which nothing else is written any more.
TEST_F(RocksSpace, WhatARangeHeldIsGivenBackWhenTheStoreIsTidied) {
  auto store = RocksStore::open(path_).value();
  SeededRandom dice(5);
  for (std::uint64_t i = 0; i < 80; ++i) {
    WriteBatch batch;
    batch.put(Family::history, "channel/" + keys::number(i), noise(dice, kMb));
    ASSERT_TRUE(store->write(batch, Sync::no).ok());
  }
  EXPECT_GT(disk_bytes(), 79 * kMb);
  WriteBatch batch;
  batch.remove_range(Family::history, "channel/" + keys::number(0), "channel/" + keys::number(80));
  ASSERT_TRUE(store->write(batch, Sync::yes).ok());
  EXPECT_TRUE(shrinks_to(*store, 20 * kMb)) << disk_bytes() / kMb << " MB are left";
}

// What somebody still sees stays, and is not forgotten by what gives space back, however long that takes.
TEST_F(RocksSpace, WhatAViewHeldIsGivenBackOnceItHasGone) {
  auto store = RocksStore::open(path_).value();
  SeededRandom dice(7);
  for (std::uint64_t i = 0; i < 40; ++i) {
    WriteBatch batch;
    batch.put(Family::history, "channel/" + keys::number(i), noise(dice, kMb));
    ASSERT_TRUE(store->write(batch, Sync::no).ok());
  }
  auto view = std::move(*store->view());
  WriteBatch batch;
  batch.remove_range(Family::history, "channel/" + keys::number(0), "channel/" + keys::number(40));
  ASSERT_TRUE(store->write(batch, Sync::yes).ok());
  for (int round = 0; round < 30; ++round) store->tidy();
  EXPECT_EQ(view->get(Family::history, "channel/" + keys::number(39)).value().value().size(), kMb);
  EXPECT_GT(disk_bytes(), 39 * kMb);
  view.reset();
  EXPECT_TRUE(shrinks_to(*store, 20 * kMb)) << disk_bytes() / kMb << " MB are left";
}

TEST_F(RocksSpace, WhatWasRemovedOneByOneIsGivenBackToo) {
  auto store = RocksStore::open(path_).value();
  SeededRandom dice(6);
  const auto key = [](std::uint64_t i) { return "channel/" + keys::number(i); };
  for (std::uint64_t i = 0; i < 8'000; ++i) {
    WriteBatch batch;
    batch.put(Family::history, key(i), noise(dice, 10'000));
    ASSERT_TRUE(store->write(batch, Sync::no).ok());
  }
  EXPECT_GT(disk_bytes(), 75 * kMb);
  for (std::uint64_t i = 0; i < 8'000; i += 50) {
    WriteBatch batch;
    for (auto at = i; at < i + 50; ++at) batch.remove(Family::history, key(at));
    ASSERT_TRUE(store->write(batch, Sync::no).ok());
  }
  EXPECT_TRUE(shrinks_to(*store, 20 * kMb)) << disk_bytes() / kMb << " MB are left";
}

}  // namespace
}  // namespace parley::storage
