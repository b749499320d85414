#include "net/rest/api.h"

#include "core/channel_name.h"
#include "core/limits.h"
#include "core/user.h"
#include "net/session/client_messages.h"

#include <fmt/format.h>

#include <array>

namespace parley::net {

// A path behind /apps/{app}: `{channel}`, `{user}`, and `{position}` or `{domain}`, which is the argument.
struct RestApi::Route {
  std::string_view method;
  RouteParts parts;
  std::string_view name;
  void (RestApi::*serve)(const RestCallPtr&);
  void (RestApi::*by_key)(const RestCallPtr&) = nullptr;  // null: an API key does not open it
};

std::span<const RestApi::Route> RestApi::routes() {
  // The first that fits counts: a fixed word stands before `{user}`.
  static const auto table = std::to_array<Route>({
      {"POST", {"events"}, "events", &RestApi::publish, &RestApi::publish},
      {"POST", {"batch_events"}, "batch_events", &RestApi::publish_batch},
      {"GET", {"channels"}, "channels", &RestApi::list_channels, &RestApi::list_channels_by_key},
      {"GET", {"channels", "{channel}"}, "channel", &RestApi::show_channel, &RestApi::show_channel_by_key},
      {"GET", {"channels", "{channel}", "users"}, "channel_users", &RestApi::list_users, &RestApi::list_users_by_key},
      {"GET", {"status"}, "status", &RestApi::show_status, &RestApi::show_status},
      {"GET", {"channels", "{channel}", "history"}, "history", &RestApi::read_history},
      {"DELETE", {"channels", "{channel}", "history"}, "history_delete", &RestApi::delete_history},
      {"DELETE",
       {"channels", "{channel}", "history", "{position}"},
       "publication_delete",
       &RestApi::delete_publication},
      {"GET", {"connections"}, "connections", &RestApi::count_connections},
      {"GET", {"users"}, "users", &RestApi::list_app_users},
      {"GET", {"users", "status"}, "user_status", &RestApi::user_status},
      {"POST", {"users", "status"}, "user_status", &RestApi::user_status},
      {"GET", {"users", "{user}"}, "user", &RestApi::show_user},
      {"DELETE", {"users", "{user}"}, "user_delete", &RestApi::forget_user},
      {"GET", {"users", "{user}", "sessions"}, "user_sessions", &RestApi::show_sessions},
      {"POST", {"users", "{user}", "kick"}, "user_kick", &RestApi::kick_user},
      {"POST", {"users", "{user}", "ban"}, "user_ban", &RestApi::ban_user},
      {"DELETE", {"users", "{user}", "ban"}, "user_ban_delete", &RestApi::lift_ban},
      {"POST", {"users", "{user}", "terminate_connections"}, "terminate_connections", &RestApi::terminate_user},
      {"GET", {"domains", "{domain}", "members"}, "domain_members", &RestApi::list_domain_members},
  });
  return table;
}

std::vector<RouteText> RestApi::route_table() {
  std::vector<RouteText> rows;
  for (const auto& route : routes())
    rows.push_back({std::string(route.method), route_path("/apps/{app}", route.parts)});
  return rows;
}

bool RestApi::handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) {
  constexpr std::string_view kPrefix = "/apps/";
  if (!request.path.starts_with(kPrefix)) return false;
  serve(request, std::string_view(request.path).substr(kPrefix.size()), exchange, false);
  return true;
}

void RestApi::handle_trusted(const HttpRequest& request, std::string_view below,
                             const std::shared_ptr<Exchange>& exchange) {
  serve(request, below, exchange, true);
}

void RestApi::serve(const HttpRequest& request, std::string_view below, const std::shared_ptr<Exchange>& exchange,
                    bool trusted) {
  auto parts = split_path(below);
  const auto app_id = parts.empty() ? std::string_view() : parts.front();
  if (!parts.empty()) parts.erase(parts.begin());

  std::string allowed;
  const auto* route = find_route(routes(), request.method, parts, allowed);
  if (route == nullptr && !allowed.empty()) return respond_method_not_allowed(*exchange, allowed);
  if (route == nullptr) {
    return respond_error(*exchange, "not_found", make_error(Errc::not_found, "the API has no such path"));
  }

  auto call = std::make_shared<RestCall>();
  call->exchange = exchange;
  call->settings = exchange->settings();
  call->route = route->name;
  call->trusted = trusted;
  const auto refuse = [&](const Error& error) { respond_error(*exchange, route->name, error); };
  call->app = call->settings->app_by_id(percent_decode(app_id, false));
  if (call->app == nullptr) return refuse(make_error(Errc::unknown_app));
  call->query = Query::parse(request.query);
  call->by_key = !trusted && !call->app->api_keys.empty() && !call->query.has("auth_signature");
  if (call->by_key) {
    if (!check_key(*call, request)) {
      context_.unauthorized_requests.add();
      // As laravel-echo-server says it, word for word.
      return exchange->respond({.status = 403, .body = R"({"error":"Unauthorized"})", .route = route->name});
    }
    if (route->by_key == nullptr) {
      return refuse(make_error(Errc::not_found, "an API key does not open this path: sign the request"));
    }
  } else if (!trusted) {
    auto signature = auth::check_request(*call->app, {request.method, request.path, request.body, request.path_prefix},
                                         call->query, exchange->wall(), call->settings->limits.signature_window);
    if (!signature) {
      context_.unauthorized_requests.add();
      return refuse(signature.error());
    }
    call->signature = std::move(*signature);
  }
  if (!trusted && !call->app->enabled) return refuse(make_error(Errc::app_disabled));
  if (auto read = read_path(*call, *route, parts); !read) return refuse(read.error());
  call->idempotency_key = request.header("idempotency-key");
  if (call->idempotency_key.size() > kIdempotencyKeyCharsMax) {
    return refuse(make_error(Errc::bad_request,
                             fmt::format("an idempotency key has at most {} characters", kIdempotencyKeyCharsMax)));
  }
  call->body = request.body;
  (this->*(call->by_key ? route->by_key : route->serve))(call);
}

Status RestApi::read_path(RestCall& call, const Route& route, const std::vector<std::string_view>& parts) {
  const auto& limits = call.app->limits;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto pattern = route.parts[i];
    if (!pattern.starts_with('{')) continue;
    auto text = percent_decode(parts[i], false);
    if (pattern == "{channel}") {
      if (auto valid = check_channel_name(text, limits.channel_name_chars_max); !valid) return valid;
      call.channel = std::move(text);
    } else if (pattern == "{user}") {
      if (auto valid = check_user_id(text, limits.user_id_chars_max); !valid) return valid;
      call.user = std::move(text);
    } else {
      call.argument = std::move(text);
    }
  }
  return {};
}

Status RestApi::guard(const RestCall& call) {
  if (!call.is_signed()) return {};  // nothing was signed that somebody could have captured
  switch (replay_guard_.take(call.signature.hex, call.signature.timestamp_seconds, call.exchange->wall(),
                             call.guard_bounds())) {
    case ReplayGuard::Verdict::fresh:
    case ReplayGuard::Verdict::again:
      return {};
    case ReplayGuard::Verdict::seen:
      return make_error(Errc::replayed);
    case ReplayGuard::Verdict::too_old:
      break;
  }
  return make_error(Errc::replayed, "this request is older than what the server remembers of used signatures");
}

void RestApi::change(const RestCallPtr& call, Request request, std::function<std::string(const Done&)> answer) {
  if (auto fresh = guard(*call); !fresh) {
    respond_error(*call->exchange, call->route, fresh.error());
    return;
  }
  call->exchange->request(std::move(request), [this, call, answer = std::move(answer)](Reply& reply) {
    if (const auto* done = std::get_if<Done>(&reply.what)) {
      auto body = answer(*done);
      if (body.empty()) {
        respond_error(*call->exchange, call->route, make_error(Errc::not_found, "nothing was there to delete"));
      } else {
        respond(*call, std::move(body));
      }
      return;
    }
    const auto error = error_of(reply);
    // These calls come to the same when repeated: after a failure the same request may try again.
    if (call->is_signed()) replay_guard_.forget(call->signature.hex, call->signature.timestamp_seconds);
    respond_error(*call->exchange, call->route, error);
  });
}

bool RestApi::take_rate(const App& app, std::size_t count, MonoTime now) {
  if (app.limits.publishes_per_second_max == 0) return true;
  const MutexLock lock(rates_mutex_);
  auto at = rates_.find(app.id);
  if (at == rates_.end()) at = rates_.try_emplace(app.id).first;
  const bool taken = at->second.take(app.limits.publishes_per_second_max, count, now);
  if (!taken) context_.limited_publishes.add();
  return taken;
}

}  // namespace parley::net
