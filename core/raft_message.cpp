#include "core/raft_message.h"

#include <algorithm>

namespace parley {
namespace {

bool lists(const std::vector<ReplicaId>& ids, ReplicaId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

bool RaftMembership::votes(ReplicaId id) const { return lists(voters, id) || lists(voters_outgoing, id); }

bool RaftMembership::has(ReplicaId id) const { return votes(id) || lists(learners, id) || lists(learners_next, id); }

std::optional<RaftKind> raft_kind(std::uint32_t number) {
  const auto kind = static_cast<RaftKind>(number);
  switch (kind) {
    case RaftKind::append:
    case RaftKind::append_response:
    case RaftKind::request_vote:
    case RaftKind::request_vote_response:
    case RaftKind::snapshot:
    case RaftKind::heartbeat:
    case RaftKind::heartbeat_response:
    case RaftKind::timeout_now:
    case RaftKind::read_index:
    case RaftKind::read_index_response:
    case RaftKind::request_pre_vote:
    case RaftKind::request_pre_vote_response:
      return number < 256 ? std::optional{kind} : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace parley
