// Both sides of a transfer, over stores in memory and over RocksDB, from seeds. PARLEY_SNAPSHOT_SEEDS: how many of each
// kind, from PARLEY_SNAPSHOT_FIRST on.
#include "tests/unit/cluster/snapshots/transfer.h"
#include "storage/memory_store.h"
#include "tests/support/faulty_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace parley::cluster::snapshots {
namespace {

using namespace testing;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// Of what was not synced a crash of the machine keeps some, always what was written first.
class MemoryDisk final : public ReceiverDisk {
 public:
  storage::Store& store() override { return store_; }
  void reopen(SeededRandom& random) override { store_.crash(random.below(store_.unsynced_writes() + 1)); }

 private:
  parley::testing::FaultyStore store_;
};

class Directory {
 public:
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "parley-copy-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class RocksDisk final : public ReceiverDisk {
 public:
  storage::Store& store() override { return *store_; }
  void reopen(SeededRandom&) override {
    store_.reset();
    store_ = storage::RocksStore::open(directory_.path()).value();
  }

 private:
  Directory directory_;
  std::unique_ptr<storage::RocksStore> store_ = storage::RocksStore::open(directory_.path()).value();
};

Transfer::Counts operator+(Transfer::Counts a, const Transfer::Counts& b) {
  a.messages += b.messages;
  a.lost += b.lost;
  a.damaged += b.damaged;
  a.refused += b.refused;
  a.crashes += b.crashes;
  a.offers += b.offers;
  a.resumed += b.resumed;
  a.forgotten += b.forgotten;
  return a;
}

template <class Run>
Transfer::Counts over_seeds(std::uint64_t count, Run run) {
  Transfer::Counts all;
  const auto first = from_environment("PARLEY_SNAPSHOT_FIRST", 1);
  for (auto seed = first; seed < first + from_environment("PARLEY_SNAPSHOT_SEEDS", count); ++seed) {
    SCOPED_TRACE(fmt::format("PARLEY_SNAPSHOT_FIRST={} PARLEY_SNAPSHOT_SEEDS=1", seed));
    all = all + run(seed);
    if (::testing::Test::HasFailure()) break;
  }
  fmt::print("{} messages, {} lost, {} damaged, {} parts refused, {} crashes, {} offers, {} resumed, {} forgotten\n",
             all.messages, all.lost, all.damaged, all.refused, all.crashes, all.offers, all.resumed, all.forgotten);
  return all;
}

Transfer::Counts in_memory(std::uint64_t seed, std::size_t megabytes, Trouble trouble) {
  storage::MemoryStore sender;
  MemoryDisk receiver;
  Transfer transfer(seed, megabytes, trouble, sender, receiver);
  transfer.run();
  return transfer.counts();
}

Transfer::Counts on_disk(std::uint64_t seed, std::size_t megabytes, Trouble trouble) {
  RocksDisk sender;
  RocksDisk receiver;
  Transfer transfer(seed, megabytes, trouble, sender.store(), receiver);
  transfer.run();
  return transfer.counts();
}

TEST(SnapshotTransfer, WithoutTroubleIsOneOfferAndNoPartIsRefused) {
  const auto counts = over_seeds(2, [](auto seed) { return in_memory(seed, 8, {false, false, false}); });
  EXPECT_EQ(counts.offers, from_environment("PARLEY_SNAPSHOT_SEEDS", 2));
  EXPECT_EQ(counts.refused, 0U);
}

TEST(SnapshotTransfer, GetsTheMomentWhateverTheNetworkDoes) {
  const auto counts = over_seeds(10, [](auto seed) { return in_memory(seed, 3, {true, false, false}); });
  EXPECT_GT(counts.lost, 0U);
  EXPECT_GT(counts.damaged, 0U);
  EXPECT_GT(counts.refused, 0U);
}

TEST(SnapshotTransfer, GetsTheMomentWhateverDies) {
  const auto counts = over_seeds(20, [](auto seed) { return in_memory(seed, 2, {true, true, seed % 2 == 0}); });
  EXPECT_GT(counts.crashes, 0U);
  EXPECT_GT(counts.resumed, 0U);
  EXPECT_GT(counts.forgotten, 0U);
}

TEST(SnapshotTransfer, GetsTheMomentOnRealDisks) {
  const auto counts = over_seeds(4, [](auto seed) { return on_disk(seed, 5, {true, true, seed % 2 == 0}); });
  EXPECT_GT(counts.crashes, 0U);
  EXPECT_GT(counts.resumed, 0U);
}

}  // namespace
}  // namespace parley::cluster::snapshots
