#pragma once
// What is proposed to a shard's log, and what applying it results in. Commands are deterministic:
// they carry the leader's time and every random number, so that each replica applies them alike.

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

struct AppendPublication {
  std::string event;
  std::string data;
  DataKind kind = DataKind::text;
  std::string user_id;
  std::string idempotency_key;
  std::string once;
  Epoch epoch_if_new;   // the channel's epoch if this is its first publication
  Retention retention;  // of the rule at the time: replicas must trim alike
  bool cache = false;   // becomes the cached event of a cache channel
  SocketId except;      // as in Publication
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
struct SaveCursors {
  struct Cursor {
    std::string client_id;
    Offset offset;
    bool forget = false;
  };
  std::vector<Cursor> cursors;
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
struct SaveSession {
  std::string record;
  WallTime expires;
  std::uint64_t kept_max = 0;  // in one shard; beyond it the one that expires first goes. 0: no bound
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

struct Command {
  ChannelKey channel;
  WallTime time;
  std::variant<AppendPublication, RemovePublication, RemoveHistory, TrimHistory, SaveCursors, SaveNotices, SaveUser,
               SaveMember, SettleNotices, SaveSession, ClaimSession, ForgetSession>
      what;
};

// What happened. `token` is the proposer's; 0 on replicas and on replay.
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
  CommandToken token = 0;
  std::variant<Appended, Duplicate, Replayed, Removed, Noted, Claimed, Nothing> what;
};

}  // namespace parley
