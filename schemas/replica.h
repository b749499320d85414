#pragma once
// What a replica keeps beside its log's entries, as bytes (schemas/raft.capnp). Pure.

#include "core/raft_message.h"
#include "core/result.h"

#include <string>
#include <string_view>

namespace parley::schemas {

struct ReplicaHead {
  ReplicaId replica;
  Term term;
  ReplicaId vote;
  LogIndex commit;
  LogIndex cut_index;
  Term cut_term;
  bool operator==(const ReplicaHead&) const = default;
};
std::string encode_replica_head(const ReplicaHead& head);
Result<ReplicaHead> decode_replica_head(std::string_view bytes);

struct StoredMembership {
  LogIndex index;
  RaftMembership membership;
  bool operator==(const StoredMembership&) const = default;
};
std::string encode_membership(const StoredMembership& membership);
Result<StoredMembership> decode_membership(std::string_view bytes);

// An entry of a replica's log, framed as every log entry is: what is in the frame is one byte for its kind, then its
// payload. The view that comes back is into `bytes`.
std::string frame_replica_entry(ShardId shard, const RaftEntryView& entry);
Result<RaftEntryView> unframe_replica_entry(ShardId shard, LogIndex index, std::string_view bytes);

}  // namespace parley::schemas
