#pragma once
// Something that the application's backend is to be told by a webhook: one event for one target. It is
// stored with its shard's log before anybody is told, and kept until the target has acknowledged it.
// Plain value; free of threads.

#include "core/clock.h"
#include "core/ids.h"
#include "core/said_id.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

enum class NoticeKind : std::uint8_t {
  // Pusher's seven
  channel_occupied,
  channel_vacated,
  member_added,
  member_removed,
  client_event,
  cache_miss,
  subscription_count,
  // a user over all channels and connections
  user_online,
  user_away,
  user_offline,
  user_connected,  // one connection of a user, debounced: a reload is no pair
  user_disconnected,
};
inline constexpr std::size_t kNoticeKinds = 12;

std::string_view notice_name(NoticeKind kind);  // as on the wire
std::optional<NoticeKind> notice_kind(std::string_view name);

// Which kinds a target wants.
using NoticeMask = std::uint32_t;
constexpr NoticeMask mask_of(NoticeKind kind) { return NoticeMask{1} << static_cast<unsigned>(kind); }
inline constexpr NoticeMask kPusherNotices = 0x7F;
inline constexpr NoticeMask kUserNotices = 0xF80;

struct Notice {
  std::string id;  // unique; the same over retries and replays: a receiver may drop doubles by it
  std::string app;
  std::string target;  // a webhook's name in the configuration
  NoticeKind kind = NoticeKind::channel_occupied;
  WallTime time;                     // when it happened
  std::string channel;               // of a channel's events
  std::string user_id;               // members', users', and of a client event on a presence channel
  std::string event;                 // client_event
  std::string data;                  // client_event: JSON text; `null`: the client sent none
  SocketId socket;                   // client_event, user_connected, user_disconnected
  std::uint64_t count = 0;           // subscription_count
  WallTime last_seen;                // user_offline
  std::vector<std::string> domains;  // of users' events
  IdForm id_form = IdForm::text;     // of user_id
};

// One that was given up: its target did not take it for too long, or too many waited.
struct DeadNotice {
  Notice notice;
  WallTime died;
  std::string why;  // readable
};

// Where a stored notice lies: rising numbers within a shard, in the order in which things happened.
struct NoticeRef {
  ShardId shard;
  std::uint64_t number = 0;
  auto operator<=>(const NoticeRef&) const = default;
};
// A notice that was stored just now, or found at the start.
struct NoticeRow {
  std::uint64_t number = 0;
  std::string target;
};

}  // namespace parley
