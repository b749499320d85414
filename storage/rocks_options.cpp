#include "storage/rocks_options.h"

#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

namespace parley::storage {
namespace {

// What the disk holds beyond what is kept: the write-ahead log until what it brings is in tables, and tables until
// what was removed from them is compacted away. Both are small, so that a node on which large events come and go
// gives their space back at the pace at which it takes it. Every family is flushed when the write-ahead log is at its
// bound: a memtable need not be larger.
constexpr std::uint64_t kMb = 1024 * 1024;
constexpr std::uint64_t kWalBytes = 8 * kMb;
constexpr std::uint64_t kBaseLevelBytes = 8 * kMb;
constexpr std::uint64_t kTableBytes = 2 * kMb;
// A table in which half of so many neighbours are removals is compacted, however few tables there are.
constexpr std::size_t kRemovalsWindow = 128;
constexpr std::size_t kRemovalsTrigger = 64;

// A key without the number at its end: log entries of a shard and publications of a channel come in
// rising order, so the memtable finds their place beside the one before instead of from the top.
class WithoutNumber final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "parley.without_number"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override { return {key.data(), key.size() - kNumber}; }
  bool InDomain(const rocksdb::Slice& key) const override { return key.size() > kNumber; }

 private:
  static constexpr std::size_t kNumber = 8;
};

}  // namespace

rocksdb::DBOptions db_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;
  options.allow_concurrent_memtable_write = false;  // there is one writer
  options.max_background_jobs = 2;
  options.max_open_files = 1'024;
  options.max_total_wal_size = kWalBytes;
  options.max_manifest_file_size = 4 * kMb;
  options.manifest_preallocation_size = 64 * 1024;
  options.bytes_per_sync = 1024 * 1024;  // compactions must not pile up dirty pages before our fsync
  options.keep_log_file_num = 3;
  options.max_log_file_size = 8 * 1024 * 1024;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.stats_dump_period_sec = 0;
  return options;
}

rocksdb::ColumnFamilyOptions family_options(Family family, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  rocksdb::ColumnFamilyOptions options;
  switch (family) {
    case Family::log:  // written once, read at a start, dropped soon
      options.write_buffer_size = kWalBytes;
      options.compression = rocksdb::kNoCompression;
      options.memtable_insert_with_hint_prefix_extractor = std::make_shared<WithoutNumber>();
      break;
    case Family::history:  // scanned by range; who asks knows from the channel's meta that there is something
      options.write_buffer_size = kWalBytes;
      options.memtable_insert_with_hint_prefix_extractor = std::make_shared<WithoutNumber>();
      options.compression = rocksdb::kLZ4Compression;
      table.block_size = 16 * 1024;
      break;
    case Family::state:                             // got by key, and often for a channel that never published
      options.write_buffer_size = 8 * 1024 * 1024;  // the same keys again and again: flushing leaves little
      options.compression = rocksdb::kLZ4Compression;
      table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
      table.whole_key_filtering = true;
      break;
  }
  options.level0_file_num_compaction_trigger = 2;
  options.target_file_size_base = kTableBytes;
  options.max_bytes_for_level_base = kBaseLevelBytes;
  options.level_compaction_dynamic_level_bytes = true;
  options.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(kRemovalsWindow, kRemovalsTrigger));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace parley::storage
