#include "cluster/replica_directory.h"

#include "storage/keys.h"

namespace parley::cluster {

namespace keys = storage::keys;

Result<ReplicaDirectory> ReplicaDirectory::parse(std::string_view bytes) {
  ReplicaDirectory read;
  if (bytes.size() % 16 != 0) return make_error(Errc::corrupt, "where a shard's replicas are is unreadable");
  for (; !bytes.empty(); bytes.remove_prefix(16)) {
    const auto replica = keys::parse_number(bytes.substr(0, 8));
    const auto node = keys::parse_number(bytes.substr(8, 8));
    if (!replica || !node) return make_error(Errc::corrupt, "where a shard's replicas are is unreadable");
    read.places_[ReplicaId{*replica}] = NodeId{*node};
  }
  return read;
}

std::string ReplicaDirectory::text() const {
  std::string bytes;
  for (const auto& [replica, node] : places_) bytes += keys::number(replica.value) + keys::number(node.value);
  return bytes;
}

void ReplicaDirectory::keep(const RaftMembership& members) {
  std::erase_if(places_, [&](const auto& row) { return !members.has(row.first); });
}

std::optional<NodeId> ReplicaDirectory::node_of(ReplicaId replica) const {
  const auto found = places_.find(replica);
  if (found == places_.end()) return std::nullopt;
  return found->second;
}

}  // namespace parley::cluster
