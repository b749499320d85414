#pragma once
// What other nodes' replicas copy from this node: views of shards, each for one replica, from which parts are asked
// for.
//
//   GroupOwner::snapshot() ─► offer(): a view is taken, and what comes back goes into the raft snapshot message
//   … ask() for each SnapshotAsk that comes in; take() for what is to be sent now …
//   take_reports() ─► Group::report_snapshot(), before what take() gave is sent; once for each offer but those that a
//   later one replaced
//   log_needed() ─► GroupSet::keep_log(), at each tick
//
// A part is a function of the view and the cursor: asked for twice, it is the same twice. A view pins what is removed
// from the store meanwhile, so their number and their time are bounded, and what is read and sent is paced. take()
// reads the store, at most `part_bytes_max` and a tenth of a second's budget at once. No clock, no thread; not
// thread-safe. Owned by whoever owns the groups, used on the log thread: offer() has to see the store as it is at the
// applied index.

#include "cluster/snapshots/snapshot_rows.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/random.h"
#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley::cluster::snapshots {

struct SnapshotSourceConfig {
  std::size_t exports_max = 4;                  // at a time. Then `overloaded`: it is asked for again
  std::uint64_t bytes_per_second = 33'554'432;  // of rows, of all exports together
  std::size_t part_bytes_max = SnapshotLimits{}.part_bytes_max;
  milliseconds idle_max{60'000};         // without a question: it ends. More than a receiver's patience, and a restart
  milliseconds lifetime_max{3'600'000};  // then it ends, whatever is asked
  milliseconds catch_up{10'000};         // after the arrival, in which the log is still kept for it
  std::size_t refusals_max = 64;         // `gone`, that wait to be sent; more are not answered
};

class SnapshotSource {
 public:
  // They outlive it.
  SnapshotSource(const SnapshotSourceConfig& config, const storage::Store& store, Random& random)
      : config_(config), store_(store), random_(random) {}

  // What RaftSnapshot::data says: `self`, which is the replica here, has the state at `applied` for `to`. For the same
  // replica and index it is the same again, for a later index it takes the place of the one before. `overloaded`: not
  // now, because of exports_max or because results up to `applied` are not written yet.
  Result<std::string> offer(ShardId shard, ReplicaId self, ReplicaId to, LogIndex applied, MonoTime now);
  // What makes no sense is dropped: who meant it asks again.
  void ask(const SnapshotAsk& ask, MonoTime now);
  // Parts to be sent now. A later take() of the same time gives none.
  std::vector<SnapshotPart> take(MonoTime now);
  // When take() has something to do, at the latest.
  [[nodiscard]] MonoTime next() const;

  // When the last part leaves, or when there will be no more: it was given up, nobody asked any more, or the view
  // ended. So the core hears of the one before the receiver's group can answer. Else a snapshot that the receiver had
  // asked for by Group::want_snapshot() is sent twice: the core forgets that it was asked only with the report.
  struct Report {
    ShardId shard;
    ReplicaId to;
    bool arrived = false;
    bool operator==(const Report&) const = default;
  };
  std::vector<Report> take_reports() { return std::exchange(reports_, {}); }

  // Behind which index the shard's log is needed by those who copy it, or have just done so: GroupSet::keep_log().
  [[nodiscard]] std::optional<LogIndex> log_needed(ShardId shard, MonoTime now) const;

  // The replica here is closed: nothing is told of its exports.
  void drop(ShardId shard);
  void drop(ShardId shard, ReplicaId to);  // that one alone
  [[nodiscard]] std::size_t exports() const { return exports_.size(); }

 private:
  using To = std::pair<ShardId, ReplicaId>;
  struct Export {
    std::uint64_t id = 0;
    ReplicaId self;
    LogIndex applied;
    std::string offer;
    std::unique_ptr<storage::StoreView> view;
    MonoTime begun;
    MonoTime touched;
    // How far parts were given, and the sum of the rows up to there. Who asks goes on from there, or repeats.
    SnapshotCursor given{};
    Checksum sum{};
    bool reported = false;
    bool waiting = false;  // it is in line, with what was asked for last
    SnapshotCursor wanted{};
  };
  struct Arrived {
    LogIndex applied;
    MonoTime until;
  };
  [[nodiscard]] bool expired(const Export& one, MonoTime now) const;
  void refill(MonoTime now);
  void end(std::map<To, Export>::iterator at, bool arrived, MonoTime now);
  void refuse(const SnapshotAsk& ask);
  // `bad_request`: the cursor stands nowhere. Another Error is the export's end.
  Result<SnapshotPart> read(const To& to, const Export& from, const SnapshotCursor& cursor) const;

  SnapshotSourceConfig config_;
  const storage::Store& store_;
  Random& random_;
  std::map<To, Export> exports_;
  std::map<To, Arrived> arrived_;  // a moment ago
  std::deque<To> line_;
  std::vector<SnapshotPart> refusals_;
  std::vector<Report> reports_;
  std::int64_t budget_ = 0;  // bytes; less than 0 until the last part is paid for
  MonoTime refilled_{};
};

}  // namespace parley::cluster::snapshots
