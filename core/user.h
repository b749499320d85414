#pragma once
// A person known by id: status over all channels and connections, last seen, domains, and what the
// person may not do. UserRecord is what is durable of it. Plain values; free of threads.

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/said_id.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

enum class UserStatus : std::uint8_t {
  offline,
  away,  // connected, but every session says that nobody is looking
  online,
};
std::string_view status_name(UserStatus status);
std::optional<UserStatus> status_named(std::string_view name);

// 1 to `chars_max` bytes without control characters. Ids are compared byte by byte.
Status check_user_id(std::string_view id, std::size_t chars_max);

// How a session came to speak for a user.
enum class Via : std::uint8_t {
  signature,  // pusher:signin, signed by the application
  token,      // a connection token
  presence,   // only as a member of presence channels
};
std::string_view via_name(Via via);

// A connection that the backend was told of by user_connected and must be told the end of. The id
// stays when the user comes back within the grace period on another socket.
struct ToldConnection {
  SocketId socket;
  WallTime since;
  bool operator==(const ToldConnection&) const = default;
};

struct ChannelBlock {
  std::string channel;  // whole name
  WallTime until;
  bool operator==(const ChannelBlock&) const = default;
};

// What a user may not do, and until when.
struct UserBlocks {
  WallTime banned_until;  // 0: not banned
  std::string ban_reason;
  WallTime tokens_since;  // connection tokens issued before are refused; 0: none
  std::vector<ChannelBlock> channels;
  [[nodiscard]] bool empty() const { return banned_until.ms == 0 && tokens_since.ms == 0 && channels.empty(); }
  bool operator==(const UserBlocks&) const = default;
};

struct UserRecord {
  UserStatus status = UserStatus::offline;
  WallTime since;                    // of this status
  WallTime last_seen;                // when the user was last surely here; while online: see last_seen_at()
  std::string user_info;             // JSON text of the newest sign-in, token or membership; may be empty
  std::vector<std::string> domains;  // sorted; kept while offline
  std::vector<ToldConnection> connections;
  UserBlocks blocks;
  IdForm id_form = IdForm::text;  // as the newest sign-in, token or membership said it

  // Somebody must look after it when the node starts: it ended without telling the end of something.
  [[nodiscard]] bool open() const { return status != UserStatus::offline || !connections.empty(); }
  bool operator==(const UserRecord&) const = default;
};

// What is told about a user.
struct UserAbout {
  UserKey user;
  bool known = false;  // false: never seen; the rest is empty
  UserRecord record;
};

// When somebody was last surely here, as everybody is told it: who is here is seen now.
[[nodiscard]] WallTime last_seen_at(const UserRecord& record, WallTime now);
// Status and times as JSON, `"status":…,"since":…,"last_seen":…` without braces: clients, backends and operators are
// all told this.
void append_status(std::string& out, const UserRecord& record, WallTime now);
void append_time(std::string& out, WallTime time);  // Unix milliseconds; null: never

}  // namespace parley
