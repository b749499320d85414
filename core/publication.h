#pragma once
// Something published, and everything else that a channel tells its subscribers. Immutable values,
// shared by pointer between the channel actor, the hubs and the encoders.

#include "core/bytes.h"
#include "core/clock.h"
#include "core/ids.h"

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace parley {

// How `data` came in and must go out, byte for byte.
enum class DataKind : std::uint8_t {
  text,  // a string: Pusher's HTTP API. On Pusher's wire it is JSON-escaped once.
  json,  // JSON text of any type: client events. It is spliced in as it is.
};

struct Publication {
  std::string event;
  std::string data;
  DataKind kind = DataKind::text;
  std::string user_id;  // of the sender of a client event on a presence channel; else empty
  Position position;    // does not exist for ephemeral publications
  WallTime time;
  bool deleted = false;  // a hole left by a deletion: keeps its offset, is shown to nobody
  SocketId except;       // the session that was not to get it: nor when it comes back and has the same id
};
using PublicationPtr = std::shared_ptr<const Publication>;

struct Member {
  std::string user_id;
  std::string user_info;  // JSON text; empty: null
};
using MemberPtr = std::shared_ptr<const Member>;

// All members of a presence channel at one moment, in the order in which they came.
struct Roster {
  std::vector<MemberPtr> members;
};
using RosterPtr = std::shared_ptr<const Roster>;

// What a channel tells all who are subscribed. Sent once to each hub with listeners.
struct ChannelEvent {
  struct Published {
    PublicationPtr publication;
  };
  struct MemberAdded {
    MemberPtr member;
  };
  struct MemberRemoved {
    std::string user_id;
    std::string user_info;  // JSON text; may be empty
  };
  struct SubscriptionCount {
    std::uint64_t count;
  };
  struct Gap {  // publications between these two are in the history or gone, but nobody was told of them
    Epoch epoch;
    Offset after;
    Offset before;
  };

  ChannelKey channel;
  std::variant<Published, MemberAdded, MemberRemoved, SubscriptionCount, Gap> what;
  SocketId except;    // this session does not get it
  MonoTime accepted;  // when the node got the request: for the publish-to-write histogram
};
using ChannelEventPtr = std::shared_ptr<const ChannelEvent>;

}  // namespace parley
