#include "net/rest_api.h"

#include "core/channel_name.h"
#include "net/pusher/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace parley::net {

// A path behind /apps/{id}, part by part: `{c}` is a channel, `{a}` an argument.
struct RestApi::Route {
  std::string_view method;
  std::array<std::string_view, 4> parts;  // empty: none
  std::string_view name;
  void (RestApi::*serve)(const RestCallPtr&);
};

namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty() && parts.size() < 8) {
    const auto end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    if (end == path.size()) return parts;
    path.remove_prefix(end + 1);
    if (path.empty()) parts.emplace_back();  // a slash at the end is one part more, which is empty
  }
  return parts;
}

}  // namespace

const RestApi::Route* RestApi::find_route(std::string_view method, const std::vector<std::string_view>& parts,
                                          std::string& allowed) {
  static const std::array<Route, 10> routes{{
      {"POST", {"events"}, "events", &RestApi::publish},
      {"POST", {"batch_events"}, "batch_events", &RestApi::publish_batch},
      {"GET", {"channels"}, "channels", &RestApi::list_channels},
      {"GET", {"channels", "{c}"}, "channel", &RestApi::show_channel},
      {"GET", {"channels", "{c}", "users"}, "channel_users", &RestApi::list_users},
      {"GET", {"channels", "{c}", "history"}, "history", &RestApi::read_history},
      {"DELETE", {"channels", "{c}", "history"}, "history_delete", &RestApi::delete_history},
      {"DELETE", {"channels", "{c}", "history", "{a}"}, "publication_delete", &RestApi::delete_publication},
      {"POST", {"users", "{a}", "terminate_connections"}, "terminate_connections", &RestApi::terminate_user},
      {"GET", {"connections"}, "connections", &RestApi::count_connections},
  }};
  for (const auto& route : routes) {
    std::size_t length = 0;
    while (length < route.parts.size() && !route.parts[length].empty()) ++length;
    if (length != parts.size()) continue;
    const bool matches = std::equal(parts.begin(), parts.end(), route.parts.begin(), [](auto part, auto pattern) {
      return pattern.starts_with('{') ? !part.empty() : part == pattern;
    });
    if (!matches) continue;
    if (route.method == method) return &route;
    if (!allowed.empty()) allowed.append(", ");
    allowed.append(route.method);
  }
  return nullptr;
}

bool RestApi::handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) {
  if (!request.path.starts_with("/apps/")) return false;
  auto parts = split(std::string_view(request.path).substr(6));
  const auto app_id = parts.empty() ? std::string_view() : parts.front();
  if (!parts.empty()) parts.erase(parts.begin());

  std::string allowed;
  const auto* route = find_route(request.method, parts, allowed);
  if (route == nullptr && !allowed.empty()) {
    exchange->respond({.status = 405,
                       .body = fmt::format(
                           R"({{"error":"method_not_allowed","message":"this path takes {0}","remedy":"use {0}"}})",
                           allowed),
                       .headers = {{"Allow", allowed}},
                       .route = "method_not_allowed"});
    return true;
  }
  if (route == nullptr) {
    respond_error(*exchange, "not_found", make_error(Errc::not_found, "the API has no such path"));
    return true;
  }

  auto call = std::make_shared<RestCall>();
  call->exchange = exchange;
  call->settings = exchange->settings();
  call->route = route->name;
  const auto refuse = [&](const Error& error) {
    respond_error(*exchange, route->name, error);
    return true;
  };
  call->app = call->settings->app_by_id(pusher::percent_decode(app_id, false));
  if (call->app == nullptr) return refuse(make_error(Errc::unknown_app));
  call->query = pusher::Query::parse(request.query);
  auto signature = pusher::check_request(*call->app, {request.method, request.path, request.body}, call->query,
                                         exchange->wall(), call->settings->limits.signature_window);
  if (!signature) {
    context_.unauthorized_requests.add();
    return refuse(signature.error());
  }
  call->signature = std::move(*signature);
  if (!call->app->enabled) return refuse(make_error(Errc::app_disabled));

  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (route->parts[i] == "{c}") call->channel = pusher::percent_decode(parts[i], false);
    if (route->parts[i] == "{a}") call->argument = pusher::percent_decode(parts[i], false);
  }
  if (!call->channel.empty()) {
    if (auto valid = check_channel_name(call->channel, call->app->limits.channel_name_chars_max); !valid) {
      return refuse(valid.error());
    }
  }
  call->idempotency_key = request.header("idempotency-key");
  if (call->idempotency_key.size() > pusher::kIdempotencyKeyCharsMax) {
    return refuse(make_error(Errc::bad_request, fmt::format("an idempotency key has at most {} characters",
                                                            pusher::kIdempotencyKeyCharsMax)));
  }
  call->body = request.body;
  (this->*route->serve)(call);
  return true;
}

Status RestApi::guard(const RestCall& call) {
  switch (replay_guard_.take(call.signature.hex, call.signature.timestamp_seconds, call.exchange->wall(),
                             call.guard_bounds())) {
    case ReplayGuard::Verdict::fresh: return {};
    case ReplayGuard::Verdict::seen: return make_error(Errc::replayed);
    case ReplayGuard::Verdict::too_old: break;
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
    replay_guard_.forget(call->signature.hex, call->signature.timestamp_seconds);
    respond_error(*call->exchange, call->route, error);
  });
}

bool RestApi::take_rate(const App& app, std::size_t count, MonoTime now) {
  if (app.limits.publishes_per_second_max == 0) return true;
  const std::lock_guard lock(rates_mutex_);
  auto at = rates_.find(app.id);
  if (at == rates_.end()) at = rates_.try_emplace(app.id).first;
  const bool taken = at->second.take(app.limits.publishes_per_second_max, count, now);
  if (!taken) context_.limited_publishes.add();
  return taken;
}

}  // namespace parley::net
