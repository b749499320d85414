#pragma once
// What replicas of a shard say to each other, and what their log is made of. Plain values, as the consensus core has
// them: each field of it is here, or it is never set (docs/formats.md). cluster/raft makes and takes them,
// schemas/peer/raft.h has their wire form.

#include "core/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

// One incarnation of one replica: whoever lost its disk comes back under a new one, for under the old one it would
// vote a second time, and be thought to have what it has lost. 0: none.
using ReplicaId = Id<struct ReplicaTag>;

// As of some index. The last three are of joint changes, which nothing of ours proposes.
struct RaftMembership {
  std::vector<ReplicaId> voters;
  std::vector<ReplicaId> learners;
  std::vector<ReplicaId> voters_outgoing;
  std::vector<ReplicaId> learners_next;
  bool auto_leave = false;
  bool operator==(const RaftMembership&) const = default;
  [[nodiscard]] bool votes(ReplicaId id) const;
  [[nodiscard]] bool has(ReplicaId id) const;  // as a voter or a learner, before or after a joint change
};

enum class RaftEntryKind : std::uint8_t {
  command,  // without a payload: the first entry of a term
  change,   // of the membership
};

// The payload is borrowed: whoever gives it out says for how long.
struct RaftEntryView {
  LogIndex index;
  Term term;
  RaftEntryKind kind = RaftEntryKind::command;
  std::string_view payload;
  bool operator==(const RaftEntryView&) const = default;
};
struct RaftEntry {
  LogIndex index;
  Term term;
  RaftEntryKind kind = RaftEntryKind::command;
  std::string payload;
  bool operator==(const RaftEntry&) const = default;
};

// Stands for everything up to `index`. `data` says where the state is to be had, or is it.
struct RaftSnapshot {
  LogIndex index;
  Term term;
  RaftMembership membership;
  std::string data;
  bool operator==(const RaftSnapshot&) const = default;
};

// Those that travel, with the core's own numbers.
enum class RaftKind : std::uint8_t {
  append = 3,
  append_response = 4,
  request_vote = 5,
  request_vote_response = 6,
  snapshot = 7,
  heartbeat = 8,
  heartbeat_response = 9,
  timeout_now = 14,
  read_index = 15,
  read_index_response = 16,
  request_pre_vote = 17,
  request_pre_vote_response = 18,
};
std::optional<RaftKind> raft_kind(std::uint32_t number);  // none: it does not travel

struct RaftMessage {
  RaftKind kind = RaftKind::heartbeat;
  ReplicaId to;
  ReplicaId from;
  Term term;
  Term log_term;
  LogIndex index;
  LogIndex commit;
  Term commit_term;
  bool reject = false;
  LogIndex reject_hint;
  LogIndex request_snapshot;
  std::uint64_t old_priority = 0;
  std::int64_t priority = 0;
  std::string context;
  std::vector<RaftEntry> entries;
  std::optional<RaftSnapshot> snapshot;
  bool operator==(const RaftMessage&) const = default;
};

// On its way to a shard's replica on another node.
struct RaftToShard {
  ShardId shard;
  RaftMessage message;
  bool operator==(const RaftToShard&) const = default;
};

}  // namespace parley
