#pragma once
// A shard's notices: which wait for which target, which are dead letters, and the bounds of both. The
// rows are in the store; here are their numbers. Numbers rise for ever, also over a restart.
//
// Owned by one shard machine; log thread only. Deterministic, as the machine is.

#include "core/command.h"
#include "storage/pending_writes.h"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace parley::cluster {

class NoticeTable {
 public:
  explicit NoticeTable(ShardId shard) : shard_(shard) {}

  Status load(const storage::Store& store);
  // Stores them in order. Beyond a bound the oldest of the target go: waiting ones become dead letters.
  Result<Effect::Noted> add(std::vector<Notice>&& notices, NoticeBounds bounds, WallTime now,
                            storage::PendingWrites& writes);
  // Numbers that are not there (any more) are passed over: what was asked twice is done once.
  Result<Effect::Noted> settle(const SettleNotices& command, WallTime now, storage::PendingWrites& writes);

  struct Count {
    std::uint64_t waiting = 0;
    std::uint64_t dead = 0;
  };
  [[nodiscard]] Count count(const std::string& target) const;

 private:
  struct Target {
    std::deque<std::uint64_t> waiting;  // sorted
    std::deque<std::uint64_t> dead;     // sorted
  };

  void wait(Notice&& notice, storage::PendingWrites& writes, Effect::Noted& out);
  Status die(std::uint64_t number, std::string why, NoticeBounds bounds, WallTime now, storage::PendingWrites& writes);
  Result<bool> replay(std::uint64_t number, storage::PendingWrites& writes, Effect::Noted& out);

  ShardId shard_;
  std::uint64_t newest_ = 0;
  std::map<std::string, Target, std::less<>> targets_;
};

}  // namespace parley::cluster
