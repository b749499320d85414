#pragma once
// The seam between a shard's machine and whatever makes its log durable. Today SingleVoterLog, where
// this node's disk is the majority; a Raft group stands behind it later. Neither the machine nor the
// effects know which.
//
// Entries are proposed from any thread and come back on the log thread: committed, in index order
// for each shard, or lost (refused, or of unknown outcome).

#include "core/command.h"
#include "core/ids.h"
#include "core/result.h"
#include "storage/store.h"

#include <cstdint>
#include <vector>

namespace parley::cluster {

using EntryToken = std::uint64_t;

struct CommittedEntry {
  ShardId shard;
  LogIndex index;
  EntryToken token = 0;  // the proposer's; 0 when replayed, or when another node proposed it
  std::vector<Command> commands;
  MachineBounds bounds{};      // of the node that proposed it
  bool proposed_here = false;  // by this process, in the present term: else nobody here counts or waits for it
};

class CommitListener {
 public:
  virtual ~CommitListener() = default;
  virtual void on_committed(CommittedEntry entry) = 0;
  virtual void on_lost(ShardId shard, EntryToken token, std::size_t commands, const Error& error) = 0;
};

class ReplicatedLog {
 public:
  virtual ~ReplicatedLog() = default;
  virtual void propose(ShardId shard, EntryToken token, std::vector<Command> commands, const MachineBounds& bounds,
                       storage::Sync sync) = 0;
  // The results up to `index` are in the store, or in the batch that cut() is asked with next.
  virtual void applied(ShardId shard, LogIndex index) = 0;
  // Where the logs are at their bound: what was applied is dropped, in the same batch as its results or a later one.
  virtual void cut(storage::WriteBatch& batch) = 0;
};

}  // namespace parley::cluster
