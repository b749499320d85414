#include "core/user.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace parley {

std::string_view status_name(UserStatus status) {
  switch (status) {
    case UserStatus::offline:
      return "offline";
    case UserStatus::away:
      return "away";
    case UserStatus::online:
      return "online";
  }
  return "offline";
}

std::optional<UserStatus> status_named(std::string_view name) {
  for (const auto status : {UserStatus::offline, UserStatus::away, UserStatus::online}) {
    if (status_name(status) == name) return status;
  }
  return std::nullopt;
}

Status check_user_id(std::string_view id, std::size_t chars_max) {
  if (id.empty() || id.size() > chars_max) {
    return make_error(Errc::bad_request, fmt::format("a user id has 1 to {} characters", chars_max));
  }
  const bool control = std::any_of(id.begin(), id.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
  if (control) return make_error(Errc::bad_request, "a user id has no control characters");
  return {};
}

std::string_view via_name(Via via) {
  switch (via) {
    case Via::signature:
      return "signature";
    case Via::token:
      return "token";
    case Via::presence:
      return "presence";
  }
  return "signature";
}

WallTime last_seen_at(const UserRecord& record, WallTime now) {
  return record.status == UserStatus::offline ? record.last_seen : now;
}

void append_time(std::string& out, WallTime time) {
  if (time.ms == 0) {
    out.append("null");
  } else {
    fmt::format_to(std::back_inserter(out), "{}", time.ms);
  }
}

void append_status(std::string& out, const UserRecord& record, WallTime now) {
  out.append(R"("status":")").append(status_name(record.status)).append(R"(","since":)");
  append_time(out, record.since);
  out.append(R"(,"last_seen":)");
  append_time(out, last_seen_at(record, now));
}

}  // namespace parley
