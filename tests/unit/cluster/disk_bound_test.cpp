// What a node's disk holds beyond what retention keeps, with a real RocksDB: large events on channels that keep one.

#include "core/random.h"
#include "storage/rocks_store.h"
#include "tests/unit/cluster/world.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>

namespace parley::cluster {
namespace {

constexpr std::uint64_t kMb = 1024 * 1024;

class DiskBound : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "parley-disk-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    store_ = storage::RocksStore::open(path_).value();
  }
  void TearDown() override {
    shards_.reset();
    store_.reset();
    std::filesystem::remove_all(path_);
  }
  void start() {
    shards_ = std::make_shared<LocalShards>(*store_, clock_, metrics_, config_, listener_);
    ASSERT_TRUE(shards_->start().ok());
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
  // Publishes `count` events of `size` bytes over `channels`, each channel in turn by chance; the most that the disk
  // held meanwhile.
  std::uint64_t publish(int count, std::size_t size, std::uint64_t channels, const Retention& retention) {
    std::uint64_t most = 0;
    std::string data(size, '\0');
    for (int i = 0; i < count; ++i) {
      for (std::size_t at = 0; at < data.size(); at += 8) {
        const auto bits = dice_.next();
        std::memcpy(data.data() + at, &bits, std::min<std::size_t>(8, data.size() - at));
      }
      const ChannelKey channel("4711", fmt::format("domain.{}", dice_.next() % channels));
      std::vector<Command> commands;
      commands.push_back(append(data, {1'000 + i}, channel, retention));
      shards_->propose(shard_of(channel, config_.shard_count), next_, std::move(commands), storage::Sync::yes);
      EXPECT_THAT(listener_.wait_for(next_++), ::testing::HasSubstr(":"));
      listener_.forget();
      if (i % 8 == 0) most = std::max(most, disk_bytes());
    }
    return std::max(most, disk_bytes());
  }

  std::filesystem::path path_;
  std::unique_ptr<storage::RocksStore> store_;
  ManualClock clock_;
  Metrics metrics_;
  LocalShardsConfig config_;
  Recorder listener_;
  std::shared_ptr<LocalShards> shards_;
  EntryToken next_ = 1;
  SeededRandom dice_{1};
};

TEST_F(DiskBound, LargeEventsOnChannelsThatKeepOneLeaveLittleMoreThanThose) {
  start();
  constexpr std::uint64_t channels = 100;
  constexpr std::size_t size = 100'000;
  const auto most = publish(3'000, size, channels, {seconds(0), 1, 0});
  EXPECT_LE(most, channels * size + 64 * kMb) << most / kMb << " MB for " << channels * size / kMb << " MB kept";
  EXPECT_GT(metrics_.log_cuts.value(), 10);
}

TEST_F(DiskBound, WhatRetentionTookIsGoneFromTheRecordsWithTheNextPublications) {
  start();
  publish(400, 100'000, 10, {seconds(0), 1, 0});
  std::uint64_t bytes = 0;
  for (const auto& [key, value] : content(*store_, storage::Family::history)) bytes += value.size();
  EXPECT_LE(bytes, 10 * 2 * 100'000u) << "runs of many large records would wait";
}

}  // namespace
}  // namespace parley::cluster
