#pragma once
// A shard's replica as the actors see it: commands in, effects out. Behind it stand the replicated
// log and the shard machine. A node that is alone is the only voter of every shard, and leads it from the start to the
// end; else who leads may change at any time.
//
// What follows from an entry beside the state itself (who waits is answered, subscribers and the backend
// are told, what is over is swept) is the leader's. Another replica applies the same and keeps silent.
//
// propose() puts many commands into ONE log entry. When the entry is committed (on a majority's disk)
// the machine applies it and the result is told to the listener, on the log thread, entries in order.
// Reads run on a reader thread and see at least everything whose effects were told before.

#include "cluster/log_owner.h"
#include "cluster/placement/rules.h"
#include "core/address.h"
#include "core/command.h"
#include "core/ids.h"
#include "core/metrics.h"
#include "core/random.h"
#include "core/request.h"
#include "core/result.h"
#include "core/settings.h"
#include "core/worker.h"
#include "storage/log_writer.h"
#include "storage/store.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace parley::cluster {

// What a channel's durable state is when its actor wakes up.
struct ChannelState {
  Position newest;  // epoch 0: nothing was ever published
  Offset oldest;
  PublicationPtr cached;     // cache channels
  std::vector<SaidId> told;  // members the backend was told of; an empty one: of the channel
};

// What whoever led the shard before left open: the end of it is still to be told.
struct Unfinished {
  std::vector<std::pair<UserKey, UserRecord>> users;  // not offline, or with blocks
  std::vector<ChannelKey> channels;                   // whose backend was told of somebody
  struct Waiting {
    ShardId shard;
    NoticeRow row;
  };
  std::vector<Waiting> notices;               // in order
  std::map<std::string, std::uint64_t> dead;  // letters of each target
  WallTime alive;                             // it surely led then; 0: nobody led before
};

struct UserPage {
  std::vector<UserAbout> users;
  std::string next;  // empty: no more
};
struct StoredDead {
  NoticeRef ref;
  DeadNotice dead;
};

class Peers;
class Replicas;
class ReplicaListener;

class ShardListener {
 public:
  virtual ~ShardListener() = default;
  // One effect for each command of the entry, in order. On the log thread: hand over, do not work.
  // Token 0 is an entry that the listener did not propose, or does not wait for any more: retention's,
  // another leader's, or one whose outcome was unknown and that turned out to be stored when the disk
  // came back. Of a shard that is led here its publications are as real as others, and subscribers are
  // due them; of any other shard whoever leads it tells.
  virtual void on_applied(ShardId shard, EntryToken entry, std::vector<Effect> effects) = 0;
  // The entry's outcome is unknown or it was refused; nothing of it may be acknowledged.
  virtual void on_refused(ShardId shard, EntryToken entry, Error error) = 0;

  // Who leads, on the log thread, or from begin_leading(). From here on this node leads the shard in that
  // term: whatever was committed in earlier terms is applied and told, and reads see it.
  virtual void on_leading(ShardId /*shard*/, Term /*term*/) {}
  // This node does not lead the shard (any more); `leader` does, as far as is known. What was proposed
  // here and is not told yet is refused, before or after: its outcome is unknown.
  virtual void on_following(ShardId /*shard*/, std::optional<ShardLeader> /*leader*/) {}
};

class Shards {
 public:
  virtual ~Shards() = default;
  [[nodiscard]] virtual std::uint16_t count() const = 0;
  // From here on the listener is told who leads; of the shards that are led here by now before this returns, on the
  // caller's thread. Once, before anything is proposed.
  virtual void begin_leading() = 0;
  // Thread-safe. `entry` is not 0, `commands` not empty. `sync` no: acknowledged when written but not fsynced
  // (Durability::async). Refused with `not_leader` by a node that follows, with `no_quorum` by a leader that cannot
  // reach enough others.
  virtual void propose(ShardId shard, EntryToken entry, std::vector<Command> commands, storage::Sync sync) = 0;
  // Thread-safe; `done` runs on the reader thread.
  virtual void open_channel(ChannelKey channel, std::function<void(Result<ChannelState>)> done) = 0;
  virtual void read_history(GetHistory query, std::function<void(Result<HistoryPage>)> done) = 0;
  virtual void read_cursor(ChannelKey channel, std::string client_id,
                           std::function<void(Result<CursorFound>)> done) = 0;

  // In the asked order; who was never seen is not `known`. `done` as above.
  virtual void read_users(std::vector<UserKey> users, std::function<void(Result<std::vector<UserAbout>>)> done) = 0;
  virtual void list_users(ListUsers query, std::function<void(Result<UserPage>)> done) = 0;
  virtual void list_domain(ListDomain query, std::function<void(Result<UserPage>)> done) = 0;
  // Those that still wait, in the asked order.
  virtual void read_notices(std::vector<NoticeRef> refs,
                            std::function<void(Result<std::vector<std::pair<NoticeRef, Notice>>>)> done) = 0;
  // Dead letters of a target from `after` on (the first shard and number: {}), at most `limit`.
  virtual void read_dead(std::string target, NoticeRef after, std::size_t limit,
                         std::function<void(Result<std::vector<StoredDead>>)> done) = 0;
  // Reads on the caller's thread: within begin_leading(), before the first request.
  virtual Result<Unfinished> unfinished(ShardId shard) const = 0;
  // The same on the reader thread, as the other reads: whenever a shard comes to be led here later.
  virtual void read_unfinished(ShardId shard, std::function<void(Result<Unfinished>)> done) { done(unfinished(shard)); }
  [[nodiscard]] virtual bool available() const = 0;  // accepts proposals now
  // Thread-safe: from now on, of each shard, proposed and not applied.
  virtual void limit_pending(std::size_t /*commands_max*/) {}
  // Null: the node is alone.
  virtual Replicas* replicas() { return nullptr; }
  virtual ReplicaListener* replica_listener() { return nullptr; }
  // The process ends in order: the end of this object leaves everything on the disk, and says so there.
  virtual void end_in_order() {}
};

struct LocalShardsConfig {
  NodeId self{};
  // Other nodes; outlives the shards. Null: the node is alone.
  Peers* peers = nullptr;
  placement::Rules placement{};
  // Whether an empty store gets the shards' replicas at once: of a node that is alone, or that made its cluster.
  bool founds = true;
  std::uint64_t salt = 0;          // random: spreads election timeouts. The same one repeats a run
  std::shared_ptr<Random> random;  // thread-safe; where replicas' ids come from. Null: OsRandom
  Executor* executor = nullptr;    // runs the log and the reads, and outlives the shards. Null: threads()
  std::string boot;  // of this machine: what the process before wrote in the same one is there. Empty: not known
  // Before anything is proposed, on the proposer's thread; an Error refuses that, and is asked again. Empty: nothing.
  std::function<Status()> before_first_write;
  std::uint16_t shard_count = 64;
  std::chrono::seconds idempotency_window{600};
  std::size_t idempotency_keys_max = 100'000;
  std::chrono::seconds cursor_lifetime{86'400};
  std::size_t cursors_per_channel_max = 10'000;
  std::uint64_t log_bytes_max = 2 * 1024 * 1024;      // of all shards' logs; then what is applied is cut off
  std::chrono::seconds retention_sweep_interval{60};  // each channel is looked at about this often
  std::size_t pending_commands_max = 16'384;          // per shard: proposed and not applied. Then: overloaded
  std::size_t reads_waiting_max = 16'384;             // then: overloaded, told on the caller's thread
  std::size_t page_bytes_max = 4 * 1024 * 1024;       // a history page ends here, with `more`
};

// The shards of a node. Replays what was logged but not applied, then listens. Owned by server/node; let go of it
// before the store and the listener go: the last owner's thread finishes what waits and ends the workers.
class LocalShards;
Result<std::shared_ptr<Shards>> start_local_shards(storage::Store& store, const Clock& clock, Metrics& metrics,
                                                   LocalShardsConfig config, ShardListener& listener);

}  // namespace parley::cluster
