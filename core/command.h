#pragma once
// What is proposed to a shard's log, and what applying it results in. Commands are deterministic:
// they carry the leader's time and every random number, so that each replica applies them alike.

#include "core/publication.h"
#include "core/settings.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace parley {

// Names a pending command to its channel actor; echoed in the effect. Not part of the log.
using CommandToken = std::uint64_t;

struct AppendPublication {
  std::string event;
  std::string data;
  DataKind kind = DataKind::text;
  std::string user_id;
  std::string idempotency_key;
  std::string once;
  Epoch epoch_if_new;     // the channel's epoch if this is its first publication
  Retention retention;    // of the rule at the time: replicas must trim alike
  bool cache = false;     // becomes the cached event of a cache channel
};
struct RemovePublication { Position position; };
struct RemoveHistory { Epoch epoch_if_new; };
struct TrimHistory { Retention retention; };
struct SaveCursors {
  struct Cursor { std::string client_id; Offset offset; bool forget = false; };
  std::vector<Cursor> cursors;
};

struct Command {
  ChannelKey channel;
  WallTime time;
  std::variant<AppendPublication, RemovePublication, RemoveHistory, TrimHistory, SaveCursors> what;
};

// What happened. `token` is the proposer's; 0 on replicas and on replay.
struct Effect {
  struct Appended { PublicationPtr publication; };
  struct Duplicate { Position first; };  // idempotency key known
  struct Replayed {};                    // `once` known
  struct Removed { std::uint64_t count; };
  struct Nothing {};

  ChannelKey channel;
  CommandToken token = 0;
  std::variant<Appended, Duplicate, Replayed, Removed, Nothing> what;
};

}  // namespace parley
