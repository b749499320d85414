#pragma once
// How replicas here get their shards' state from other nodes: for each shard a step machine that asks for one part
// after the other, and says what is to be written.
//
//   a raft snapshot message with Group::would_restore() ─► begin(), and the group does not want one any more;
//   another one ─► not_needed(), and step it
//   each SnapshotPart ─► part();   at a tick ─► take_asks(), each of them to the node of its `to`
//   then ─► ready(): the message to be stepped ─► the group's next Ready ─► GroupOwner::restore() ─► restored()
//   GroupOwner::apply() asks applies() first;   at a tick, stuck() ─► Group::want_snapshot(true)
//   after a start, and after a batch was not written ─► load(), of each shard
//
// Batches are written in the order in which they were filled, each whole and before that of any later turn of the
// group; no sync of its own is needed. The first one removes the shard's rows and leaves a marker (keys::restoring);
// each part's moves the marker with its rows, so a crash costs the parts of a large row at most. The marker goes in the
// batch that has the applied index of the new state. While it is there, restoring() is true: the replica must not
// serve, its group gets no appends (drop them; it would apply them to nothing), and what it has committed meanwhile is
// not applied. docs/adr/0022 says why that breaks no promise of the group.
//
// No clock, no thread, no I/O but reading markers in load(). Not thread-safe: used on the log thread, owned by whoever
// owns the groups. What peers say wrongly is an Error with a reason, and changes nothing.

#include "cluster/snapshots/snapshot_rows.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/result.h"
#include "schemas/snapshot.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley::cluster::snapshots {

struct SnapshotFetchConfig {
  milliseconds answer_within{2'000};  // then a part is asked for again
  std::uint32_t asks_max = 10;        // of one part; then it is given up: `timeout`
  std::uint64_t row_bytes_max = SnapshotLimits{}.row_bytes_max;
  std::uint64_t bytes_max = SnapshotLimits{}.bytes_max;
};

// What the replica's group knows (GroupStatus).
struct Standing {
  Term term;
  ReplicaId leader;  // 0: not known
  LogIndex applied;
};

class SnapshotFetch {
 public:
  // It outlives it.
  SnapshotFetch(const SnapshotFetchConfig& config, const storage::Store& store) : config_(config), store_(store) {}

  // As the store has it: what was not written is forgotten. An Error: the store cannot be read.
  Status load(ShardId shard, MonoTime now);
  // From the first batch of begin() to the one of the group that has the new state.
  [[nodiscard]] bool restoring(ShardId shard) const { return fetches_.contains(shard); }

  // A snapshot that the replica's group would restore. Nothing to write: it is on its way already, or a newer one is,
  // or all of one is here. `corrupt`, `newer_schema`, `too_large`, `bad_request`: it is refused, and the source told.
  Status begin(ShardId shard, const RaftMessage& message, MonoTime now, storage::WriteBatch& batch);
  // One that the group would not restore: its source need not keep it.
  void not_needed(ShardId shard, const RaftMessage& message);
  // One that is not begun now, for others are under way: its source is told, and its leader offers another one.
  void put_off(ShardId shard, const RaftMessage& message);
  [[nodiscard]] std::size_t under_way() const;
  // `not_found`: nobody asked for it, as of what comes late or twice. `corrupt`: damaged, or what no source of ours
  // says; it is asked for again.
  Status part(const SnapshotPart& part, MonoTime now, storage::WriteBatch& batch);
  // What is due: questions, and how a transfer ended. What is lost of it is asked again, or does no harm.
  std::vector<SnapshotAsk> take_asks(MonoTime now);
  [[nodiscard]] MonoTime next() const;  // when take_asks() has something to do

  // The message to be stepped into the group, once all rows are here: after part(), with a new leader, and at a tick;
  // again each time, until it is restored. It speaks in the group's present term. None: not all is here, or nobody
  // leads.
  std::optional<RaftMessage> ready(ShardId shard, const Standing& standing);
  // Where Group::would_restore() says no to it, for its log has the snapshot's entry: whether that is all that was
  // applied here. Then the state is what it is to be, and the marker goes. No: step the message all the same, the group
  // then commits up to there.
  bool reached(ShardId shard, LogIndex applied, storage::WriteBatch& batch);
  // In GroupOwner::restore(). `corrupt`: that is not the state that is here; the replica is to be ended.
  Status restored(ShardId shard, const RaftSnapshot& snapshot, storage::WriteBatch& batch);
  // In GroupOwner::apply(), whether the entry is to be applied. No: the state that comes has it already, or it is of no
  // use for what is here; only the applied index goes on.
  bool applies(ShardId shard, LogIndex index, storage::WriteBatch& batch);

  struct GivenUp {
    ShardId shard;
    Error why;
  };
  // Since the last call. They need another snapshot, which begin() takes.
  std::vector<GivenUp> take_given_up() { return std::exchange(given_up_, {}); }
  // Of a shard that is restoring: whether nothing is under way, so that its group is to want one.
  [[nodiscard]] bool stuck(ShardId shard) const;
  // The replica is closed, or everything of it erased.
  void forget(ShardId shard) { fetches_.erase(shard); }

  struct Progress {
    std::uint64_t bytes = 0;        // that are here
    std::uint64_t bytes_about = 0;  // in all
    bool operator==(const Progress&) const = default;
  };
  [[nodiscard]] std::optional<Progress> progress(ShardId shard) const;

 private:
  struct Fetch {
    schemas::StoredRestore stored;  // as the newest batch has it
    SnapshotOffer offer{};
    std::uint64_t replaced = 0;  // the offer before, which may come late
    bool given_up = false;
    // Ahead of `stored` within a row that comes in several parts.
    SnapshotCursor wanted{};
    Checksum sum{};
    std::string piece{};
    std::uint32_t asks = 0;  // for `wanted`
    MonoTime due{};
  };
  struct Taken;
  void ask_from(Fetch& fetch, MonoTime now) const;
  Result<Taken> check(const Fetch& fetch, const SnapshotPart& part) const;
  void give_up(ShardId shard, Fetch& fetch, Error why);
  void end(ShardId shard, storage::WriteBatch& batch);
  void tell(ShardId shard, std::uint64_t id, ReplicaId from, ReplicaId to, SnapshotAsk::Kind kind);

  SnapshotFetchConfig config_;
  const storage::Store& store_;
  std::map<ShardId, Fetch> fetches_;
  std::vector<SnapshotAsk> told_;  // ends
  std::vector<GivenUp> given_up_;
};

}  // namespace parley::cluster::snapshots
