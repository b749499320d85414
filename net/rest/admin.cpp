#include "net/rest/admin.h"

#include "core/json_string.h"
#include "core/json_text.h"
#include "net/http/bearer.h"

#include <fmt/format.h>

namespace parley::net {

// A path behind /admin: `{target}` is a webhook's or a node's name.
struct AdminApi::Route {
  std::string_view method;
  RouteParts parts;
  std::string_view name;
  void (AdminApi::*serve)(const Call&) const;
};

std::span<const AdminApi::Route> AdminApi::routes() {
  static const auto table = std::to_array<Route>({
      {"GET", {"info"}, "admin_info", &AdminApi::show_info},
      {"GET", {"apps"}, "admin_apps", &AdminApi::list_apps},
      {"GET", {"actors"}, "admin_actors", &AdminApi::list_actors},
      {"GET", {"nodes"}, "admin_nodes", &AdminApi::list_nodes},
      {"POST", {"nodes", "{target}", "drain"}, "admin_node_drain", &AdminApi::drain_node},
      {"POST", {"nodes", "{target}", "undrain"}, "admin_node_undrain", &AdminApi::undrain_node},
      {"POST", {"nodes", "{target}", "remove"}, "admin_node_remove", &AdminApi::remove_node},
      {"GET", {"webhooks"}, "admin_webhooks", &AdminApi::list_webhooks},
      {"GET", {"webhooks", "{target}", "dead"}, "admin_webhook_dead", &AdminApi::list_dead},
      {"POST", {"webhooks", "{target}", "replay"}, "admin_webhook_replay", &AdminApi::replay_dead},
      {"POST", {"webhooks", "{target}", "drop"}, "admin_webhook_drop", &AdminApi::drop_dead},
  });
  return table;
}

namespace {

constexpr std::string_view kPrefix = "/admin/";
constexpr std::size_t kActorsUsual = 1'000;
constexpr std::size_t kActorsMax = 100'000;

// What an operator sees is kept by no cache on the way.
class PrivateExchange final : public Exchange {
 public:
  explicit PrivateExchange(std::shared_ptr<Exchange> inner) : inner_(std::move(inner)) {}
  void respond(HttpResponse response) override {
    response.headers.emplace_back("Cache-Control", "no-store");
    inner_->respond(std::move(response));
  }
  void request(Request request, std::function<void(Reply&)> done) override {
    inner_->request(std::move(request), std::move(done));
  }
  [[nodiscard]] MonoTime now() const override { return inner_->now(); }
  [[nodiscard]] WallTime wall() const override { return inner_->wall(); }
  [[nodiscard]] SettingsPtr settings() const override { return inner_->settings(); }

 private:
  std::shared_ptr<Exchange> inner_;
};

}  // namespace

AdminApi::AdminApi(std::shared_ptr<RestApi> rest, SessionContext& context, std::string version, MonoTime started,
                   NodeOrders nodes)
    : rest_(std::move(rest)),
      context_(context),
      version_(std::move(version)),
      started_(started),
      nodes_(std::move(nodes)),
      unauthorized_(context.metrics.authorizations_refused("admin")),
      throttled_(context.metrics.rate_limited("admin")) {}

std::vector<RouteText> AdminApi::route_table() {
  std::vector<RouteText> rows;
  for (const auto& route : routes()) rows.push_back({std::string(route.method), route_path("/admin", route.parts)});
  return rows;
}

bool AdminApi::handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) {
  if (!request.path.starts_with(kPrefix)) return false;
  const auto shielded = std::make_shared<PrivateExchange>(exchange);
  if (admit(request, *shielded)) serve(request, std::string_view(request.path).substr(kPrefix.size()), shielded);
  return true;
}

bool AdminApi::admit(const HttpRequest& request, Exchange& exchange) {
  const auto settings = exchange.settings();
  const auto& admin = settings->admin;
  if (admin.key.empty()) {
    respond_error(exchange, "admin_off",
                  make_error(Errc::not_found, "the admin API is off: set admin.key (PARLEY_ADMIN_KEY)"));
    return false;
  }
  // A right key always passes: others behind the same proxy may guess as they like without locking its owner out.
  const auto token = bearer_token(request);
  const bool current = same_key(admin.key, token);
  const bool previous = same_key(admin.key_previous, token);
  if (current || previous) return true;
  const auto now = exchange.now();
  if (failures_.refuses(request.client_address, now)) {
    throttled_.add();
    HttpResponse response{.status = 429, .headers = {{"Retry-After", "60"}}, .route = "admin_throttled"};
    response.body =
        R"({"error":"rate_limited","message":"too many wrong keys came from this address, and this is one",)"
        R"("remedy":"send the right key, or wait a minute"})";
    exchange.respond(std::move(response));
    return false;
  }
  unauthorized_.add();
  failures_.failed(request.client_address, now);
  HttpResponse response{
      .status = 401, .headers = {{"WWW-Authenticate", "Bearer realm=\"parley admin\""}}, .route = "admin_unauthorized"};
  response.body = token.empty() ? R"({"error":"unauthorized","message":"the admin key is missing",)"
                                  R"("remedy":"send Authorization: Bearer with the key"})"
                                : R"({"error":"unauthorized","message":"this is not the admin key",)"
                                  R"("remedy":"compare it with admin.key of the configuration"})";
  exchange.respond(std::move(response));
  return false;
}

void AdminApi::serve(const HttpRequest& request, std::string_view below, const std::shared_ptr<Exchange>& exchange) {
  constexpr std::string_view kApps = "apps/";
  if (below.starts_with(kApps)) return rest_->handle_trusted(request, below.substr(kApps.size()), exchange);
  const auto parts = split_path(below);
  std::string allowed;
  const auto* route = find_route(routes(), request.method, parts, allowed);
  if (route == nullptr && !allowed.empty()) return respond_method_not_allowed(*exchange, allowed);
  if (route == nullptr) {
    return respond_error(*exchange, "not_found", make_error(Errc::not_found, "the admin API has no such path"));
  }
  Call call{.exchange = exchange,
            .route = route->name,
            .target = {},
            .query = Query::parse(request.query),
            .body = request.body};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (route->parts[i].starts_with('{')) call.target = percent_decode(parts[i], false);
  }
  (this->*route->serve)(call);
}

void AdminApi::list_apps(const Call& call) const {
  std::string out = R"({"apps":[)";
  for (const auto& app : call.exchange->settings()->apps) {
    if (out.back() != '[') out.push_back(',');
    out.append(R"({"id":)");
    append_json_string(out, app.id);
    out.append(R"(,"name":)");
    append_json_string(out, app.name);
    out.append(fmt::format(R"(,"enabled":{},"connections":{}}})", app.enabled, context_.connections(app.id)));
  }
  call.exchange->respond({.body = out.append("]}"), .route = call.route});
}

void AdminApi::show_info(const Call& call) const {
  const auto uptime = std::chrono::duration_cast<seconds>(call.exchange->now() - started_);
  std::string out = R"({"version":)";
  append_json_string(out, version_);
  call.exchange->respond(
      {.body = out.append(fmt::format(R"(,"uptime_seconds":{}}})", uptime.count())), .route = call.route});
}

void AdminApi::list_nodes(const Call& call) const {
  call.exchange->respond({.body = nodes_.list(), .route = call.route});
}

namespace {

void respond_order(Exchange& exchange, std::string_view route, Result<std::string> done) {
  if (!done) return respond_error(exchange, route, done.error());
  exchange.respond({.body = std::move(*done), .route = route});
}

}  // namespace

void AdminApi::drain_node(const Call& call) const {
  respond_order(*call.exchange, call.route, nodes_.drain(call.target));
}
void AdminApi::undrain_node(const Call& call) const {
  respond_order(*call.exchange, call.route, nodes_.undrain(call.target));
}
void AdminApi::remove_node(const Call& call) const {
  respond_order(*call.exchange, call.route, nodes_.remove(call.target));
}

void AdminApi::list_actors(const Call& call) const {
  const auto limit = query_limit(call.query, kActorsUsual, kActorsMax);
  if (!limit) return respond_error(*call.exchange, call.route, limit.error());
  call.exchange->request({.from = {}, .what = ListActors{*limit}}, [call](Reply& reply) {
    const auto* list = std::get_if<ActorList>(&reply.what);
    if (list == nullptr) return respond_error(*call.exchange, call.route, error_of(reply));
    std::string out = R"({"actors":[)";
    for (const auto& actor : list->actors) {
      if (out.back() != '[') out.push_back(',');
      out.append(R"({"kind":)");
      append_json_string(out, actor.kind);
      out.append(R"(,"name":)");
      append_json_string(out, actor.name);
      out.append(fmt::format(R"(,"mailbox":{},"messages":{},"last_error":)", actor.mailbox, actor.messages));
      if (actor.last_error.empty()) {
        out.append("null");
      } else {
        append_json_string(out, actor.last_error);
      }
      out.push_back('}');
    }
    call.exchange->respond({.body = out.append("]}"), .route = call.route});
  });
}

}  // namespace parley::net
