#include "core/command.h"

#include <algorithm>

namespace parley {
namespace {

std::uint64_t of_one_shard(std::uint64_t of_node, std::uint16_t shards) {
  if (of_node == 0) return 0;
  return std::max<std::uint64_t>(of_node / std::max<std::uint16_t>(shards, 1), 1);
}

}  // namespace

std::string client_keys(std::string_view user_id) { return std::string("client:").append(user_id); }

ChannelKey user_place(const UserKey& user) { return {user.app, "user." + user.id}; }

ChannelKey domain_place(std::string_view app, std::string_view domain) {
  return {app, std::string("domain.").append(domain)};
}

ChannelKey session_place(std::string_view app, std::string_view key) {
  return {app, std::string("session.").append(key)};
}

NoticeBounds notice_bounds(const Settings& settings) {
  return {settings.limits.webhook_waiting_max, settings.limits.webhook_dead_letters_max};
}

CursorBounds cursor_bounds(const Settings& settings) {
  const auto& limits = settings.limits;
  return {limits.cursors_per_channel_max, of_one_shard(limits.cursor_bytes_max, settings.shard_count),
          of_one_shard(limits.cursor_bytes_per_address_max, settings.shard_count)};
}

SessionBounds session_bounds(const Settings& settings) {
  const auto& limits = settings.limits;
  return {limits.kept_sessions_max, of_one_shard(limits.kept_sessions_bytes_max, settings.shard_count),
          of_one_shard(limits.kept_sessions_bytes_per_address_max, settings.shard_count)};
}

}  // namespace parley
