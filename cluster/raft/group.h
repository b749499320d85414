#pragma once
// One shard's replica in its group: elections, replication, membership, by the consensus core (docs/adr/0020).
//
// A step machine: no I/O, no clock, no thread. Who owns it gives it ticks and messages, takes what is ready, writes it,
// and says when it is on the disk. The order of a turn:
//
//   ready() ─► one batch: hard state, truncation from the first new entry, entries, snapshot
//           ─► send `messages`
//           ─► apply `committed` in order, apply_change() where it is a change; applied index AND membership go into
//           the
//              same batch as what was applied
//           ─► applied()
//   … fsync … ─► persisted(number) gives the messages that waited for it: send them
//
// What 0.7.0 of the core gets wrong is guarded here; each guard says why (group.cpp). A call that fails with
// `internal`, or with what the storage said, found the replica broken: nothing that it says holds any more, its owner
// stops it. Not thread-safe; used on the log thread. Ticks, bytes and counts are the units.

#include "core/address.h"
#include "core/limits.h"
#include "core/raft_message.h"
#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct praft_handle;

namespace parley::cluster::raft {

struct HardState {
  Term term;
  ReplicaId vote;
  LogIndex commit;
  bool operator==(const HardState&) const = default;
};

struct GroupConfig {
  ShardId shard;
  ReplicaId self;
  std::uint64_t salt = 0;  // random: spreads election timeouts. The same one repeats a run
  std::uint32_t election_ticks = 10;
  std::uint32_t heartbeat_ticks = 3;
  std::uint64_t message_bytes_max = RaftLimits{}.message_bytes_max;
  std::uint32_t messages_in_flight_max = RaftLimits{}.messages_in_flight_max;
  std::uint64_t uncommitted_bytes_max = RaftLimits{}.uncommitted_bytes_max;
  std::uint64_t committed_bytes_max = RaftLimits{}.committed_bytes_max;
  std::uint64_t window_bytes_max = 1'048'576;  // of recent entries in memory, beside those that are not settled
  std::size_t messages_held_max = RaftLimits{}.messages_held_max;
  std::uint64_t promote_lag_max = 64;  // a learner becomes a voter only when so few entries are missing
};

// What is known of a replica from before.
struct StoredGroup {
  ReplicaId self;
  HardState hard_state;
  LogIndex cut;  // entries up to here are gone; the first log of a group begins behind 1
  Term cut_term;
  LogIndex last;
  LogIndex applied;
  RaftMembership membership;  // as of `applied`; empty: it joins, and waits for a snapshot
};

// What lies below the window, asked for inside of calls of the Group. It must not call it. The store's answers are
// final: what is asked here is applied and persisted. An error ends the replica.
class LogStorage {
 public:
  virtual ~LogStorage() = default;
  // Entries of [from, to), at least one, as many as fit into `bytes_max`.
  virtual Result<std::vector<RaftEntry>> entries(LogIndex from, LogIndex to, std::uint64_t bytes_max) = 0;
  virtual Result<Term> term(LogIndex index) = 0;
  // Of the state as it is applied. An error, if there is none now: it is asked again.
  virtual Result<RaftSnapshot> snapshot(ReplicaId to) = 0;
};

enum class Role : std::uint8_t { follower, candidate, leader, pre_candidate };

// A proposal's name. Another term committed at that index: it is lost.
struct Proposed {
  LogIndex index;
  Term term;
  auto operator<=>(const Proposed&) const = default;
};

struct Change {
  enum class Kind : std::uint8_t { add_voter, remove, add_learner };  // the core's numbers
  Kind kind = Kind::add_learner;
  ReplicaId id;
  NodeId node{};  // where it is; nothing that the core looks at
};
Result<Change> parse_change(std::string_view payload);

struct ReadDone {
  std::uint64_t read = 0;  // that read_index() gave
  LogIndex index;          // what is applied up to here, has all that was acknowledged before the question
};

// Its views live until the next ready().
struct Ready {
  std::uint64_t number = 0;
  // ---- one write ----
  bool must_sync = false;
  std::optional<HardState> hard_state{};
  std::optional<RaftSnapshot> snapshot{};  // in the place of the log and of the state
  std::vector<RaftEntryView> entries{};    // and nothing behind them
  // ---- at once ----
  std::vector<RaftMessage> messages{};
  std::vector<RaftEntryView> committed{};  // to be applied, in this order
  std::vector<ReadDone> reads{};
  Role role = Role::follower;
  Term term;
  ReplicaId leader;  // 0: not known
};

struct GroupStatus {
  Role role = Role::follower;
  Term term;
  ReplicaId leader;
  LogIndex commit;
  LogIndex applied;  // by the owner
  LogIndex last;
  LogIndex persisted;
  ReplicaId successor;  // leader: to whom it hands over
  bool change_pending = false;
  bool term_committed = false;  // an entry of this term is: reads and changes can be asked for
  std::uint64_t window_bytes = 0;
  std::size_t messages_held = 0;
  std::uint64_t messages_lost = 0;  // because too many were held
};

class Group {
 public:
  // `storage` outlives it.
  static Result<std::unique_ptr<Group>> create(const GroupConfig& config, const StoredGroup& stored,
                                               LogStorage& storage);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // At most one for a pause that was longer than a tick, as after a long fsync.
  Status tick();
  Status campaign();  // at once, as on a hint that the leader's node is gone
  // `not_found`: from nobody that is known here, `corrupt`: it makes no sense. Both are to be counted and forgotten.
  Status step(const RaftMessage& message);

  // `not_leader` with the id of the replica that leads or is about to (Error::leader; 0: unknown), `overloaded`,
  // `bad_request` for nothing at all.
  Result<Proposed> propose(std::string_view command);
  // One at a time. A new replica is a learner first, and a voter when it has nearly everything. `overloaded`: not now.
  Result<Proposed> propose_membership(const Change& change);
  Status transfer(ReplicaId to);
  // A number, which comes back with ReadDone, or never: after a change of role or term nobody waits any more.
  Result<std::uint64_t> read_index();

  [[nodiscard]] bool has_ready() const;
  Result<Ready> ready();
  // The last Ready's views are not looked at any more: their memory goes now, and not with the next one.
  Status release();
  // For each committed change, in order. The membership to store with the applied index.
  Result<RaftMembership> apply_change(const RaftEntryView& entry);
  Status applied(LogIndex index);
  // The Ready of this number and all before it are on the disk. What may leave now.
  Result<std::vector<RaftMessage>> persisted(std::uint64_t number);
  // Applied entries up to here go away. The term of the one at `index`.
  Result<Term> cut(LogIndex index);

  // Always, also of a transfer that failed: nothing else is sent to the replica before that.
  Status report_snapshot(ReplicaId to, bool arrived);
  // Whether step() would put the message's snapshot in the place of the state. Another one may be stepped at once: it
  // costs nothing, and its sender hears what is here.
  [[nodiscard]] bool would_restore(const RaftMessage& message) const;
  // Wanted: the state here is lost, so until a snapshot is restored no append is taken, and with each heartbeat the
  // leader is told to send one. Again from time to time while that lasts: an election may end it. Not wanted any more:
  // one is being fetched; who goes on asking gets another one behind it. `overloaded`: it leads itself.
  Status want_snapshot(bool wanted);
  // Something that was sent to it was dropped.
  Status report_unreachable(ReplicaId id);

  [[nodiscard]] ReplicaId self() const { return config_.self; }
  [[nodiscard]] GroupStatus status() const;
  [[nodiscard]] LogIndex matched(ReplicaId id) const;  // leader: what it is known to have; 0: nothing is known
  [[nodiscard]] const RaftMembership& membership() const { return membership_; }
  [[nodiscard]] const std::optional<Error>& broken() const { return broken_; }

 private:
  struct Callbacks;  // what the core calls
  struct Held {
    std::uint64_t number;  // of the Ready
    RaftMessage message;
  };

  Group(const GroupConfig& config, const StoredGroup& stored, LogStorage& storage);

  Status done(std::int32_t code);
  Error breaks();
  [[nodiscard]] bool unsettled() const;
  [[nodiscard]] Error refusal() const;
  Status tell_applied();
  Result<Proposed> put(RaftEntryKind kind, std::string_view payload);

  GroupConfig config_;
  std::optional<RaftSnapshot> offered_;  // what the core's view of a snapshot points to
  std::unique_ptr<Callbacks> below_;
  praft_handle* handle_ = nullptr;
  std::optional<Error> broken_;
  RaftMembership membership_;
  LogIndex applied_;                   // by the owner; the core may hear of it later
  std::uint64_t persisted_ready_ = 0;  // newest Ready that is on the disk
  std::uint64_t vote_ready_ = 0;       // newest Ready with another term or vote
  Term voted_term_;
  ReplicaId voted_;
  std::deque<Held> held_;  // messages that wait, in order
  std::uint64_t lost_ = 0;
  std::uint64_t last_read_ = 0;
};

// For tests: the message as the core sees it, as text, and what it would send if it had it.
std::string described(const RaftMessage& message);
std::optional<RaftMessage> echoed(const RaftMessage& message);

}  // namespace parley::cluster::raft
