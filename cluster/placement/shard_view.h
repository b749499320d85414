#pragma once
// What the leader of a shard knows of its replicas. Plain values, made anew for each look.

#include "core/address.h"
#include "core/clock.h"
#include "core/raft_message.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace parley::cluster::placement {

struct Replica {
  ReplicaId id;
  NodeId node;
  bool voter = false;  // else a learner
  // It has answered within an election timeout. With what gossip says of its node that makes two witnesses: nobody is
  // well, or gone, by the word of one of them.
  bool answers = false;
  // Entries that are committed and that it is not known to have: Group's commit without matched(). None: that is 0.
  std::optional<std::uint64_t> lacks{};
  bool snapshot = false;  // one is on its way to it
  bool lost = false;      // its node says that it has no such replica (any more): it never comes back
};

struct ShardView {
  ShardId shard;
  std::vector<Replica> replicas;  // with the leader's own
  ReplicaId leader;               // the own one
  milliseconds led_for{};         // since it leads, and since a transfer was tried last
  // Something is proposed or under way: a change of the membership, a transfer, the first entry of the term.
  bool change_pending = false;
};

}  // namespace parley::cluster::placement
