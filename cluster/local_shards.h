#pragma once
// What a node has of all shards: proposes to their logs, applies what is committed, tells the listener, answers reads
// from its own store, and lets retention run on channels where nothing is published any more. Where the node is alone
// it has all of each shard, and leads it.
//
// Threads: the log writer's (commits, applying, telling) and one reader. What the log thread owns and
// what the reader owns is marked below; the shards' pending counters are atomics.

#include "cluster/machine/shard_machine.h"
#include "cluster/raft_log.h"
#include "cluster/reads/history_reader.h"
#include "cluster/reads/people_reader.h"
#include "cluster/reads/read_queue.h"
#include "cluster/shard.h"
#include "core/mutex.h"

#include <atomic>
#include <memory>
#include <vector>

namespace parley::cluster {

class LocalShards final : public Shards, private LogOwner {
 public:
  LocalShards(storage::Store& store, const Clock& clock, Metrics& metrics, LocalShardsConfig config,
              ShardListener& listener);
  ~LocalShards() override;
  Status start();  // once, before anything else

  [[nodiscard]] std::uint16_t count() const override { return config_.shard_count; }
  void begin_leading() override;
  void propose(ShardId shard, EntryToken entry, std::vector<Command> commands, storage::Sync sync) override;
  void open_channel(ChannelKey channel, std::function<void(Result<ChannelState>)> done) override;
  void read_history(GetHistory query, std::function<void(Result<HistoryPage>)> done) override;
  void read_cursor(ChannelKey channel, std::string client_id, std::function<void(Result<CursorFound>)> done) override;
  void read_users(std::vector<UserKey> users, std::function<void(Result<std::vector<UserAbout>>)> done) override;
  void list_users(ListUsers query, std::function<void(Result<UserPage>)> done) override;
  void list_domain(ListDomain query, std::function<void(Result<UserPage>)> done) override;
  void read_notices(std::vector<NoticeRef> refs,
                    std::function<void(Result<std::vector<std::pair<NoticeRef, Notice>>>)> done) override;
  void read_dead(std::string target, NoticeRef after, std::size_t limit,
                 std::function<void(Result<std::vector<StoredDead>>)> done) override;
  Result<Unfinished> unfinished(ShardId shard) const override;
  void read_unfinished(ShardId shard, std::function<void(Result<Unfinished>)> done) override;
  [[nodiscard]] bool available() const override { return writer_.available(); }
  void limit_pending(std::size_t commands_max) override { pending_commands_max_ = commands_max; }
  void end_in_order() override { in_order_ = true; }

  Replicas* replicas() override { return config_.peers == nullptr ? nullptr : &log_; }
  ReplicaListener* replica_listener() override { return log_.listener(); }

  // Looks at every channel of every shard now, on the reader thread; `done` runs when the trims that
  // are due have been proposed. The reader does the same by itself, a shard at a time.
  void sweep(std::function<void()> done);

 private:
  struct Shard {
    explicit Shard(ShardMachine made) : machine(std::move(made)) {}

    ShardMachine machine;
    bool touched = false;  // log thread: has results that are not written
    // Log thread: as the gauges say.
    std::size_t kept_sessions = 0;
    std::uint64_t kept_session_bytes = 0;
    std::uint64_t cursor_bytes = 0;
    std::atomic<std::size_t> pending{0};  // commands proposed and not told
  };
  struct Told {
    ShardId shard;
    LogIndex index;
    EntryToken token;
    std::vector<Effect> effects;
    bool proposed_here;
  };

  Status on_committed(CommittedEntry entry) override;
  void on_lost(ShardId shard, EntryToken token, std::size_t commands, const Error& error) override;
  storage::Sync take_results(storage::WriteBatch& batch) override;
  void on_results_written() override;
  void on_results_lost(const Error& error) override;
  Status on_state_replaced(ShardId shard, std::optional<LogIndex> applied) override;
  void on_leading(ShardId shard, Term term) override;
  void on_following(ShardId shard, std::optional<ShardLeader> leader) override;

  Status check_shard_count();
  // Whether what the process before told without a sync may be lost; from here on it is this one's turn.
  Result<bool> tail_may_be_lost();
  Status load(bool tell, bool tail_lost);
  // Where a release before kept another log: what it has that is not applied is applied.
  Status apply_former_logs();
  Status begin_lineage();
  Status begin_life();
  void tell();
  void recover();
  void keep_unknown();
  void tell_unknown(ShardId shard, LogIndex applied);
  void propose_checked(ShardId shard, EntryToken entry, std::vector<Command> commands, storage::Sync sync);
  [[nodiscard]] bool leads(ShardId shard);
  void sweep_shard(ShardId shard);
  Status sessions_due(ShardId shard, WallTime now, std::vector<Command>& due) const;
  void continue_trims(const Told& told);
  void stamp_alive();
  Status begin_writing();
  void count_kept(Shard& shard);
  template <class Value, class Read>
  void read(std::function<void(Result<Value>)> done, Read run);

  storage::Store& store_;
  const Clock& clock_;
  Metrics& metrics_;
  LocalShardsConfig config_;
  OsRandom own_random_;
  const MachineBounds bounds_;  // goes with each entry that is proposed here
  std::atomic<std::size_t> pending_commands_max_;
  ShardListener& listener_;
  HistoryReader reader_;
  PeopleReader people_;
  WallTime alive_before_;  // the last stamp of the process before; 0: there was none

  // Log thread.
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<ShardId> touched_;
  std::vector<Told> told_;
  std::vector<Told> unknown_;  // applied, but the write of their results failed
  std::size_t told_commands_ = 0;
  std::size_t kept_sessions_ = 0;
  std::uint64_t kept_session_bytes_ = 0;
  std::uint64_t cursor_bytes_ = 0;
  std::uint64_t trimmed_ = 0;
  bool tells_ = false;  // effects go to the listener
  MonoTime results_begun_{};
  std::atomic<bool> in_order_{false};

  Mutex leads_mutex_;                                        // around what the listener is told of leading
  bool leading_ PARLEY_GUARDED_BY(leads_mutex_) = false;     // begin_leading() was called
  std::vector<Term> leads_ PARLEY_GUARDED_BY(leads_mutex_);  // of each shard; 0: this node follows
  std::atomic<bool> writes_{false};  // something was proposed: before_first_write was asked, and agreed
  Mutex first_write_mutex_;          // around before_first_write
  bool agreed_ PARLEY_GUARDED_BY(first_write_mutex_) = false;

  // Reader thread.
  std::uint16_t next_swept_ = 0;
  std::int64_t turns_ = 0;
  MonoTime stamp_at_{};
  MonoTime tidy_at_{};

  storage::LogWriter writer_;
  RaftLog log_;
  ReadQueue reads_;
};

}  // namespace parley::cluster
