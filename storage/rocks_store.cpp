#include "storage/rocks_store.h"

#include "core/mutex.h"
#include "storage/data_directory.h"
#include "storage/keys.h"
#include "storage/removed_ranges.h"
#include "storage/rocks_options.h"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/experimental.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <set>

namespace parley::storage {
namespace {

constexpr std::array<const char*, kFamilyCount> kFamilyNames{"log", "history", "state"};

// Debian's RocksDB is built with assertions, and one of them dislikes null.
rocksdb::Slice slice(std::string_view text) {
  return text.empty() ? rocksdb::Slice() : rocksdb::Slice(text.data(), text.size());
}
std::string_view view(const rocksdb::Slice& from) { return {from.data(), from.size()}; }

Error store_error(const rocksdb::Status& status) {
  return make_error(status.IsCorruption() ? Errc::corrupt : Errc::storage_unavailable, "store: " + status.ToString());
}

// RocksDB keeps range tombstones in a second skip list but looks up WithoutNumber's hints in the same
// map: a tombstone that begins at a key with a hint would be put where the hint points, into the wrong
// list. So the first key goes by itself, and the range begins at the next key that can exist, whose
// prefix no record has.
rocksdb::Status remove_range(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family,
                             const WriteBatch::Operation& range) {
  if (range.key >= range.value) return {};
  auto status = batch.Delete(family, range.key);
  if (!status.ok()) return status;
  const auto next = range.key + '\0';
  return next < range.value ? batch.DeleteRange(family, next, range.value) : status;
}

Error open_error(const std::string& path, const rocksdb::Status& status) {
  const auto text = status.ToString();
  if (text.find("lock") != std::string::npos && status.IsIOError()) {
    if (text.find("Permission denied") == std::string::npos) {
      return make_error(Errc::io, fmt::format("data directory {} is in use by another process ({})", path, text));
    }
  }
  if (status.IsCorruption()) {
    return make_error(Errc::corrupt, fmt::format("data directory {} is damaged: {}", path, text));
  }
  if (status.IsInvalidArgument() && text.find("olumn famil") != std::string::npos) {
    return make_error(Errc::newer_schema,
                      fmt::format("data directory {} holds what this release does not know: {}", path, text));
  }
  return make_error(Errc::io, fmt::format("data directory {} cannot be opened: {}", path, text));
}

}  // namespace

struct RocksStore::Impl {
  std::string path;
  std::optional<DirectoryPlace> place;  // what was opened; set once
  RocksOptions options;
  std::shared_ptr<rocksdb::Cache> cache;

  // Readers and the writer share it; recover() alone has it to itself. Nothing but the leaves below is taken under it.
  mutable SharedMutex mutex;
  std::unique_ptr<rocksdb::DB> db PARLEY_GUARDED_BY(mutex);
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> families PARLEY_GUARDED_BY(mutex){};
  std::atomic<bool> failed{false};  // a write failed: nothing is written until recover()

  // Of the views that live. They are taken and given back under `mutex`, shared; the set has a leaf of its own.
  mutable Mutex views_mutex;
  mutable std::set<const rocksdb::Snapshot*> views PARLEY_GUARDED_BY(views_mutex);
  std::uint64_t openings PARLEY_GUARDED_BY(mutex) = 0;  // a view is of one of them

  RemovedRanges removed;  // has a lock of its own

  ~Impl() { close(); }

  Status open() PARLEY_REQUIRES(mutex) {
    rocksdb::DB* opened = nullptr;
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    // RocksDB insists on its default family; it stays empty.
    descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());
    for (std::size_t i = 0; i < kFamilyCount; ++i) {
      descriptors.emplace_back(kFamilyNames[i], family_options(static_cast<Family>(i), cache));
    }
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    const auto status = rocksdb::DB::Open(db_options(), path, descriptors, &handles, &opened);
    if (!status.ok()) return open_error(path, status);
    db.reset(opened);
    db->DestroyColumnFamilyHandle(handles[0]);
    for (std::size_t i = 0; i < kFamilyCount; ++i) families[i] = handles[i + 1];
    ++openings;
    return {};
  }

  // Open files outlive their directory: without this, what nobody can ever read again would be acknowledged.
  [[nodiscard]] Status check() const {
    if (place && place_of(path) == place && place_of(path + "/CURRENT")) return {};
    return make_error(Errc::storage_unavailable,
                      fmt::format("data directory {} was deleted, emptied or replaced while the server ran: nothing is "
                                  "stored any more. Put it back, or restore a backup and start again",
                                  path));
  }

  void close() PARLEY_REQUIRES(mutex) {
    if (db == nullptr) return;
    {
      // Close() refuses to work while there is one, and whoever still held it would read freed memory.
      const MutexLock lock(views_mutex);
      for (const auto* snapshot : views) db->ReleaseSnapshot(snapshot);
      views.clear();
    }
    for (auto*& family : families) {
      db->DestroyColumnFamilyHandle(family);
      family = nullptr;
    }
    db->Close();  // a failure leaves what the WAL has; the next open reads it
    db.reset();
  }

  // A removed range's tables go down a level with each round, until what it hides is gone with it. While somebody sees
  // them nothing is gone: the rounds wait.
  void compact_ranges(Family family) PARLEY_REQUIRES_SHARED(mutex) {
    if (const MutexLock lock(views_mutex); !views.empty()) return;
    for (const auto& one : removed.take_due(family)) {
      const rocksdb::Slice from(one.from);
      const rocksdb::Slice to(one.to);
      (void)rocksdb::experimental::SuggestCompactRange(db.get(), handle(family), &from, &to);
    }
  }

  [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(Family family) const PARLEY_REQUIRES_SHARED(mutex) {
    return families[static_cast<std::size_t>(family)];
  }

  // As of `snapshot`, or as it is now where that is null.
  Result<std::optional<std::string>> get(Family family, std::string_view key, const rocksdb::Snapshot* snapshot) const
      PARLEY_REQUIRES_SHARED(mutex) {
    if (db == nullptr) return make_error(Errc::storage_unavailable, "store: it is closed");
    rocksdb::ReadOptions with;
    with.snapshot = snapshot;
    rocksdb::PinnableSlice value;
    const auto status = db->Get(with, handle(family), slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return store_error(status);
    return std::optional(std::string(storage::view(value)));
  }

  Status scan(Family family, std::string_view from, std::string_view to, ScanOrder order, const Visitor& visit,
              const rocksdb::Snapshot* snapshot) const PARLEY_REQUIRES_SHARED(mutex) {
    if (from >= to) return {};
    if (db == nullptr) return make_error(Errc::storage_unavailable, "store: it is closed");
    const auto lower = slice(from);
    const auto upper = slice(to);
    rocksdb::ReadOptions with;
    with.snapshot = snapshot;
    with.iterate_lower_bound = &lower;
    with.iterate_upper_bound = &upper;
    // A crowd that catches up reads each history once, and so does retention what it removes, and who copies a shard
    // all of it: that must not push out what is looked at all the time.
    with.fill_cache = family != Family::history && snapshot == nullptr;
    const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(with, handle(family)));
    if (order == ScanOrder::forward) {
      for (at->Seek(lower); at->Valid(); at->Next()) {
        if (visit(storage::view(at->key()), storage::view(at->value())) == Visit::stop) break;
      }
    } else {
      for (at->SeekToLast(); at->Valid(); at->Prev()) {
        if (visit(storage::view(at->key()), storage::view(at->value())) == Visit::stop) break;
      }
    }
    if (!at->status().ok()) return store_error(at->status());
    return {};
  }
};

class RocksStore::View final : public StoreView {
 public:
  View(std::shared_ptr<Impl> impl, const rocksdb::Snapshot* snapshot, std::uint64_t opening)
      : impl_(std::move(impl)), snapshot_(snapshot), opening_(opening) {}
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View() override {
    const ReadLock lock(impl_->mutex);
    if (!lives()) return;  // close() gave it back
    {
      const MutexLock views(impl_->views_mutex);
      impl_->views.erase(snapshot_);
    }
    impl_->db->ReleaseSnapshot(snapshot_);
  }
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    const ReadLock lock(impl_->mutex);
    if (!lives()) return ended();
    return impl_->get(family, key, snapshot_);
  }
  Status scan(Family family, std::string_view from, std::string_view to, ScanOrder order,
              const Visitor& visit) const override {
    const ReadLock lock(impl_->mutex);
    if (!lives()) return ended();
    return impl_->scan(family, from, to, order, visit, snapshot_);
  }

 private:
  [[nodiscard]] bool lives() const PARLEY_REQUIRES_SHARED(impl_->mutex) {
    return impl_->db != nullptr && impl_->openings == opening_;
  }
  static Error ended() {
    return make_error(Errc::storage_unavailable, "store: it was closed or opened anew since this view was taken");
  }

  const std::shared_ptr<Impl> impl_;
  const rocksdb::Snapshot* const snapshot_;
  const std::uint64_t opening_;
};

RocksStore::RocksStore(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksStore::~RocksStore() {
  const WriteLock lock(impl_->mutex);
  impl_->close();  // whatever its views still hold: the directory can be opened again
}

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::string& path, RocksOptions options) {
  if (const auto ready = prepare_directory(path); !ready) return ready.error();
  auto impl = std::make_shared<Impl>();
  impl->path = path;
  impl->cache = rocksdb::NewLRUCache(options.cache_bytes);
  impl->options = std::move(options);
  {
    const WriteLock lock(impl->mutex);
    if (const auto opened = impl->open(); !opened) return opened.error();
  }
  impl->place = place_of(path);
  std::unique_ptr<RocksStore> store(new RocksStore(std::move(impl)));
  if (const auto known = store->check_schema(); !known) return known.error();
  return store;
}

Status RocksStore::check_schema() {
  const auto& options = impl_->options;
  const auto stored = get(Family::state, keys::schema_version());
  if (!stored) return stored.error();
  if (!stored->has_value()) {
    bool empty = true;
    for (std::size_t i = 0; i < kFamilyCount; ++i) {
      const auto looked = scan(static_cast<Family>(i), {}, "\xff\xff\xff", ScanOrder::forward, [&](auto, auto) {
        empty = false;
        return Visit::stop;
      });
      if (!looked) return looked;
    }
    if (!empty) {
      return make_error(Errc::corrupt, fmt::format("data directory {} holds data but no schema version", impl_->path));
    }
    WriteBatch batch;
    batch.put(Family::state, keys::schema_version(), keys::number(options.schema_version));
    return write(batch, Sync::yes);
  }
  const auto version = keys::parse_number(**stored);
  if (!version || *version == 0) {
    return make_error(Errc::corrupt, fmt::format("data directory {}: its schema version is unreadable", impl_->path));
  }
  if (*version > options.schema_version) {
    return make_error(Errc::newer_schema,
                      fmt::format("data directory {} has schema version {}, this release knows up to {}: run the "
                                  "release that wrote it, or a later one",
                                  impl_->path, *version, options.schema_version));
  }
  for (auto from = *version; from < options.schema_version; ++from) {
    if (!options.migrate || !options.migration) {
      return make_error(Errc::config_invalid,
                        fmt::format("data directory {} has schema version {}, this release needs {} and migration is "
                                    "off: turn it on",
                                    impl_->path, from, options.schema_version));
    }
    WriteBatch batch;
    if (const auto migrated = options.migration(*this, from, batch); !migrated) return migrated;
    batch.put(Family::state, keys::schema_version(), keys::number(from + 1));
    if (const auto written = write(batch, Sync::yes); !written) return written;
  }
  return {};
}

Status RocksStore::write(const WriteBatch& batch, Sync sync) {
  const ReadLock lock(impl_->mutex);
  if (impl_->failed || impl_->db == nullptr) {
    return make_error(Errc::storage_unavailable, "store: an earlier write failed and it was not recovered yet");
  }
  if (sync == Sync::yes) {
    if (auto there = impl_->check(); !there) {
      impl_->failed = true;
      return there;
    }
  }
  std::size_t bytes = 64;
  for (const auto& operation : batch.operations()) bytes += operation.key.size() + operation.value.size() + 16;
  rocksdb::WriteBatch out(bytes);
  rocksdb::Status status;
  for (const auto& operation : batch.operations()) {
    auto* family = impl_->handle(operation.family);
    switch (operation.kind) {
      case WriteBatch::Kind::put:
        status = out.Put(family, operation.key, operation.value);
        break;
      case WriteBatch::Kind::remove:
        status = out.Delete(family, operation.key);
        break;
      case WriteBatch::Kind::remove_range:
        status = remove_range(out, family, operation);
        break;
    }
    if (!status.ok()) break;
  }
  if (status.ok()) {
    rocksdb::WriteOptions options;
    options.sync = sync == Sync::yes;
    status = impl_->db->Write(options, &out);
  }
  if (status.ok()) {
    impl_->removed.note(batch);
    return {};
  }
  impl_->failed = true;
  return make_error(Errc::storage_unavailable, "store: " + status.ToString());
}

void RocksStore::tidy() {
  const ReadLock lock(impl_->mutex);
  if (impl_->failed || impl_->db == nullptr) return;
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    impl_->compact_ranges(family);
    if (!impl_->removed.take_unflushed(family)) continue;
    rocksdb::FlushOptions options;
    options.wait = false;
    options.allow_write_stall = true;                        // else Flush() itself would wait, and readers with it
    (void)impl_->db->Flush(options, impl_->handle(family));  // not now: then with a later one
  }
}

Result<std::optional<std::string>> RocksStore::get(Family family, std::string_view key) const {
  const ReadLock lock(impl_->mutex);
  return impl_->get(family, key, nullptr);
}

Status RocksStore::scan(Family family, std::string_view from, std::string_view to, ScanOrder order,
                        const Visitor& visit) const {
  const ReadLock lock(impl_->mutex);
  return impl_->scan(family, from, to, order, visit, nullptr);
}

Result<std::unique_ptr<StoreView>> RocksStore::view() const {
  const ReadLock lock(impl_->mutex);
  if (impl_->db == nullptr) return make_error(Errc::storage_unavailable, "store: it is closed");
  const auto* snapshot = impl_->db->GetSnapshot();
  if (snapshot == nullptr) return make_error(Errc::storage_unavailable, "store: it gives no view now");
  {
    const MutexLock views(impl_->views_mutex);
    impl_->views.insert(snapshot);
  }
  return std::unique_ptr<StoreView>(std::make_unique<View>(impl_, snapshot, impl_->openings));
}

std::uint64_t RocksStore::approximate_bytes(Family family, std::string_view from, std::string_view to) const {
  const ReadLock lock(impl_->mutex);
  if (impl_->db == nullptr || from >= to) return 0;
  rocksdb::SizeApproximationOptions counted;
  counted.include_memtables = true;
  counted.include_files = true;
  const rocksdb::Range range(slice(from), slice(to));
  std::uint64_t bytes = 0;
  (void)impl_->db->GetApproximateSizes(counted, impl_->handle(family), &range, 1, &bytes);
  return bytes;
}

Status RocksStore::check() const { return impl_->check(); }

Status RocksStore::recover() {
  if (auto there = impl_->check(); !there) return there;
  const WriteLock lock(impl_->mutex);
  impl_->close();
  if (const auto opened = impl_->open(); !opened) return opened;
  // A disk that opens may still refuse to write: ask before saying that it is well.
  rocksdb::WriteOptions options;
  options.sync = true;
  rocksdb::WriteBatch probe;
  const auto key = keys::schema_version();
  rocksdb::Status status = probe.Put(impl_->handle(Family::state), key, keys::number(impl_->options.schema_version));
  if (status.ok()) status = impl_->db->Write(options, &probe);
  if (!status.ok()) return store_error(status);
  impl_->failed = false;
  return {};
}

std::uint64_t RocksStore::size_bytes() const {
  const ReadLock lock(impl_->mutex);
  if (impl_->db == nullptr) return 0;
  std::uint64_t total = 0;
  for (auto* family : impl_->families) {
    std::uint64_t bytes = 0;
    for (const auto* property : {"rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables"}) {
      if (impl_->db->GetIntProperty(family, property, &bytes)) total += bytes;
    }
  }
  return total;
}

}  // namespace parley::storage
