#pragma once
// The log that releases before 0.3 kept of each shard, where a node was alone by construction. It is read once: what is
// not applied is applied, then the shard's replica is founded behind it and the log goes. On the log thread, or before
// it runs. Stateless but for the store.

#include "core/command.h"
#include "core/ids.h"
#include "core/result.h"
#include "storage/store.h"

#include <functional>
#include <optional>
#include <vector>

namespace parley::cluster {

struct FormerLog {
  Term term;        // of its last opening
  LogIndex begins;  // entries up to here are gone
  LogIndex last;
};

// None: the shard has no such log.
Result<std::optional<FormerLog>> find_former_log(const storage::Store& store, ShardId shard);

struct FormerEntry {
  LogIndex index;
  std::vector<Command> commands;
  MachineBounds bounds;
};
// Entries after `applied`, in order. A damaged one ends it with an error, and so does a state that is ahead of the log.
Status replay_former_log(const storage::Store& store, ShardId shard, const FormerLog& log, LogIndex applied,
                         const std::function<Status(FormerEntry entry)>& visit);
void remove_former_log(ShardId shard, storage::WriteBatch& batch);

}  // namespace parley::cluster
