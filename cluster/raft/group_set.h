#pragma once
// A node's replicas together: what is ready in all of them becomes one batch, which costs one fsync, and each of them
// hears of its end. The order that a Group asks for is kept here, once for all owners.
//
// turn() and written() alternate as the owner likes, as long as batches are written in the order of their numbers:
//
//   step(), tick(), group(shard)->propose() … ─► turn() ─► the log writer ─► written(number) ─► turn() …
//
// A replica that breaks is told once and let go of; the others go on. Not thread-safe; used on the log thread.

#include "cluster/raft/group.h"
#include "cluster/raft/group_store.h"
#include "storage/store.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace parley::cluster::raft {

// Told inside turn(), tick(), step() and written(); may look at the set, and must not change it.
class GroupOwner {
 public:
  virtual ~GroupOwner() = default;
  // A committed command, in order; empty ones are told too, for their index and term. The results go into the batch.
  virtual void apply(ShardId shard, const RaftEntryView& entry, storage::WriteBatch& batch) = 0;
  // The state of the snapshot in the place of what is there.
  virtual void restore(ShardId shard, const RaftSnapshot& snapshot, storage::WriteBatch& batch) = 0;
  // What a snapshot of the state as it is applied says of itself. An error: not now.
  virtual Result<std::string> snapshot(ShardId shard, ReplicaId to) = 0;
  // A change of the membership that is applied here, or came with a snapshot.
  // `change`: what led to it; null: a snapshot.
  virtual void on_membership(ShardId shard, LogIndex index, const RaftMembership& members, const Change* change,
                             storage::WriteBatch& batch) = 0;
  virtual void on_role(ShardId shard, Role role, Term term, ReplicaId leader) = 0;
  virtual void on_read(ShardId shard, const ReadDone& done) = 0;
  // At most once, in any order, or lost: but what becomes of a snapshot is always reported to the group.
  virtual void send(ShardId shard, RaftMessage message) = 0;
  virtual void on_broken(ShardId shard, const Error& error) = 0;
};

struct GroupSetConfig {
  // Of all entries since the last cut, with what they lie under; then what is applied goes, but for the newest.
  std::uint64_t log_bytes_max = 2'097'152;
  // Of each shard, for followers that are a little behind: others get a snapshot. Nothing where nobody follows.
  std::uint64_t log_entries_kept = 256;
  // Of one shard, with keep_log(): then it is cut as if nobody had asked for it, and who needed it needs another
  // snapshot.
  std::uint64_t log_bytes_held_max = RaftLimits{}.log_bytes_held_max;
};

class GroupSet {
 public:
  // They outlive it.
  GroupSet(const GroupSetConfig& config, GroupStore& store, GroupOwner& owner);
  ~GroupSet();

  // The replica that the store has. `not_found`: there is none.
  Status open(GroupConfig config);
  // Its group, or null: it was not opened, or it broke. Every call on it may be followed by turn(), which looks only at
  // those that were asked for since the last one.
  [[nodiscard]] Group* group(ShardId shard);
  // Lets go of it. A replica that was removed from its group goes only when a majority of the voters that are left has
  // applied its removal, else they may need it to learn of that.
  void close(ShardId shard);

  // Entries behind `after` stay, for a replica that is about to have the state up to there: without them it would need
  // another snapshot when it has this one. None: nobody needs more than log_entries_kept. Not in a GroupOwner's call.
  void keep_log(ShardId shard, std::optional<LogIndex> after);

  void tick();
  void step(ShardId shard, const RaftMessage& message);

  struct Turn {
    std::uint64_t number = 0;
    // What came of committed entries, which are on the disk since an earlier turn. Written before `batch`, and
    // unsynced: the log would lead to the same again.
    storage::WriteBatch results;
    storage::WriteBatch batch;  // may be empty: then the turn ends when all before it have
    storage::Sync sync = storage::Sync::no;
    bool alone = false;     // entries of who votes alone are in `batch`: whoever proposed them says if they are synced
    bool restored = false;  // a snapshot came: `batch` and `results` are one write, in that order
    bool cut = false;       // the logs were at their bound
  };
  std::optional<Turn> turn();  // none: nothing is ready
  // Its batch and all before it are on the disk.
  void written(std::uint64_t number);

  // What is applied goes, whatever the logs' size, of each shard that has more than `entries_max` entries.
  Status cut_all(storage::WriteBatch& batch, std::uint64_t entries_max = 0);
  // Of entries since the last cut.
  [[nodiscard]] std::uint64_t log_bytes() const { return log_bytes_; }
  // Whether the replica is its group's only member.
  [[nodiscard]] bool alone(ShardId shard) const;

 private:
  struct Replica;
  struct Told {
    std::uint64_t turn;
    ShardId shard;
    std::uint64_t ready;
  };
  bool take_ready(ShardId shard, Replica& replica, Turn& turn);
  Status apply(ShardId shard, Replica& replica, const Ready& ready, Turn& turn);
  void broke(ShardId shard, Error error);
  Status cut(ShardId shard, Replica& replica, storage::WriteBatch& batch);

  GroupSetConfig config_;
  GroupStore& store_;
  GroupOwner& owner_;
  std::map<ShardId, std::unique_ptr<Replica>> replicas_;
  std::deque<Told> unwritten_;
  std::set<ShardId> touched_;  // may have something ready
  std::uint64_t last_turn_ = 0;
  std::uint64_t log_bytes_ = 0;
};

}  // namespace parley::cluster::raft
