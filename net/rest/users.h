#pragma once
// Users in the HTTP API: what calls say about them, read from query and body; and how they are written
// as JSON. Pure.

#include "core/request.h"
#include "core/settings.h"
#include "core/user.h"
#include "net/auth/http_signature.h"

#include <string>
#include <string_view>
#include <vector>

namespace parley::net {

// ---- what calls say ----

// `{"ids":["7","8"]}`, or `ids=7,8`. Each once, in the order of their first mention.
Result<std::vector<std::string>> decode_user_ids(std::string_view body, const App& app, std::size_t depth_max);
Result<std::vector<std::string>> split_user_ids(std::string_view text, const App& app);

struct KickCall {
  std::string channel;
  WallTime until;  // 0: it may come back at once
};
// `{"channel":…,"for_seconds":600}` or `"until":ms`, or neither.
Result<KickCall> decode_kick(std::string_view body, const App& app, std::size_t depth_max, WallTime now);

struct BanCall {
  WallTime until;
  std::string reason;
};
// `{"for_seconds":600,"reason":…}` or `"until":ms`.
Result<BanCall> decode_ban(std::string_view body, std::size_t depth_max, WallTime now);

// Nothing, or `{"revoke_tokens":true}`.
Result<bool> decode_terminate(std::string_view body, std::size_t depth_max);

inline constexpr std::size_t kBanReasonBytesMax = 200;  // 400

// ---- how users are written ----

// `"status":…,"since":…,"last_seen":…,"domains":[…]` without braces. Who is here is seen now.
void append_status_fields(std::string& out, const UserAbout& about, WallTime now);
// `{"id":…,` the above, `"user_info":…}`.
void append_user(std::string& out, const UserAbout& about, WallTime now);
// The whole record with what the user may not do.
void append_user_record(std::string& out, const UserAbout& about, WallTime now);
void append_session(std::string& out, const UserSession& session);
// A time, or null for 0.
void append_strings(std::string& out, const std::vector<std::string>& texts);

}  // namespace parley::net
