#pragma once
// The log's part with replicas on other nodes: what they say, snapshots, who leads what, and where replicas shall be.
// For raft_log*.cpp only. Log thread, but for what says otherwise.

#include "cluster/placement/planner.h"
#include "cluster/raft_log.h"
#include "cluster/replica_post.h"
#include "cluster/snapshots/snapshot_fetch.h"
#include "cluster/snapshots/snapshot_source.h"
#include "core/worker.h"

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace parley::cluster {

struct RaftLog::Others final : Worker {
  Others(RaftLog& log, const RaftLogConfig::Others& config, storage::Store& store);

  // The ticks, on a worker of their own.
  std::chrono::nanoseconds step(bool time_over) override;
  void founded() {
    const MutexLock lock(mutex);
    found = false;
  }
  [[nodiscard]] bool is_giving_up() {
    const MutexLock lock(mutex);
    return give_up;
  }
  void begin_leading(ShardId shard, MonoTime now);

  RaftLog& log;
  Random& random;
  ReplicaPost post;
  placement::Planner planner;
  snapshots::SnapshotSource source;
  snapshots::SnapshotFetch fetch;
  std::unique_ptr<Running> running;

  // ---- any thread ----
  std::atomic<bool> tick_due{false};
  mutable Mutex mutex;  // a leaf
  std::optional<placement::Picture> picture PARLEY_GUARDED_BY(mutex);
  bool found PARLEY_GUARDED_BY(mutex) = false;
  bool give_up PARLEY_GUARDED_BY(mutex) = false;
  std::atomic<bool> paused{false};
  std::atomic<bool> draining{false};  // this node, as the picture says
  std::atomic<bool> plan_now{false};
  mutable CondVar handed_over;                          // something may be
  std::vector<ShardId> needs PARLEY_GUARDED_BY(mutex);  // shards that need this node
  std::optional<MonoTime> needs_known PARLEY_GUARDED_BY(mutex);

  struct Leader {
    NodeId node;
    Term term;
    bool spares = false;  // the shard has its majority without this node
    MonoTime said{};
  };
  struct Shard {
    Leader leader{};                      // that has said so
    std::map<ReplicaId, MonoTime> heard;  // of members, while this node leads
    std::set<ReplicaId> copies;           // snapshots under way
    MonoTime led_since{};
    MonoTime told_stranger{};
    Term handing_over;           // a transfer was begun in this term
    std::vector<NodeId> spared;  // nodes without which the shard has its majority, as of the last plan
    MonoTime spared_at{};
  };
  std::vector<Shard> shards;
  std::vector<ReplicaOnNode> to_make;  // when nothing of the shard is on its way to the disk
  std::vector<ShardId> to_erase;
  // Snapshots for replicas of which nobody knows where they are: what is said inside a group is told it at the end of
  // the turn.
  std::vector<std::pair<ShardId, ReplicaId>> undelivered;
  MonoTime plan_at{};
  MonoTime repeat_at{};
};

}  // namespace parley::cluster
