#pragma once
// What is proposed to a shard's log, and what applying it results in. Commands are deterministic:
// they carry the leader's time and every random number, so that each replica applies them alike.

#include "core/client_origin.h"
#include "core/notice.h"
#include "core/publication.h"
#include "core/settings.h"
#include "core/user.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parley {

// Names a pending command to its channel actor; echoed in the effect. Not part of the log.
using CommandToken = std::uint64_t;

// Whose an idempotency key is: the same text from two of them is two keys. Stored beside the key; a record without one
// is of a release that knew no scopes and answers to all of them.
inline constexpr std::string_view kApplicationKeys = "app";
inline constexpr std::string_view kBatchKeys = "batch";  // a header's key with an event's number
std::string client_keys(std::string_view user_id);       // of one user's client events

struct AppendPublication {
  std::string event;
  std::string data;
  DataKind kind = DataKind::text;
  std::string user_id;
  std::string idempotency_key;
  std::string once;
  Epoch epoch_if_new;     // never 0: the channel's epoch if the shard knows none, whatever the proposer believes
  Retention retention;    // of the rule at the time: replicas must trim alike
  bool cache = false;     // becomes the cached event of a cache channel
  SocketId except;        // as in Publication
  bool unsynced = false;  // durability async: told before the disk has it
  std::string key_scope;
  milliseconds once_repeat{0};    // as in Publish
  IdForm id_form = IdForm::text;  // of user_id
};
struct RemovePublication {
  Position position;
};
struct RemoveHistory {
  Epoch epoch_if_new;
};
struct TrimHistory {
  Retention retention;
};
// Bounds of confirmed positions, as the configuration said at the time: replicas must forget alike. Beyond them the
// oldest go, of the origin that has most.
struct CursorBounds {
  std::uint64_t per_channel_max = 0;   // 0: said by a release that had no other bound; the machine's own counts
  std::uint64_t bytes_max = 0;         // in one shard; 0: no bound
  std::uint64_t origin_bytes_max = 0;  // of one origin in one shard; 0: no bound
};
struct SaveCursors {
  struct Cursor {
    std::string client_id;
    Offset offset;
    bool forget = false;
    Epoch epoch{};          // that the offset is of; 0: before the first publication. One of another life means a gap
    Origin origin{};        // whose share it counts to
    bool owes_gap = false;  // a gap up to the offset is announced: until the client confirms it, it is told again
  };
  // Nothing is kept of a channel that nobody ever published on: its name may be a stranger's invention.
  enum class For : std::uint8_t {
    any,        // so it was before that rule
    published,  // of epoch 0: dropped while nothing is published
    first,      // the channel's first publication comes right after it
  };
  std::vector<Cursor> cursors;
  CursorBounds bounds{};
  For kept_for = For::any;
  // Positions from before the first publication may be unknown here until then: who comes without one is told of a gap.
  WallTime unsure_until{};
};
// Where a client is on a channel, as far as it is known.
struct CursorFound {
  std::optional<Position> position{};  // of epoch 0: in the life that the channel has
  bool forgotten = false;  // no position, but there may have been one: who comes is not surely here for the first time
  bool owes_gap = false;   // before the position there is a gap, of which the client may not have heard
};

// Bounds of a target's stored notices in one shard, as the configuration said at the time: replicas
// must trim alike. Beyond them the oldest waiting notice becomes a dead letter, the oldest dead letter goes.
struct NoticeBounds {
  std::uint64_t waiting_max = 0;
  std::uint64_t dead_max = 0;
};

// What a channel's backend was told stands as told until the opposite is: after a crash it is due the rest.
struct Told {
  std::string user_id;  // a member; empty: that the channel is occupied
  bool present = false;
  IdForm id_form = IdForm::text;
};
struct SaveNotices {
  std::vector<Notice> notices;
  std::vector<Told> told;
  NoticeBounds bounds;
};
// The user is that of the command's channel, `user.{id}`; its record is replaced, an empty one removed.
struct SaveUser {
  UserRecord record;
  std::vector<Notice> notices;
  NoticeBounds bounds;
};
// Who belongs to the domain of the command's channel, `domain.{id}`.
struct SaveMember {
  std::string user_id;
  bool belongs = true;
};
// What became of notices: acknowledged by their target, given up, sent again, or dropped.
struct SettleNotices {
  struct Dead {
    std::uint64_t number = 0;
    std::string why;
  };
  std::vector<std::uint64_t> delivered;  // of waiting ones
  std::vector<Dead> dead;                // of waiting ones
  std::vector<std::uint64_t> replayed;   // of dead ones: they wait again, behind all others
  std::vector<std::uint64_t> dropped;    // of dead ones
  NoticeBounds bounds;
};

// A kept session is that of the command's channel, `session.{key}`. Each of these three also removes a few
// that have expired by the command's time.
// Bounds in one shard; 0: none. Beyond them those that expire last go, of the origin that has most.
struct SessionBounds {
  std::uint64_t kept_max = 0;
  std::uint64_t bytes_max = 0;
  std::uint64_t origin_bytes_max = 0;
};
struct SaveSession {
  std::string record;
  WallTime expires;
  SessionBounds bounds{};
  Origin origin{};  // whose share it counts to
};
struct ClaimSession {};  // gives the record and removes it
struct ForgetSession {
  bool if_expired = false;  // else in any case
};

// A user's commands go to the shard of the channel `user.{id}`, a domain's to that of `domain.{id}`, a kept
// session's to that of `session.{key}`. No channel of these names need exist.
ChannelKey user_place(const UserKey& user);
ChannelKey domain_place(std::string_view app, std::string_view domain);
ChannelKey session_place(std::string_view app, std::string_view key);
// The bounds of a target's notices in one shard.
NoticeBounds notice_bounds(const Settings& settings);
// Of confirmed positions: the node's bytes are spread over the shards.
CursorBounds cursor_bounds(const Settings& settings);
SessionBounds session_bounds(const Settings& settings);

// What bounds the machine itself, as the configuration of the proposing node said: replicas must forget alike. Of a
// whole log entry. 0: said by a release that did not say; the machine's own count.
struct MachineBounds {
  seconds idempotency_window{0};
  std::uint64_t idempotency_keys_max = 0;
  seconds cursor_lifetime{0};
};

struct Command {
  ChannelKey channel;
  WallTime time;
  std::variant<AppendPublication, RemovePublication, RemoveHistory, TrimHistory, SaveCursors, SaveNotices, SaveUser,
               SaveMember, SettleNotices, SaveSession, ClaimSession, ForgetSession>
      what;
};

// What happened.
struct Effect {
  struct Appended {
    PublicationPtr publication;
  };
  struct Duplicate {
    Position first;
  };                   // idempotency key known
  struct Replayed {};  // `once` known
  struct Removed {
    std::uint64_t count;
  };
  // Notices that wait now, and numbers that do not wait any more because a bound was reached.
  struct Noted {
    std::vector<NoticeRow> rows;
    std::vector<std::uint64_t> died;
  };
  struct Claimed {
    std::optional<std::string> record;  // nothing: not kept, or expired
    WallTime expires;                   // of the record
  };
  struct Nothing {};

  ChannelKey channel;
  std::variant<Appended, Duplicate, Replayed, Removed, Noted, Claimed, Nothing> what;
};

}  // namespace parley
