#include "core/command.h"

#include <algorithm>

namespace parley {

ChannelKey user_place(const UserKey& user) { return {user.app, "user." + user.id}; }

ChannelKey domain_place(std::string_view app, std::string_view domain) {
  return {app, std::string("domain.").append(domain)};
}

NoticeBounds notice_bounds(const Settings& settings) {
  const auto share = [&](std::uint64_t all) { return all / std::max<std::uint64_t>(settings.shard_count, 1) + 1; };
  return {share(settings.limits.webhook_waiting_max), share(settings.limits.webhook_dead_letters_max)};
}

}  // namespace parley
