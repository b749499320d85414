// What open() says about directories that cannot be used, and what survives a restart.
#include "storage/rocks_store.h"
#include "storage/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

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
  EXPECT_THAT(error.message, HasSubstr("schema version 2"));
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
    EXPECT_EQ(steps, (std::vector<std::uint64_t>{1, 2}));
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
    if (from == 2) return make_error(Errc::io, "disk full");
    return {};
  };
  EXPECT_EQ(refused(later).message, "disk full");
  std::vector<std::uint64_t> steps;
  later.migration = [&](const Store&, std::uint64_t from, WriteBatch&) -> Status {
    steps.push_back(from);
    return {};
  };
  auto store = RocksStore::open(path_, later).value();
  EXPECT_EQ(steps, std::vector<std::uint64_t>{2});
  EXPECT_EQ(store->get(Family::state, "step-1").value(), "done");
  EXPECT_EQ(store->get(Family::state, "step-2").value(), std::nullopt);
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

}  // namespace
}  // namespace parley::storage
