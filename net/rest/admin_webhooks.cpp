// Operators and webhooks: how the delivery goes, and what becomes of dead letters.

#include "net/json/fields.h"
#include "net/rest/admin.h"
#include "net/rest/users.h"

#include <fmt/format.h>

namespace parley::net {
namespace {

constexpr auto kBad = Errc::bad_request;
constexpr std::size_t kDeadUsual = 100;
constexpr std::size_t kDeadMax = 1'000;  // of one page, and ids of one call

void append_text_or_null(std::string& out, std::string_view name, std::string_view text) {
  out.append(fmt::format(R"(,"{}":)", name));
  if (text.empty()) {
    out.append("null");
  } else {
    append_json_string(out, text);
  }
}

void append_webhook(std::string& out, const WebhookAbout& about) {
  out.append(R"({"target":)");
  append_json_string(out, about.target);
  out.append(R"(,"app":)");
  append_json_string(out, about.app);
  append_text_or_null(out, "url", about.url);
  out.append(fmt::format(R"(,"configured":{},"waiting":{},"in_flight":{},"delivered":{},"failures":{})",
                         about.configured, about.waiting, about.in_flight, about.delivered, about.failures));
  append_text_or_null(out, "last_failure", about.last_failure);
  out.append(fmt::format(R"(,"dead":{}}})", about.dead));
}

// Fields that this kind of event does not have are left out.
void append_dead(std::string& out, const DeadNotice& dead) {
  const auto& notice = dead.notice;
  out.append(R"({"id":)");
  append_json_string(out, notice.id);
  out.append(fmt::format(R"(,"name":"{}","app":)", notice_name(notice.kind)));
  append_json_string(out, notice.app);
  out.append(R"(,"time":)");
  append_time(out, notice.time);
  out.append(R"(,"died":)");
  append_time(out, dead.died);
  append_text_or_null(out, "why", dead.why);
  if (!notice.channel.empty()) append_text_or_null(out, "channel", notice.channel);
  if (!notice.user_id.empty()) append_id(out.append(R"(,"user_id":)"), notice.user_id, notice.id_form);
  if (!notice.event.empty()) append_text_or_null(out, "event", notice.event);
  if (!notice.data.empty()) append_text_or_null(out, "data", notice.data);
  if (notice.socket.exists()) append_text_or_null(out, "socket_id", notice.socket.text());
  if (notice.kind == NoticeKind::subscription_count) {
    out.append(fmt::format(R"(,"subscription_count":{})", notice.count));
  }
  if (notice.kind == NoticeKind::user_offline) {
    out.append(R"(,"last_seen":)");
    append_time(out, notice.last_seen);
  }
  if (!notice.domains.empty()) {
    out.append(R"(,"domains":)");
    append_strings(out, notice.domains);
  }
  out.push_back('}');
}

// `{"ids":["…"]}` or `{"all":true}`; all is an empty list.
Result<std::vector<std::string>> decode_ids(std::string_view body, std::size_t depth_max) {
  if (auto valid = check_json(body, depth_max); !valid) {
    return make_error(kBad, "the body: " + valid.error().message);
  }
  const auto fields = read_fields<2>(trimmed(body), {"ids", "all"}, kBad, "the body");
  if (!fields) return fields.error();
  const auto [ids, all] = *fields;
  if (!all.empty() && all != "true" && all != "false") return make_error(kBad, "`all` must be true or false");
  if ((all == "true") == !ids.empty()) return make_error(kBad, R"(give either `ids` or `"all":true`)");
  std::vector<std::string> names;
  if (all == "true") return names;
  if (type_of(ids) != JsonType::array) return make_error(kBad, "`ids` must be an array of notices' ids");
  JsonArray items(ids);
  while (items.next()) {
    if (type_of(items.value()) != JsonType::string) return make_error(kBad, "a notice's id must be a string");
    if (names.size() >= kDeadMax) return make_error(kBad, fmt::format("a call names at most {} notices", kDeadMax));
    names.push_back(json_string(items.value()));
  }
  if (names.empty()) return make_error(kBad, R"(`ids` is empty; `"all":true` means all)");
  return names;
}

// `{"replayed":N}` or `{"dropped":N}`.
void settle_dead(const std::shared_ptr<Exchange>& exchange, std::string_view route, ReplayNotices replay) {
  const auto* what = replay.drop ? "dropped" : "replayed";
  exchange->request({.from = {}, .what = std::move(replay)}, [exchange, route, what](Reply& reply) {
    const auto* done = std::get_if<Done>(&reply.what);
    if (done == nullptr) return respond_error(*exchange, route, error_of(reply));
    exchange->respond({.body = fmt::format(R"({{"{}":{}}})", what, done->count), .route = route});
  });
}

}  // namespace

void AdminApi::list_webhooks(const Call& call) const {
  ListWebhooks list{std::string(call.query.get("app"))};
  call.exchange->request({.from = {}, .what = std::move(list)}, [call](Reply& reply) {
    const auto* found = std::get_if<WebhookList>(&reply.what);
    if (found == nullptr) return respond_error(*call.exchange, call.route, error_of(reply));
    std::string out = R"({"webhooks":[)";
    for (const auto& about : found->webhooks) {
      if (out.back() != '[') out.push_back(',');
      append_webhook(out, about);
    }
    call.exchange->respond({.body = out.append("]}"), .route = call.route});
  });
}

void AdminApi::list_dead(const Call& call) const {
  const auto limit = query_limit(call.query, kDeadUsual, kDeadMax);
  if (!limit) return respond_error(*call.exchange, call.route, limit.error());
  ListDeadNotices list{.target = call.target, .after = std::string(call.query.get("after")), .limit = *limit};
  call.exchange->request({.from = {}, .what = std::move(list)}, [call](Reply& reply) {
    const auto* found = std::get_if<DeadNoticeList>(&reply.what);
    if (found == nullptr) return respond_error(*call.exchange, call.route, error_of(reply));
    std::string out = R"({"notices":[)";
    for (const auto& dead : found->notices) {
      if (out.back() != '[') out.push_back(',');
      append_dead(out, dead);
    }
    out.push_back(']');
    append_text_or_null(out, "next", found->next);
    call.exchange->respond({.body = out.append("}"), .route = call.route});
  });
}

void AdminApi::replay_dead(const Call& call) const {
  auto ids = decode_ids(call.body, call.exchange->settings()->limits.json_depth_max);
  if (!ids) return respond_error(*call.exchange, call.route, ids.error());
  settle_dead(call.exchange, call.route, {.target = call.target, .ids = std::move(*ids), .drop = false});
}

void AdminApi::drop_dead(const Call& call) const {
  auto ids = decode_ids(call.body, call.exchange->settings()->limits.json_depth_max);
  if (!ids) return respond_error(*call.exchange, call.route, ids.error());
  settle_dead(call.exchange, call.route, {.target = call.target, .ids = std::move(*ids), .drop = true});
}

}  // namespace parley::net
