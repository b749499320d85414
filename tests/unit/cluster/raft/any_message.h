#pragma once
// Messages of the consensus with every field filled at random, and some of them empty.

#include "core/raft_message.h"
#include "core/random.h"

#include <array>
#include <string>
#include <vector>

namespace parley::testing {

inline std::string any_bytes(Random& random, std::size_t max) {
  std::string bytes(random.below(3) == 0 ? 0 : random.below(max), '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}
inline std::vector<ReplicaId> any_ids(Random& random) {
  std::vector<ReplicaId> ids(random.below(5));
  for (auto& id : ids) id = ReplicaId{random.next()};
  return ids;
}

inline constexpr std::array kRaftKinds{RaftKind::append,
                                       RaftKind::append_response,
                                       RaftKind::request_vote,
                                       RaftKind::request_vote_response,
                                       RaftKind::snapshot,
                                       RaftKind::heartbeat,
                                       RaftKind::heartbeat_response,
                                       RaftKind::timeout_now,
                                       RaftKind::read_index,
                                       RaftKind::read_index_response,
                                       RaftKind::request_pre_vote,
                                       RaftKind::request_pre_vote_response};

inline RaftMessage any_message(Random& random, RaftKind kind) {
  const auto number = [&] { return random.below(3) == 0 ? 0 : random.next(); };
  RaftMessage message;
  message.kind = kind;
  message.to = ReplicaId{number()};
  message.from = ReplicaId{number()};
  message.term = Term{number()};
  message.log_term = Term{number()};
  message.index = LogIndex{number()};
  message.commit = LogIndex{number()};
  message.commit_term = Term{number()};
  message.reject = random.below(2) == 0;
  message.reject_hint = LogIndex{number()};
  message.request_snapshot = LogIndex{number()};
  message.old_priority = number();
  message.priority = static_cast<std::int64_t>(number());
  message.context = any_bytes(random, 40);
  for (auto count = random.below(6); count > 0; --count) {
    const auto entry_kind = random.below(4) == 0 ? RaftEntryKind::change : RaftEntryKind::command;
    message.entries.push_back({LogIndex{number()}, Term{number()}, entry_kind, any_bytes(random, 200)});
  }
  if (random.below(2) == 0) {
    message.snapshot =
        RaftSnapshot{LogIndex{number()},
                     Term{number()},
                     {any_ids(random), any_ids(random), any_ids(random), any_ids(random), random.below(2) == 0},
                     any_bytes(random, 100)};
  }
  return message;
}

}  // namespace parley::testing
