#pragma once
// What the shards' logs (raft_log.h) say to whoever has the shards' machines. On the log thread, or before it runs.
//
// A turn of the log thread: what was committed comes entry by entry, its results go into one batch, that is written,
// and then the owner may tell them. Or some of it fails: then nothing of the turn may be told, and the owner reads its
// machines anew.

#include "core/address.h"
#include "core/command.h"
#include "core/ids.h"
#include "core/result.h"
#include "storage/store.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace parley::cluster {

using EntryToken = std::uint64_t;

struct CommittedEntry {
  ShardId shard;
  LogIndex index;
  EntryToken token = 0;           // the proposer's; 0 when replayed, or when another node proposed it
  std::vector<Command> commands;  // none: the first entry of a term, or a change of the shard's replicas
  MachineBounds bounds{};         // of the node that proposed it
  bool proposed_here = false;     // by this process, in the present term: else nobody here counts or waits for it
};

// Who leads a shard, and in which term: the same node in another term is another leader, which knows nobody who is
// here.
struct ShardLeader {
  ShardLeader(NodeId node_in, Term term_in = {}) : node(node_in), term(term_in) {}
  NodeId node;
  Term term;
  auto operator<=>(const ShardLeader&) const = default;
};

class LogOwner {
 public:
  virtual ~LogOwner() = default;
  // Of each shard in order, each once.
  virtual Status on_committed(CommittedEntry entry) = 0;
  // It was refused, or its outcome is unknown.
  virtual void on_lost(ShardId shard, EntryToken token, std::size_t commands, const Error& error) = 0;
  // The results of what was committed since the last call, and whether they must be synced.
  virtual storage::Sync take_results(storage::WriteBatch& batch) = 0;
  virtual void on_results_written() = 0;
  // The results were not written, or may not have been, and no more comes before the log is opened again.
  virtual void on_results_lost(const Error& error) = 0;
  // The shard's state in the store is another one: of a snapshot, or of a replica that has just been made, or none.
  // `applied`: of which index it is, where the store does not say so yet.
  virtual Status on_state_replaced(ShardId shard, std::optional<LogIndex> applied) = 0;
  // This node leads the shard in that term: all of earlier terms was committed, and its results are told.
  virtual void on_leading(ShardId shard, Term term) = 0;
  // It does not; `leader` does, as far as is known. What was proposed and not told is lost by then.
  virtual void on_following(ShardId shard, std::optional<ShardLeader> leader) = 0;
};

}  // namespace parley::cluster
