#include "core/command.h"

namespace parley {

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

}  // namespace parley
