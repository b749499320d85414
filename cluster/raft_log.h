#pragma once
// The shards' logs: on each of them a replica of a group of the consensus core (cluster/raft), all of them on the log
// thread. A node that is alone is the only voter of each group, and there is no other log.
//
// propose() is thread-safe; everything else runs on the log thread, or before it does. Owned by whoever has the shards'
// machines (log_owner.h).
//
// At the end of each of the log writer's turns: what is committed is applied, its results are written without a sync
// and told; then what was proposed since is fed to the groups, and what they have to write goes to the writer as one
// job, which costs one fsync. Results so never wait for the fsync of later entries. The store keeps its batches in
// order and each of them whole, so whatever a crash leaves has either an entry or what it led to.
//
// After a failed write nothing is known of what waits for it: all of it is lost, the groups are let go of, and open()
// reads them anew when the store is back.

#include "cluster/log_owner.h"
#include "cluster/raft/group_set.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "core/random.h"
#include "storage/log_writer.h"

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace parley::cluster {

class RaftLog final : private raft::GroupOwner {
 public:
  // All that is given outlives it, but for `random`.
  RaftLog(std::uint16_t shard_count, std::uint64_t bytes_max, std::uint64_t salt, storage::Store& store,
          storage::LogWriter& writer, const Clock& clock, const Metrics& metrics, LogOwner& owner);
  ~RaftLog() override;

  // Founds the replicas that the store does not have, with this node as the only voter, each behind the state that is
  // there: `applied` is what the shard's machine has applied. Where there is a log of an earlier release, it goes.
  // Synced. Before the machines are read for open().
  Status found(const std::vector<LogIndex>& applied, Random& random);
  // Reads each shard's replica. What is alone elects itself, and what it has committed comes to the owner, is written
  // and told, and cut off.
  Status open();

  void propose(ShardId shard, EntryToken token, std::vector<Command> commands, const MachineBounds& bounds,
               storage::Sync sync);
  // Tells the owner on the log thread.
  void refuse(ShardId shard, EntryToken token, std::size_t commands, Error error);
  void end_turn();  // as LogWriter::on_turn_end() says
  // Whether this node is the shard's only replica.
  [[nodiscard]] bool alone(ShardId shard) const { return set_ && set_->alone(shard); }

 private:
  struct Proposal {
    ShardId shard;
    EntryToken token;
    std::vector<Command> commands;
    MachineBounds bounds;
    storage::Sync sync;
    std::string payload;
  };
  struct Pending {
    raft::Proposed name;
    EntryToken token;
    std::size_t count;  // of the commands, also when they are handed on
    std::vector<Command> commands;
    MachineBounds bounds;
  };
  struct Shard {
    std::deque<Pending> pending;  // by index
    raft::Role role = raft::Role::follower;
    Term term;
    Term led;  // told as led in this term
  };

  // ---- of the groups ----
  void apply(ShardId shard, const RaftEntryView& entry, storage::WriteBatch& batch) override;
  void restore(ShardId shard, const RaftSnapshot& snapshot, storage::WriteBatch& batch) override;
  Result<std::string> snapshot(ShardId shard, ReplicaId to) override;
  void on_membership(ShardId shard, LogIndex index, const RaftMembership& members) override;
  void on_role(ShardId shard, raft::Role role, Term term, ReplicaId leader) override;
  void on_read(ShardId shard, const raft::ReadDone& done) override;
  void send(ShardId shard, RaftMessage message) override;
  void on_broken(ShardId shard, const Error& error) override;

  void take_turns();
  bool finish(raft::GroupSet::Turn turn);
  Status write_results(storage::WriteBatch& batch);
  void on_written(std::uint64_t life, std::uint64_t turn, const Status& status);
  void feed();
  void lose_waiting(const Error& error);
  void lose_pending(ShardId shard, const Error& error);
  void fail(const Error& error);
  void tell_leads();
  void count_log(const raft::GroupSet::Turn& turn);

  const std::uint16_t shard_count_;
  const std::uint64_t bytes_max_;
  const std::uint64_t salt_;
  storage::Store& store_;
  storage::LogWriter& writer_;
  const Clock& clock_;
  const Metrics& metrics_;
  LogOwner& owner_;

  Mutex mutex_;  // taken before the log writer's
  std::vector<Proposal> waiting_ PARLEY_GUARDED_BY(mutex_);
  bool woken_ PARLEY_GUARDED_BY(mutex_) = false;  // the log thread knows that somebody waits

  // Log thread.
  std::vector<Shard> shards_;
  std::unique_ptr<raft::GroupStore> groups_;
  std::unique_ptr<raft::GroupSet> set_;  // null: not opened, or a write failed
  std::uint64_t life_ = 0;               // of set_
  std::size_t in_flight_ = 0;            // jobs of this life
  std::size_t fed_commands_ = 0;         // since the last job
  storage::Sync fed_sync_ = storage::Sync::no;
  bool results_due_ = false;
  bool restoring_ = false;  // nothing may overtake the snapshot that is written
  bool opening_ = false;
  std::optional<Error> failure_;  // of this turn
  std::vector<ShardId> leads_;    // won, and not told yet
};

}  // namespace parley::cluster
