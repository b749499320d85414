// Reading a channel's history over HTTP, page by page, and deleting from it.

#include "core/ids.h"
#include "net/json/history_json.h"
#include "net/rest/api.h"

#include <fmt/format.h>

#include <optional>

namespace parley::net {
namespace {

Result<GetHistory> parse_query(const RestCall& call) {
  GetHistory query{.channel = call.key(call.channel)};
  if (const auto since = call.query.get("since"); !since.empty()) {
    const auto position = parse_position(since);
    if (!position) return make_error(Errc::bad_position, "`since` must be epoch:offset as it was received");
    if (position->exists()) query.since = *position;  // all zero: from the beginning
  }
  const auto from = query_number(call.query, "from");
  if (!from) return from.error();
  if (*from) query.from_time = WallTime{**from};
  const auto to = query_number(call.query, "to");
  if (!to) return to.error();
  if (*to) query.to_time = WallTime{**to};
  const auto limit = query_limit(call.query, query.limit, call.settings->limits.history_page_max);
  if (!limit) return limit.error();
  query.limit = *limit;
  const auto direction = call.query.get("direction");
  if (direction == "backward") {
    query.direction = Direction::backward;
  } else if (!direction.empty() && direction != "forward") {
    return make_error(Errc::bad_request, "`direction` must be forward or backward");
  }
  return query;
}

std::string deleted_json(const Done& done) {
  return done.count == 0 ? std::string() : fmt::format(R"({{"deleted":{}}})", done.count);
}

}  // namespace

void RestApi::read_history(const RestCallPtr& call) {
  auto query = parse_query(*call);
  if (!query) return respond_error(*call->exchange, call->route, query.error());
  const auto since = query->since;
  call->exchange->request({.from = {}, .what = std::move(*query)}, [call, since](Reply& reply) {
    const auto* page = std::get_if<HistoryPage>(&reply.what);
    if (page == nullptr) return respond_error(*call->exchange, call->route, error_of(reply));
    respond(*call, history_json(call->channel, *page, since));
  });
}

void RestApi::delete_history(const RestCallPtr& call) {
  change(call, {.from = {}, .what = DeleteHistory{call->key(call->channel)}},
         [](const Done& done) { return fmt::format(R"({{"deleted":{}}})", done.count); });
}

void RestApi::delete_publication(const RestCallPtr& call) {
  const auto position = parse_position(call->argument);
  if (!position) {
    return respond_error(*call->exchange, call->route,
                         make_error(Errc::bad_position, "the path must end with epoch:offset as it was received"));
  }
  change(call, {.from = {}, .what = DeletePublication{call->key(call->channel), *position}}, deleted_json);
}

}  // namespace parley::net
