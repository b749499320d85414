#pragma once
// What replicas of many shards say to those on one other node, as bytes. Pure.
//
// Nobody vouches for a peer's bytes: what is too large, damaged, of a later release or of a kind that does not travel
// is an Error, never an exception and never a CHECK, and what decoding costs is bounded by the size of the message.

#include "core/limits.h"
#include "core/raft_message.h"
#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley::schemas {

inline constexpr std::uint16_t kRaftBatchVersion = 1;
// Of one message; the core sends the same few at a time, and members are few.
inline constexpr std::size_t kRaftContextBytesMax = 1'024;
inline constexpr std::size_t kRaftMembersMax = 1'024;

// What a message has in a batch, about; never less.
std::size_t raft_wire_bytes(const RaftMessage& message);

// Heartbeats that say nothing else come back behind the others, each kind in its order. `too_large`.
Result<std::string> encode_raft_batch(std::span<const RaftToShard> messages,
                                      std::size_t bytes_max = PeerLimits{}.message_bytes_max);
// `too_large`, `newer_schema` or `corrupt`: nothing of it counts then.
Result<std::vector<RaftToShard>> decode_raft_batch(std::string_view bytes,
                                                   std::size_t bytes_max = PeerLimits{}.message_bytes_max);

// In as few batches as hold them, none of which is larger than `bytes_max` unless one message alone is; that one is
// left out when it is larger than `alone_bytes_max`, and counted in `dropped`.
struct RaftBatches {
  std::vector<std::string> batches;
  std::size_t dropped = 0;
};
RaftBatches raft_batches(std::span<const RaftToShard> messages, std::size_t bytes_max,
                         std::size_t alone_bytes_max = PeerLimits{}.message_bytes_max);

}  // namespace parley::schemas
