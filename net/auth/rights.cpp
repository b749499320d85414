#include "net/auth/rights.h"

#include "core/channel_name.h"
#include "core/settings.h"

#include <algorithm>

namespace parley::net::auth {
namespace {

bool contains(const std::vector<std::string>& ids, std::string_view id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

bool has_prefix(std::string_view pattern) {
  for (const std::string_view prefix : {"private-", "presence-", "cache-", "#server-to-user-"}) {
    if (pattern.starts_with(prefix)) return true;
  }
  return false;
}

bool pattern_allows(const std::vector<std::string>& patterns, std::string_view name, const ChannelTraits& traits) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    if (has_prefix(pattern)) return pattern_matches(pattern, name);
    // The base of #server-to-user-{id} is an id that a user may have chosen, and no channel's name.
    return !traits.server_to_user && pattern_matches(pattern, traits.base);
  });
}

}  // namespace

bool may_join(const Claims& claims, std::string_view channel_name) {
  const auto traits = channel_traits(channel_name);
  if (!traits.needs_auth && !traits.server_to_user) return true;
  if (pattern_allows(claims.channels, channel_name, traits)) return true;
  if (traits.server_to_user) return traits.base == claims.user_id;
  const auto id = traits.base.substr(traits.base.find('.') + 1);  // of `domain.7`
  switch (traits.kind) {
    case ChannelKind::user:
      return id == claims.user_id;
    case ChannelKind::domain:
      return contains(claims.domains, id);
    case ChannelKind::admin:
      return claims.admin_all || contains(claims.admin, id);
    case ChannelKind::plain:
      break;
  }
  return false;
}

}  // namespace parley::net::auth
