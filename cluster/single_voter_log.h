#pragma once
// The shards' logs where this node is the only voter: an entry is committed when the log writer has it.
//
// Each opening begins a new term, as an election would. propose() is thread-safe; everything else
// runs before the log writer starts or on its thread. Owned by LocalShards.
//
// An entry is needed until its results are in the store. The store keeps its batches in order and each of
// them whole, so an entry can go in the batch that brings its results: whatever a crash leaves has either the
// entry or what it led to. All shards' entries together are cut at a bound in bytes, all that are applied at
// once, so that cutting is rare.

#include "cluster/replicated_log.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "storage/log_writer.h"

#include <functional>
#include <memory>

namespace parley::cluster {

class SingleVoterLog final : public ReplicatedLog {
 public:
  SingleVoterLog(std::uint16_t shard_count, std::uint64_t bytes_max, storage::Store& store, storage::LogWriter& writer,
                 const Clock& clock, const Metrics& metrics, CommitListener& listener);

  // Reads where each shard's log ends and begins a new term for all of them, synced. At the start
  // and after a recovery of the store.
  Status open();
  // The stored entries after `applied`, in order. A damaged one ends it with an error.
  using Replay = std::function<Status(CommittedEntry entry)>;
  Status replay(ShardId shard, LogIndex applied, const Replay& visit) const;

  void propose(ShardId shard, EntryToken token, std::vector<Command> commands, const MachineBounds& bounds,
               storage::Sync sync) override;
  // That open() began.
  [[nodiscard]] Term term(ShardId shard) const;
  void applied(ShardId shard, LogIndex index) override;
  void cut(storage::WriteBatch& batch) override;
  // What a start or a recovery found and applied, whatever its size.
  void cut_found(storage::WriteBatch& batch);
  // Tells the listener on the log thread.
  void refuse(ShardId shard, EntryToken token, std::size_t commands, Error error);

 private:
  struct Shard {
    mutable Mutex mutex;  // taken before the log writer's
    Term term PARLEY_GUARDED_BY(mutex);
    LogIndex last PARLEY_GUARDED_BY(mutex);
    // The log thread's own.
    LogIndex cut;  // entries up to here are gone
    Term cut_term;
    LogIndex found;    // last of those before the present term
    LogIndex applied;  // as far as the results are stored
  };

  Status read(ShardId id, Shard& shard) const PARLEY_REQUIRES(shard.mutex);
  static Term present_term(Shard& shard);
  Result<Term> term_at(ShardId id, LogIndex index) const;

  void cut_shard(ShardId id, Shard& shard, Term cut_term, storage::WriteBatch& batch);

  std::uint64_t bytes_max_;
  storage::Store& store_;
  storage::LogWriter& writer_;
  const Clock& clock_;
  const Metrics& metrics_;
  CommitListener& listener_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::uint64_t bytes_ = 0;  // log thread: of the entries committed since the last cut
};

}  // namespace parley::cluster
