#include "schemas/replica.h"

#include "schemas/log_frame.h"
#include "schemas/raft_values.h"

#include <fmt/format.h>

namespace parley::schemas {

std::string encode_replica_head(const ReplicaHead& head) {
  Message message;
  auto root = message.root<wire::raft::ReplicaHead>();
  root.setReplica(head.replica.value);
  root.setTerm(head.term.value);
  root.setVote(head.vote.value);
  root.setCommit(head.commit.value);
  root.setCutIndex(head.cut_index.value);
  root.setCutTerm(head.cut_term.value);
  return message.bytes();
}

Result<ReplicaHead> decode_replica_head(std::string_view bytes) {
  return decode<wire::raft::ReplicaHead>(
      bytes, "a replica's head", [](wire::raft::ReplicaHead::Reader root) -> Result<ReplicaHead> {
        return ReplicaHead{ReplicaId{root.getReplica()}, Term{root.getTerm()},         ReplicaId{root.getVote()},
                           LogIndex{root.getCommit()},   LogIndex{root.getCutIndex()}, Term{root.getCutTerm()}};
      });
}

std::string encode_membership(const StoredMembership& from) {
  Message message;
  auto root = message.root<wire::raft::StoredMembership>();
  root.setIndex(from.index.value);
  write_membership(from.membership, root.initMembership());
  return message.bytes();
}

Result<StoredMembership> decode_membership(std::string_view bytes) {
  return decode<wire::raft::StoredMembership>(
      bytes, "a replica's membership", [](wire::raft::StoredMembership::Reader root) -> Result<StoredMembership> {
        return StoredMembership{LogIndex{root.getIndex()}, read_membership(root.getMembership())};
      });
}

std::string frame_replica_entry(ShardId shard, const RaftEntryView& entry) {
  std::string payload;
  payload.reserve(1 + entry.payload.size());
  payload.push_back(static_cast<char>(entry.kind));
  payload.append(entry.payload);
  return frame_log_entry({shard, entry.term, entry.index}, payload);
}

Result<RaftEntryView> unframe_replica_entry(ShardId shard, LogIndex index, std::string_view bytes) {
  const auto framed = unframe_log_entry(shard, index, bytes);
  if (!framed) return framed.error();
  const auto kind = framed->payload.empty() ? 255 : static_cast<unsigned char>(framed->payload[0]);
  if (kind > static_cast<unsigned char>(RaftEntryKind::change)) {
    return make_error(Errc::newer_schema,
                      fmt::format("log entry {} of shard {}: of a kind that is not known", index.value, shard.value));
  }
  return RaftEntryView{index, framed->term, static_cast<RaftEntryKind>(kind), framed->payload.substr(1)};
}

}  // namespace parley::schemas
