#pragma once
// What a replica is offered in a snapshot, and what it keeps while it gets the state behind it, as bytes
// (schemas/raft.capnp). What a peer or a disk has damaged is an Error. Pure.

#include "core/result.h"
#include "core/snapshot_transfer.h"

#include <string>
#include <string_view>

namespace parley::schemas {

inline constexpr std::uint16_t kSnapshotOfferVersion = 1;

std::string encode_snapshot_offer(const SnapshotOffer& offer);
// `corrupt`, or `newer_schema`: of a later release.
Result<SnapshotOffer> decode_snapshot_offer(std::string_view bytes);

// How far a shard's state has come from another replica. While there is one, the shard's rows are no state of anything,
// or they are that of `snapshot` and the group does not know it yet.
struct StoredRestore {
  bool complete = false;
  SnapshotCursor cursor{};  // what is before it is here; always at the beginning of a row
  std::uint64_t bytes = 0;  // of the rows up to there
  std::uint64_t checksum = 0;
  // The message that brought the snapshot: who has the rows, for which replica, and what they are the state of.
  ReplicaId from;
  ReplicaId to;
  Term term;
  RaftSnapshot snapshot;
  bool operator==(const StoredRestore&) const = default;
};
std::string encode_restore(const StoredRestore& restore);
Result<StoredRestore> decode_restore(std::string_view bytes);

}  // namespace parley::schemas
