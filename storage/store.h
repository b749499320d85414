#pragma once
// The ordered key-value store under everything durable: an interface, so that RocksDB, memory and
// the simulator's failing disk stand side by side (tests/unit/storage holds them to one contract).
//
// Writes are batches: all or nothing, in the order in which write() was called. Sync::yes returns
// after the disk has the batch and all before it. One thread writes (the log writer), but for what is the node's own
// and waits for nobody (its identity, its cluster); any thread may read. After a failed write nothing is promised of it
// ("unknown outcome"), and every write fails until recover() succeeded: a failed fsync is never retried blindly.

#include "core/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::storage {

enum class Family : std::uint8_t {
  log,      // shards' log entries and their terms, votes, snapshots
  history,  // publications
  state,    // channel meta, idempotency keys, cursors, applied indices, schema version
};
inline constexpr std::size_t kFamilyCount = 3;

enum class Sync : std::uint8_t { no, yes };

class WriteBatch {
 public:
  enum class Kind : std::uint8_t { put, remove, remove_range };
  struct Operation {
    Kind kind;
    Family family;
    std::string key;
    std::string value;  // put: the value; remove_range: the end, exclusive
  };

  void put(Family family, std::string key, std::string value) {
    operations_.push_back({Kind::put, family, std::move(key), std::move(value)});
  }
  void remove(Family family, std::string key) { operations_.push_back({Kind::remove, family, std::move(key), {}}); }
  // Costs every later iterator: for whole channels and log prefixes, not for single publications.
  void remove_range(Family family, std::string from, std::string to) {
    operations_.push_back({Kind::remove_range, family, std::move(from), std::move(to)});
  }
  void append(WriteBatch&& other);
  void clear() { operations_.clear(); }
  [[nodiscard]] bool empty() const { return operations_.empty(); }
  [[nodiscard]] const std::vector<Operation>& operations() const { return operations_; }

 private:
  std::vector<Operation> operations_;
};

enum class ScanOrder : std::uint8_t { forward, backward };
enum class Visit : std::uint8_t { go_on, stop };
using Visitor = std::function<Visit(std::string_view key, std::string_view value)>;

// One moment of a store, whatever is written to it meanwhile. What was there then and is removed or replaced since
// keeps its space until the view goes: nobody keeps one without a bound on time and number. After recover(), and when
// the store is gone, it either goes on as it was or says `storage_unavailable` for ever, whichever the store can do.
// Thread-safe; owned by whoever asked for it.
class StoreView {
 public:
  virtual ~StoreView() = default;
  virtual Result<std::optional<std::string>> get(Family family, std::string_view key) const = 0;
  // As Store::scan().
  virtual Status scan(Family family, std::string_view from, std::string_view to, ScanOrder order,
                      const Visitor& visit) const = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual Status write(const WriteBatch& batch, Sync sync) = 0;
  virtual Result<std::optional<std::string>> get(Family family, std::string_view key) const = 0;
  // Keys in [from, to), sees one consistent moment. The views live during the visit only.
  virtual Status scan(Family family, std::string_view from, std::string_view to, ScanOrder order,
                      const Visitor& visit) const = 0;
  // As it is now: with all writes that returned, and none that comes.
  virtual Result<std::unique_ptr<StoreView>> view() const = 0;
  // What keys in [from, to) take, about: for progress and plans, not for decisions.
  virtual std::uint64_t approximate_bytes(Family family, std::string_view from, std::string_view to) const = 0;
  // Whether what lies below is still what was opened, for those who have nothing to write. Thread-safe.
  virtual Status check() const { return {}; }
  // After a failed write: closes and reopens what lies below. Fails while the cause lasts.
  virtual Status recover() = 0;
  // From time to time, by any thread: what was removed gives its space back soon, although nothing else is written.
  virtual void tidy() {}
  virtual std::uint64_t size_bytes() const = 0;
};

}  // namespace parley::storage
