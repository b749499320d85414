#pragma once
// Which idempotency keys and request signatures a shard has seen, and what they led to.
//
// Bounded in time and number; the oldest are forgotten first. Each is in the store too, numbered in
// the order in which it came, so that a restart or another replica knows the same ones. A key counts
// for the window; a signature for twice the window, because a request may be stamped a whole window
// ahead of its arrival and be captured. Where its command says so, it may come again for a few seconds after
// it was first seen: that does not count as seen anew. Owned by one shard machine; log thread only.

#include "core/clock.h"
#include "schemas/codec.h"
#include "storage/pending_writes.h"

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

namespace parley::cluster {

class RememberedTable {
 public:
  RememberedTable(ShardId shard, seconds window, std::size_t entries_max)
      : shard_(shard), window_(window), entries_max_(entries_max) {}

  Status load(const storage::Store& store);
  // From here on, until told otherwise: each log entry says it.
  void bound(seconds window, std::size_t entries_max) {
    window_ = window;
    entries_max_ = entries_max;
  }
  // `scope`: whose key it is (core/command.h).
  [[nodiscard]] std::optional<Position> find_key(const ChannelKey& channel, const std::string& scope,
                                                 const std::string& key, WallTime now) const;
  enum class Once : std::uint8_t {
    unknown,
    again,     // seen so lately that it passes
    replayed,  // seen longer ago
  };
  [[nodiscard]] Once judge_once(const ChannelKey& channel, const std::string& once, milliseconds repeat,
                                WallTime now) const;
  // Also forgets some that are too old or too many.
  void add(schemas::Remembered entry, storage::PendingWrites& writes);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  using Index = std::unordered_map<std::string, std::uint64_t>;  // only looked up, never walked

  [[nodiscard]] const schemas::Remembered* find(const Index& index, const std::string& id) const;
  [[nodiscard]] bool over(const schemas::Remembered& entry, WallTime now) const;
  void index(const schemas::Remembered& entry, std::uint64_t number);
  void forget_front(storage::PendingWrites& writes);

  ShardId shard_;
  seconds window_;
  std::size_t entries_max_;
  std::deque<schemas::Remembered> entries_;
  std::uint64_t first_number_ = 1;  // of entries_.front()
  Index by_key_;
  Index by_once_;
};

}  // namespace parley::cluster
