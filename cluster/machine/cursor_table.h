#pragma once
// What confirmed positions weigh in a shard, in all and of each origin, and which of them go when a bound is reached.
// The positions themselves lie in the store: here are only the sums, made anew at each start.
//
// Owned by one shard machine; log thread only. Deterministic, as the machine is.

#include "core/command.h"
#include "storage/pending_writes.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::cluster {

struct StoredCursor {
  std::string key;
  WallTime time;  // when it was saved
  Origin origin;
  std::uint64_t bytes = 0;  // of its key and its value
};

enum class CursorsBy : std::uint8_t { number, bytes };
// Takes out of `cursors` those that have to go so that there are no more than `max`: of the origin that has most, the
// oldest first. So one origin cannot push out others, whatever it invents.
std::vector<StoredCursor> surplus(std::vector<StoredCursor>& cursors, std::uint64_t max, CursorsBy by);

class CursorTable {
 public:
  explicit CursorTable(ShardId shard) : shard_(shard) {}

  Status load(const storage::Store& store);
  void add(Origin origin, std::uint64_t bytes);
  void remove(Origin origin, std::uint64_t bytes);

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // Positions that went before their time since the last call.
  std::uint64_t take_forgotten() { return std::exchange(forgotten_, 0); }
  void count_forgotten(std::uint64_t count) { forgotten_ += count; }

  [[nodiscard]] bool over(const CursorBounds& bounds, Origin origin) const;
  // What has to go so that the bounds hold for a while: an eighth of them is free afterwards.
  Result<std::vector<StoredCursor>> over_bounds(const CursorBounds& bounds, const storage::PendingWrites& writes) const;

 private:
  ShardId shard_;
  std::uint64_t bytes_ = 0;
  std::map<Origin, std::uint64_t> of_origin_;
  std::uint64_t forgotten_ = 0;
};

std::uint64_t bytes_of_cursor(std::string_view key, std::string_view value);

}  // namespace parley::cluster
