#pragma once
// What nodes say to each other of replicas beside the consensus' own messages. Plain values; cluster/replication says
// when, schemas/peer/envelope.h has their wire form.

#include "core/raft_message.h"

#include <cstdint>
#include <string>
#include <vector>

namespace parley {

struct ShardLed {
  ShardId shard;
  Term term;
  // The shard has its majority, alive and caught up, without the receiver and without those that are about to stop.
  bool spares = false;
  bool operator==(const ShardLed&) const = default;
};
struct ReplicaOnNode {
  ShardId shard;
  ReplicaId replica;
  Term term;  // the sender's, in which it leads the shard
  bool operator==(const ReplicaOnNode&) const = default;
};

struct ReplicaNews {
  std::vector<ShardLed> led;             // by the sender: it has applied all that was committed before
  std::vector<ReplicaOnNode> members;    // which the receiver's node is to have: to be made where there is none
  std::vector<ReplicaOnNode> strangers;  // which speak from the receiver's node, and are no members any more
  bool operator==(const ReplicaNews&) const = default;
};

// A batch of the consensus' messages, as schemas/peer/raft.h encodes it.
struct RaftBatch {
  std::string bytes;
  bool operator==(const RaftBatch&) const = default;
};

}  // namespace parley
