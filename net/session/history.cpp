// Reading the history of a channel that the client is on.

#include "net/session/channel_session.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::net {

Status ChannelSession::ask_history(const HistoryData& asked, std::uint64_t ticket, MonoTime now, Actions& actions) {
  const auto* subscription = find(asked.channel);
  if (subscription == nullptr || !subscription->active) {
    return make_error(Errc::not_subscribed, fmt::format("the connection is not subscribed to {}", asked.channel));
  }
  GetHistory query{.channel = key(asked.channel)};
  if (!asked.since.empty()) {
    const auto since = parse_position(asked.since);
    if (!since) return make_error(Errc::bad_position, "`since` must be epoch:offset as it was received");
    if (since->exists()) query.since = *since;  // all zero: from the beginning
    query.direction = Direction::forward;
  } else {
    query.direction = Direction::backward;
  }
  if (asked.direction) query.direction = *asked.direction;
  if (asked.limit) query.limit = *asked.limit;
  query.limit = std::min(query.limit, settings_->limits.history_page_max);
  if (auto allowed = take_allowance(now); !allowed) return allowed;
  actions.request({.from = ReplyTo{{}, ticket}, .what = std::move(query)});
  return {};
}

}  // namespace parley::net
