#pragma once
// What a channel's name says: who may join, what it keeps, which kind of actor serves it.
// The prefix is part of the name everywhere (Pusher protocol 7, "Channel naming"). Values; pure.

#include "core/result.h"

#include <cstdint>
#include <string_view>

namespace parley {

enum class ChannelKind : std::uint8_t { plain, user, domain, admin };

struct ChannelTraits {
  bool needs_auth = false;  // private-, presence- in all combinations
  bool presence = false;
  bool encrypted = false;                 // payloads opaque, no client events
  bool cache = false;                     // the last event is given to who subscribes
  bool server_to_user = false;            // #server-to-user-{id}
  std::string_view base;                  // name without prefixes: `domain.7`; the user's id for server-to-user
  ChannelKind kind = ChannelKind::plain;  // by base: `user.`, `domain.`, `admin.`

  [[nodiscard]] bool client_events() const { return needs_auth && !encrypted; }
};

// Views point into `name`. Longest prefix wins. Does not check the charset.
ChannelTraits channel_traits(std::string_view name);

// Charset [A-Za-z0-9_-=@,.;], `#` only first and only for server-to-user; 1 to `length_max` bytes.
Status check_channel_name(std::string_view name, std::size_t length_max);

// Event names: 1 to `length_max` bytes, no control characters, no reserved prefix (`pusher:`,
// `pusher_internal:`, `parley:`).
Status check_event_name(std::string_view name, std::size_t length_max);

const char* to_text(ChannelKind kind);

}  // namespace parley
