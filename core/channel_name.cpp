#include "core/channel_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley {
namespace {

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool channel_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-=@,.;").find(c) != std::string_view::npos;
}

}  // namespace

ChannelTraits channel_traits(std::string_view name) {
  ChannelTraits traits;
  auto rest = name;
  if (take(rest, "#server-to-user-")) {
    traits.server_to_user = true;
    traits.kind = ChannelKind::user;
    traits.base = rest;
    return traits;
  }
  if (take(rest, "private-encrypted-")) {
    traits.needs_auth = traits.encrypted = true;
  } else if (take(rest, "private-")) {
    traits.needs_auth = true;
  } else if (take(rest, "presence-")) {
    traits.needs_auth = traits.presence = true;
  }
  traits.cache = take(rest, "cache-");
  traits.base = rest;
  if (rest.starts_with("user.")) traits.kind = ChannelKind::user;
  if (rest.starts_with("domain.")) traits.kind = ChannelKind::domain;
  if (rest.starts_with("admin.")) traits.kind = ChannelKind::admin;
  return traits;
}

Status check_channel_name(std::string_view name, std::size_t length_max) {
  if (name.empty()) return make_error(Errc::bad_channel_name, "a channel name has at least one character");
  if (name.size() > length_max) {
    return make_error(Errc::bad_channel_name, fmt::format("a channel name has at most {} characters", length_max));
  }
  auto rest = name;
  if (rest.front() == '#' && !take(rest, "#server-to-user-")) {
    return make_error(Errc::bad_channel_name, "only #server-to-user-{id} starts with #");
  }
  if (rest.empty() || !std::all_of(rest.begin(), rest.end(), channel_byte)) {
    return make_error(Errc::bad_channel_name, "a channel name consists of letters, digits and _ - = @ , . ;");
  }
  return {};
}

Status check_event_name(std::string_view name, std::size_t length_max) {
  if (name.empty() || name.size() > length_max) {
    return make_error(Errc::bad_event_name, fmt::format("an event name has 1 to {} characters", length_max));
  }
  for (const unsigned char c : name) {
    if (c < 0x20 || c == 0x7F) return make_error(Errc::bad_event_name, "an event name has no control characters");
  }
  for (const std::string_view reserved : {"pusher:", "pusher_internal:", "parley:"}) {
    if (name.starts_with(reserved))
      return make_error(Errc::bad_event_name, fmt::format("event names starting with {} are reserved", reserved));
  }
  return {};
}

const char* to_text(ChannelKind kind) {
  switch (kind) {
    case ChannelKind::user:
      return "user";
    case ChannelKind::domain:
      return "domain";
    case ChannelKind::admin:
      return "admin";
    case ChannelKind::plain:
      break;
  }
  return "plain";
}

}  // namespace parley
