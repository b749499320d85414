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
#include "cluster/peers.h"
#include "cluster/placement/rules.h"
#include "cluster/placement/step.h"
#include "cluster/raft/group_set.h"
#include "cluster/replica_directory.h"
#include "cluster/replicas.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "core/random.h"
#include "core/worker.h"
#include "storage/log_writer.h"

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace parley::cluster {

struct RaftLogConfig {
  std::uint16_t shard_count = 64;
  std::uint64_t bytes_max = 2'097'152;
  NodeId self{};
  std::uint64_t salt = 0;  // random: spreads election timeouts. The same one repeats a run
  // With other nodes. They outlive the log.
  struct Others {
    Peers* peers = nullptr;
    Random* random = nullptr;  // thread-safe
    placement::Rules rules{};
  };
  std::optional<Others> others{};
};

class RaftLog final : public Replicas, private raft::GroupOwner {
 public:
  // All that is given outlives it, but for the random generator of found_all().
  RaftLog(const RaftLogConfig& config, storage::Store& store, storage::LogWriter& writer, const Clock& clock,
          Metrics& metrics, LogOwner& owner);
  ~RaftLog() override;

  // Whether the store has a replica of any shard.
  Result<bool> has_replicas() const;
  // Founds a replica of each shard, with this node as the only voter, each behind the state that is there: `applied` is
  // what the shard's machine has applied. Where there is a log of an earlier release, it goes. One synced write. Before
  // the machines are read for open().
  Status found_all(const std::vector<LogIndex>& applied, Random& random);
  // No: the node has, or had, replicas of its cluster. If there are none they were replaced elsewhere.
  Result<bool> may_found() const;
  // Where a process before was told to give up what it has, and did not come to it. Before the machines are read.
  Status finish_giving_up();
  // Reads each shard's replica. What is alone elects itself, and what it has committed comes to the owner, is written
  // and told, and cut off.
  Status open();

  void propose(ShardId shard, EntryToken token, std::vector<Command> commands, const MachineBounds& bounds,
               storage::Sync sync);
  // Tells the owner on the log thread.
  void refuse(ShardId shard, EntryToken token, std::size_t commands, Error error);
  void end_turn();  // as LogWriter::on_turn_end() says

  // Where there are others: begins to tick; the first call of all that follows.
  void start(Executor& executor);
  void stop();
  [[nodiscard]] ReplicaListener* listener();  // null: there are no others
  void see(placement::Picture picture) override;
  void found() override;
  void give_up() override;
  void pause_moves(bool pause) override;
  bool wait_until_handed_over(milliseconds at_most) override;
  [[nodiscard]] std::optional<std::vector<ShardId>> shards_that_need_this_node() const override;
  [[nodiscard]] std::size_t shards_led() const override { return led_; }
  [[nodiscard]] std::size_t shards_without_leader() const override { return unled_; }

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
    ReplicaDirectory places;
    ReplicaId self;    // of the replica here; 0: there is none
    LogIndex applied;  // of it
  };
  struct Others;

  // ---- of the groups ----
  void apply(ShardId shard, const RaftEntryView& entry, storage::WriteBatch& batch) override;
  void restore(ShardId shard, const RaftSnapshot& snapshot, storage::WriteBatch& batch) override;
  Result<std::string> snapshot(ShardId shard, ReplicaId to) override;
  void on_membership(ShardId shard, LogIndex index, const RaftMembership& members, const raft::Change* change,
                     storage::WriteBatch& batch) override;
  void on_role(ShardId shard, raft::Role role, Term term, ReplicaId leader) override;
  void on_read(ShardId shard, const raft::ReadDone& done) override;
  void send(ShardId shard, RaftMessage message) override;
  void on_broken(ShardId shard, const Error& error) override;

  Status open_one(ShardId shard);
  bool is_due(ShardId shard, LogIndex index, storage::WriteBatch& batch);
  Status read_places(ShardId shard);
  void wake();
  void take_turns();
  bool finish(raft::GroupSet::Turn turn);
  Status write_results(storage::WriteBatch& batch);
  void on_written(std::uint64_t life, std::uint64_t turn, bool restored, const Status& status);
  void feed();
  void lose_waiting(const Error& error);
  void lose_pending(ShardId shard, const Error& error);
  void fail(const Error& error);
  void tell_leads();
  void count_log(const raft::GroupSet::Turn& turn);
  [[nodiscard]] std::optional<ShardLeader> leader_of(ShardId shard) const;

  // ---- raft_log_others.cpp ----
  void take_in();
  void take_messages(const NodeAddress& from, std::vector<RaftToShard>& messages);
  void take_message(const NodeAddress& from, ShardId shard, RaftMessage& message);
  void take_news(const NodeAddress& from, const ReplicaNews& news);
  void take_part(const SnapshotPart& part);
  void take_link(const NodeAddress& peer, bool up);
  void take_orders();
  void take_restored(ShardId shard);  // a state that may be all here
  bool write_now(const storage::WriteBatch& batch, storage::Sync sync);
  void make_replica(const ReplicaOnNode& wanted);
  void erase_replica(ShardId shard);
  void run_tick();
  void repeat_leads();
  [[nodiscard]] ShardLed led_news(ShardId shard, NodeId to) const;
  [[nodiscard]] placement::ShardView view_of(ShardId shard, raft::Group& group, MonoTime now);
  void note_needs(MonoTime now);
  void note_handed_over();
  void run_copies();
  void plan();
  void count_shards(const std::vector<placement::ShardView>& led);
  void count_leaders();
  void carry_out(ShardId shard, const placement::Step& step);
  void send_out();

  const RaftLogConfig config_;
  const std::uint16_t shard_count_;
  storage::Store& store_;
  storage::LogWriter& writer_;
  const Clock& clock_;
  Metrics& metrics_;
  LogOwner& owner_;
  std::atomic<std::size_t> led_{0};
  std::atomic<std::size_t> unled_{0};  // whose leader is not known here

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
  std::optional<Error> failure_;    // of this turn
  std::vector<ShardId> leads_;      // won, and not told yet
  std::unique_ptr<Others> others_;  // null: none
};

}  // namespace parley::cluster
