#pragma once
// What is kept of a Socket.IO session in the log, so that it can be taken up again: who it was and where it was
// subscribed. Not what it has received: that comes back with the client, as an offset. Values; pure.

#include "core/clock.h"
#include "core/ids.h"
#include "core/publication.h"
#include "core/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net::socketio {

enum class KeptProof : std::uint8_t {
  again,      // whatever opened the channel is asked for again
  signature,  // was signed for this socket id, which stays
};

struct KeptChannel {
  std::string name;
  // Where the subscription began: what the client has is its own word. Epoch 0: nothing was published yet.
  Position position;
  KeptProof proof = KeptProof::again;
  MemberPtr member;  // of a presence channel: who it has to be again
  std::string user;  // KeptProof::signature: whom the session spoke for there; may be empty
};

struct KeptSession {
  std::string nsp;
  SocketId socket;
  std::string user;  // whom the session spoke for; empty: nobody
  std::vector<KeptChannel> channels;
};

std::string kept_text(const KeptSession& session);
Result<KeptSession> parse_kept(std::string_view text);

// What a client says that it has: `tag.offset` for each channel, joined by `-`. Nothing: it is none of ours.
struct TaggedOffset {
  std::string tag;
  Offset offset;
};
std::optional<std::vector<TaggedOffset>> parse_offsets(std::string_view text);

// Where each channel of the session goes on, in their order.
struct GoingOn {
  std::vector<Position> since;
  // Offsets of histories that did not exist when the session was kept: of channels without an epoch.
  std::vector<TaggedOffset> unnamed;
};
// Nothing: the offset names a channel that is not among them, so something may have been missed that is not known of.
std::optional<GoingOn> going_on(const KeptSession& session, std::vector<TaggedOffset> offsets);

}  // namespace parley::net::socketio
