#pragma once
// What nodes send each other, as bytes: an envelope with a request, an answer, an event, gossip, or what gets a shard's
// state to another node. Pure.
//
// Nobody vouches for a peer's bytes. What is too large, damaged, of a later release or plainly wrong is an Error, never
// an exception and never a CHECK, and what decoding costs is bounded by the size of the message. What is local to a
// process (schemas/peer.capnp says what) does not travel.

#include "core/address.h"
#include "core/gossip.h"
#include "core/limits.h"
#include "core/publication.h"
#include "core/replica_news.h"
#include "core/request.h"
#include "core/result.h"
#include "core/snapshot_transfer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parley::schemas {

inline constexpr std::uint16_t kEnvelopeVersion = 1;

// An event for those hubs of the node that have listeners.
struct Delivery {
  std::vector<HubId> hubs;
  ChannelEventPtr event;
};

struct Envelope {
  NodeAddress from;
  NodeAddress to;  // no incarnation: whichever process the node has now
  // Of what is for a shard: who sends it believes the receiver to lead the shard in that term.
  std::optional<ShardId> shard{};
  Term term{};
  std::variant<Request, Reply, Delivery, Gossip, SnapshotAsk, SnapshotPart, RaftBatch, ReplicaNews> what{};

  // Whether it is meant for this process. What is not is dropped, and counted.
  [[nodiscard]] bool is_for(const NodeAddress& self) const {
    return to.node == self.node && (to.incarnation.value == 0 || to.incarnation == self.incarnation);
  }
};

// The node of a request's `from` is the sender, that of an answer's `to` the receiver, whatever they say.
// `too_large`: it has more than `bytes_max` (gossip: more than ClusterLimits::gossip_bytes_max; of a shard's state:
// more than SnapshotLimits::message_bytes_max), or a name or list in it is too long. `bad_request`: it does not travel.
Result<std::string> encode_envelope(const Envelope& envelope, std::size_t bytes_max = PeerLimits{}.message_bytes_max);
// What was accepted, was it on its arrival here. `too_large`, `newer_schema` or `corrupt`.
Result<Envelope> decode_envelope(std::string_view bytes, MonoTime arrived,
                                 std::size_t bytes_max = PeerLimits{}.message_bytes_max);

}  // namespace parley::schemas
