#pragma once
// On which node each replica of one shard is: by the changes of its membership, and by who speaks for it. Stored with
// the shard's state (keys::replica_places), so that a snapshot brings it. Pure. Not thread-safe: used on the log
// thread.

#include "core/address.h"
#include "core/raft_message.h"
#include "core/result.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace parley::cluster {

class ReplicaDirectory {
 public:
  static Result<ReplicaDirectory> parse(std::string_view bytes);
  [[nodiscard]] std::string text() const;  // id:u64 node:u64 of each, big-endian, by id; what is stored

  void place(ReplicaId replica, NodeId node) { places_[replica] = node; }
  void remove(ReplicaId replica) { places_.erase(replica); }
  // Only who is a member stays.
  void keep(const RaftMembership& members);
  [[nodiscard]] std::optional<NodeId> node_of(ReplicaId replica) const;
  [[nodiscard]] const std::map<ReplicaId, NodeId>& places() const { return places_; }

 private:
  std::map<ReplicaId, NodeId> places_;
};

}  // namespace parley::cluster
