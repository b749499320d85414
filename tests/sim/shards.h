#pragma once
// The log thread and the reader thread of one node, played in virtual time: what LocalShards,
// SingleVoterLog, LogWriter and ReadQueue do, with the same keys and bytes, and the real ShardMachine
// and HistoryReader. Only the threads and their waiting are ours.

#include "cluster/machine/shard_machine.h"
#include "cluster/reads/history_reader.h"
#include "cluster/shard.h"
#include "tests/sim/disk.h"

#include <functional>
#include <memory>
#include <vector>

namespace parley::sim {

class Shards {
 public:
  // `owner` lives as long as the node's process.
  Shards(Scheduler& scheduler, const Plan& plan, Disk& disk, cluster::ShardListener& listener, Scheduler::Owner owner);

  Status start();
  void propose(ShardId shard, cluster::EntryToken entry, std::vector<Command> commands, storage::Sync sync);
  void open_channel(const ChannelKey& channel, std::function<void(Result<cluster::ChannelState>)> done);
  void read_history(GetHistory query, std::function<void(Result<HistoryPage>)> done);
  void read_cursor(const ChannelKey& channel, const std::string& client_id,
                   std::function<void(Result<CursorFound>)> done);
  [[nodiscard]] std::uint16_t count() const { return plan_.shards; }

 private:
  struct Job {
    ShardId shard;
    LogIndex index;  // 0: refused, nothing to write
    cluster::EntryToken token = 0;
    std::vector<Command> commands;
    storage::WriteBatch batch;
    storage::Sync sync = storage::Sync::yes;
    Error refusal;
  };
  struct Log {
    Term term;
    LogIndex last;
    LogIndex cut;
    Term cut_term;
    LogIndex applied;
  };
  struct Told {
    ShardId shard;
    LogIndex index;
    cluster::EntryToken token;
    std::vector<Effect> effects;
  };

  // The log.
  Status open_log();
  Status replay(ShardId shard, LogIndex applied);
  void cut_logs(storage::WriteBatch& batch);
  // The log thread.
  void turn();
  void turn_done(std::vector<Job> jobs, const storage::WriteBatch& batch, storage::Sync sync);
  void committed(Job& job);
  void lost(ShardId shard, cluster::EntryToken token, const Error& error);
  Status apply(ShardId shard, LogIndex index, cluster::EntryToken token, std::vector<Command> commands);
  Status write_results();
  void tell();
  void lose_results(const Error& error);
  void keep_unknown();
  void tell_unknown(ShardId shard, LogIndex applied);
  void fail(const Error& error);
  void try_recovery(milliseconds pause);
  void refuse_waiting();
  Status load(bool tell_effects);
  Status begin_lineage();
  void sweep();

  Scheduler& scheduler_;
  const Plan& plan_;
  Disk& disk_;
  cluster::ShardListener& listener_;
  Scheduler::Owner owner_;
  cluster::HistoryReader reader_;
  Lane reads_;
  Lane sweeps_;

  std::vector<Log> logs_;
  std::uint64_t log_bytes_ = 0;
  std::vector<cluster::ShardMachine> machines_;
  std::vector<bool> touched_;
  std::vector<Told> told_;
  std::vector<Told> unknown_;
  std::vector<Job> queue_;
  bool writing_ = false;
  bool up_ = true;
  bool broken_ = false;
  std::optional<Error> failure_;
};

// What the simulated node keeps and forgets; small, so that the bounds are met.
inline constexpr seconds kCursorLifetime{86'400};

}  // namespace parley::sim
