#pragma once
// The Store on disk: one RocksDB with a column family for each Family.
//
// open() says in a sentence what is wrong with a directory that cannot be used. The schema version
// lies in the `state` family; an older one is migrated at open, a newer one is refused untouched.
// Any thread may read; one thread writes and recovers (the log writer). RocksDB stays in the .cpp.

#include "storage/store.h"

#include <functional>
#include <memory>
#include <string>

namespace parley::storage {

// 2: the shards' logs are replicas' (cluster/raft). What a release with 1 left there is taken over when the shards
// start.
inline constexpr std::uint64_t kSchemaVersion = 2;

// What turns a store of version `from` into `from + 1`; called inside open(), once for each step.
// Its batch is written together with the new version number.
using Migration = std::function<Status(const Store& store, std::uint64_t from, WriteBatch& batch)>;

struct RocksOptions {
  std::size_t cache_bytes = 64 * 1024 * 1024;
  std::uint64_t schema_version = kSchemaVersion;
  bool migrate = true;  // no: an older store is refused, with the remedy
  Migration migration;  // absent: there is nothing to migrate from
};

class RocksStore final : public Store {
 public:
  static Result<std::unique_ptr<RocksStore>> open(const std::string& path, RocksOptions options = {});
  ~RocksStore() override;

  Status write(const WriteBatch& batch, Sync sync) override;
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  Status scan(Family family, std::string_view from, std::string_view to, ScanOrder order,
              const Visitor& visit) const override;
  // RocksDB cannot close under a snapshot, so recover() and the destructor end all views: from then on they say
  // `storage_unavailable`. They may outlive the store.
  Result<std::unique_ptr<StoreView>> view() const override;
  std::uint64_t approximate_bytes(Family family, std::string_view from, std::string_view to) const override;
  // No: the directory was deleted, emptied or replaced. Then nothing is written, and recover() does not begin anew in
  // its place: what is there is not what was acknowledged.
  Status check() const override;
  Status recover() override;
  void tidy() override;
  std::uint64_t size_bytes() const override;

 private:
  struct Impl;
  class View;
  explicit RocksStore(std::shared_ptr<Impl> impl);
  Status check_schema();
  std::shared_ptr<Impl> impl_;  // with its views, for which nothing is open any more when the store is gone
};

}  // namespace parley::storage
