// Users over HTTP: who is here, since when, with which connections; and taking them off.

#include "net/rest/users.h"

#include "core/json_string.h"
#include "core/json_text.h"
#include "net/rest/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace parley::net {
namespace {

constexpr std::size_t kPageUsual = 100;
constexpr std::size_t kStatusBytes = 128;  // of one user in an answer, about

void answer_error(const RestCall& call, const Error& error) { respond_error(*call.exchange, call.route, error); }

// Control characters separate the parts of stored keys.
Status check_domain(std::string_view domain, const App& app) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (domain.size() > app.limits.channel_name_chars_max || std::any_of(domain.begin(), domain.end(), control)) {
    return make_error(Errc::bad_request,
                      fmt::format("a domain has 1 to {} characters, none of them a control character",
                                  app.limits.channel_name_chars_max));
  }
  return {};
}

// `{"users":[…],"next":…}` of those users that `wanted` lets through.
template <class Wanted>
std::string page_json(const UserList& list, WallTime now, Wanted wanted) {
  std::string out;
  out.reserve(64 + list.users.size() * 2 * kStatusBytes);
  out.append(R"({"users":[)");
  for (const auto& user : list.users) {
    if (!wanted(user)) continue;
    if (out.back() != '[') out.push_back(',');
    append_user(out, user, now);
  }
  out.append(R"(],"next":)");
  if (list.next.empty()) {
    out.append("null");
  } else {
    append_json_string(out, list.next);
  }
  out.push_back('}');
  return out;
}

std::string status_json(const UserList& list, WallTime now) {
  std::string out;
  out.reserve(32 + list.users.size() * kStatusBytes);
  out.append(R"({"users":{)");
  for (const auto& user : list.users) {
    if (out.back() != '{') out.push_back(',');
    append_json_string(out, user.user.id);
    out.append(":{");
    append_status_fields(out, user, now);
    out.push_back('}');
  }
  out.append("}}");
  return out;
}

std::string until_json(WallTime until, std::string_view more = {}) {
  std::string out = R"({"until":)";
  append_time(out, until);
  out.append(more).push_back('}');
  return out;
}

}  // namespace

void RestApi::user_status(const RestCallPtr& call) {
  const bool in_body = !call->query.has("ids");
  auto ids = in_body && !call->body.empty()
                 ? decode_user_ids(call->body, *call->app, call->settings->limits.json_depth_max)
                 : split_user_ids(call->query.get("ids"), *call->app);
  if (!ids) return answer_error(*call, ids.error());
  call->exchange->request({.from = {}, .what = GetUsers{call->app->id, std::move(*ids)}}, [call](Reply& reply) {
    const auto* list = std::get_if<UserList>(&reply.what);
    if (list == nullptr) return answer_error(*call, error_of(reply));
    respond(*call, status_json(*list, call->exchange->wall()));
  });
}

void RestApi::show_user(const RestCallPtr& call) {
  call->exchange->request({.from = {}, .what = GetUsers{call->app->id, {call->user}}}, [call](Reply& reply) {
    const auto* list = std::get_if<UserList>(&reply.what);
    if (list == nullptr || list->users.empty()) return answer_error(*call, error_of(reply));
    if (!list->users.front().known) {
      return answer_error(*call, make_error(Errc::not_found, "no user of this id was ever here"));
    }
    std::string out;
    append_user_record(out, list->users.front(), call->exchange->wall());
    respond(*call, std::move(out));
  });
}

void RestApi::show_sessions(const RestCallPtr& call) {
  call->exchange->request({.from = {}, .what = GetSessions{{call->app->id, call->user}}}, [call](Reply& reply) {
    const auto* list = std::get_if<SessionList>(&reply.what);
    if (list == nullptr) return answer_error(*call, error_of(reply));
    std::string out = R"({"id":)";
    append_id(out, call->user, list->user.record.id_form);
    out.push_back(',');
    append_status_fields(out, list->user, call->exchange->wall());
    out.append(R"(,"sessions":[)");
    for (const auto& session : list->sessions) {
      if (out.back() != '[') out.push_back(',');
      append_session(out, session);
    }
    respond(*call, out.append("]}"));
  });
}

void RestApi::list_app_users(const RestCallPtr& call) {
  ListUsers list{.app = call->app->id, .status = {}, .after = std::string(call->query.get("after"))};
  if (const auto name = call->query.get("status"); !name.empty()) {
    list.status = status_named(name);
    if (!list.status)
      return answer_error(*call, make_error(Errc::bad_request, "`status` must be online, away or offline"));
  }
  const auto limit = query_limit(call->query, kPageUsual, call->app->limits.users_per_call_max);
  if (!limit) return answer_error(*call, limit.error());
  list.limit = *limit;
  call->exchange->request({.from = {}, .what = std::move(list)}, [call](Reply& reply) {
    const auto* page = std::get_if<UserList>(&reply.what);
    if (page == nullptr) return answer_error(*call, error_of(reply));
    respond(*call, page_json(*page, call->exchange->wall(), [](const UserAbout&) { return true; }));
  });
}

void RestApi::list_domain_members(const RestCallPtr& call) {
  if (auto valid = check_domain(call->argument, *call->app); !valid) return answer_error(*call, valid.error());
  const auto limit = query_limit(call->query, kPageUsual, call->app->limits.users_per_call_max);
  if (!limit) return answer_error(*call, limit.error());
  ListDomain list{
      .app = call->app->id, .domain = call->argument, .after = std::string(call->query.get("after")), .limit = *limit};
  call->exchange->request({.from = {}, .what = std::move(list)}, [call](Reply& reply) {
    const auto* page = std::get_if<UserList>(&reply.what);
    if (page == nullptr) return answer_error(*call, error_of(reply));
    // The list of a domain follows the users' records: who has left it already is no member.
    respond(*call, page_json(*page, call->exchange->wall(), [&](const UserAbout& user) {
      return std::binary_search(user.record.domains.begin(), user.record.domains.end(), call->argument);
    }));
  });
}

void RestApi::kick_user(const RestCallPtr& call) {
  auto kick = decode_kick(call->body, *call->app, call->settings->limits.json_depth_max, call->exchange->wall());
  if (!kick) return answer_error(*call, kick.error());
  const auto until = kick->until;
  if (rights_changed_) rights_changed_(call->app->id);
  change(call, {.from = {}, .what = KickUser{{call->app->id, call->user}, std::move(kick->channel), until}},
         [until](const Done&) { return until_json(until); });
}

void RestApi::ban_user(const RestCallPtr& call) {
  auto ban = decode_ban(call->body, call->settings->limits.json_depth_max, call->exchange->wall());
  if (!ban) return answer_error(*call, ban.error());
  const auto until = ban->until;
  if (rights_changed_) rights_changed_(call->app->id);
  change(call, {.from = {}, .what = BanUser{{call->app->id, call->user}, until, std::move(ban->reason)}},
         [until](const Done& done) { return until_json(until, fmt::format(R"(,"connections":{})", done.count)); });
}

void RestApi::lift_ban(const RestCallPtr& call) {
  change(call, {.from = {}, .what = BanUser{{call->app->id, call->user}, {}, {}}},
         [](const Done&) { return std::string("{}"); });
}

void RestApi::forget_user(const RestCallPtr& call) {
  if (rights_changed_) rights_changed_(call->app->id);
  change(call, {.from = {}, .what = ForgetUser{{call->app->id, call->user}}},
         [](const Done& done) { return fmt::format(R"({{"connections":{}}})", done.count); });
}

void RestApi::terminate_user(const RestCallPtr& call) {
  const auto revoke = decode_terminate(call->body, call->settings->limits.json_depth_max);
  if (!revoke) return answer_error(*call, revoke.error());
  if (rights_changed_) rights_changed_(call->app->id);
  change(call, {.from = {}, .what = TerminateUser{{call->app->id, call->user}, *revoke}},
         [](const Done&) { return std::string("{}"); });
}

}  // namespace parley::net
