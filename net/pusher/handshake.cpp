#include "net/pusher/handshake.h"

#include "core/origin.h"
#include "net/pusher/encoder.h"
#include "net/pusher/http_signature.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace parley::net::pusher {
namespace {

constexpr std::size_t kClientIdCharsMin = 8;
constexpr std::size_t kClientIdCharsMax = 64;
constexpr std::size_t kClientTextCharsMax = 32;

struct Path {
  std::string_view client_id;
  std::string_view token;
  std::string_view key;
};

bool client_id_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// Takes `/x/value` off the front.
bool take_segment(std::string_view& rest, std::string_view name, std::string_view& value) {
  if (!rest.starts_with(name)) return false;
  rest.remove_prefix(name.size());
  value = rest.substr(0, rest.find('/'));
  rest.remove_prefix(value.size());
  return true;
}

Result<Path> parse_path(std::string_view path) {
  Path parsed;
  auto rest = path;
  bool resumes = false;
  for (bool more = true; more;) {
    more = !resumes && take_segment(rest, "/r/", parsed.client_id);
    resumes = resumes || more;
    more = (parsed.token.empty() && take_segment(rest, "/t/", parsed.token)) || more;
  }
  if (resumes && (parsed.client_id.size() < kClientIdCharsMin || parsed.client_id.size() > kClientIdCharsMax ||
                  !std::all_of(parsed.client_id.begin(), parsed.client_id.end(), client_id_byte))) {
    return make_error(Errc::path_not_found, "the client id in /r/{client-id}/app/{key} has 8 to 64 of A-Z a-z 0-9 _ -");
  }
  if (!rest.starts_with("/app/")) return make_error(Errc::path_not_found);
  parsed.key = rest.substr(5);
  if (parsed.key.empty() || parsed.key.find('/') != std::string_view::npos) return make_error(Errc::path_not_found);
  return parsed;
}

std::string_view header(const PusherHandshake& handshake, std::string_view name) {
  for (const auto& [key, value] : handshake.headers) {
    if (key == name) return value;
  }
  return {};
}

// What library connects, for operators: `js 8.6.0`.
std::string client_text(const Query& query) {
  std::string text(query.get("client").substr(0, kClientTextCharsMax));
  if (const auto version = query.get("version"); !text.empty() && !version.empty()) {
    text.append(" ").append(version.substr(0, kClientTextCharsMax));
  }
  std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return text;
}

std::string_view bearer_of(const PusherHandshake& handshake) {
  const auto value = header(handshake, "authorization");
  return value.starts_with("Bearer ") ? value.substr(7) : std::string_view();
}

bool may_ask(const App& app) { return !app.auth.url.empty() || !app.auth.batch_url.empty(); }

// In the path, in the query, or as a bearer that looks like a token: other bearers are the application's.
std::string_view token_of(const PusherHandshake& handshake, const Path& path, const Query& query) {
  if (!path.token.empty()) return path.token;
  if (query.has("token")) return query.get("token");
  return bearer_token(handshake);
}

Status check_version(const Query& query) {
  const auto text = query.get("protocol");
  if (text.empty()) return make_error(Errc::missing_protocol_version);
  int version = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (failure != std::errc{} || end != text.data() + text.size()) return make_error(Errc::bad_protocol_version);
  if (version < 5 || version > 7) return make_error(Errc::unsupported_protocol_version);
  return {};
}

// A browser names the page that it shows. python-socketio, Pysher and others that show none name the server.
Error refused_origin(const PusherHandshake& handshake) {
  if (!is_own_address(handshake.origin, header(handshake, "host"))) return make_error(Errc::origin_refused);
  return make_error(Errc::origin_refused,
                    "the origin is this server's own address, as clients that are no browsers send it: add it to "
                    "`allowed_origins`, or have the client send no Origin");
}

Result<PusherSession> judge(PusherContext& context, const PusherHandshake& handshake) {
  const auto path = parse_path(handshake.path);
  if (!path) return path.error();
  const auto query = Query::parse(handshake.query);
  if (auto version = check_version(query); !version) return version.error();
  auto settings = context.settings();
  const auto* app = settings->app_by_key(percent_decode(path->key, false));
  auto session = judge_client(context, {.settings = std::move(settings),
                                        .app = app,
                                        .token = token_of(handshake, *path, query),
                                        .client = client_text(query),
                                        .request = handshake});
  if (session) session->client_id = path->client_id;
  return session;
}

}  // namespace

bool is_pusher_path(std::string_view path) {
  return path.starts_with("/app/") || path.starts_with("/r/") || path.starts_with("/t/");
}

Result<PusherSession> judge_client(PusherContext& context, ClientHandshake client) {
  const auto& handshake = client.request;
  PusherSession session;
  session.context = &context;
  session.settings = std::move(client.settings);
  session.app = client.app;
  session.socket = handshake.socket;
  if (session.app == nullptr) return make_error(Errc::unknown_app);
  const auto& app = *session.app;
  if (!app.enabled) return make_error(Errc::app_disabled);
  if (app.tls_only && !handshake.tls) return make_error(Errc::tls_required);
  if (!origin_allowed(app.allowed_origins, handshake.origin)) return refused_origin(handshake);
  if (handshake.over_capacity) return make_error(Errc::over_capacity);
  const auto token = client.token;
  auto claims = token.empty() ? Result<auth::Claims>(make_error(Errc::token_invalid))
                              : context.tokens.of(session.settings, app).verify(token, handshake.wall);
  // A bearer may be the application's own affair, to be handed on when it is asked; what stands in the path or the
  // query is for us.
  const bool may_ignore = token.data() == bearer_of(handshake).data() && (!app.tokens.enabled || may_ask(app));
  if (!token.empty() && (claims || !may_ignore)) {
    if (!claims) {
      context.unauthorized_tokens.add();
      return claims.error();
    }
    const UserKey user{app.id, claims->user_id};
    if (auto allowed = context.revocations.check_token(user, claims->issued_at, handshake.wall); !allowed) {
      context.unauthorized_tokens.add();
      return allowed.error();
    }
    session.claims = std::move(*claims);
  }
  session.about = {std::string(handshake.client_address), std::move(client.client), handshake.wall};
  if (may_ask(app)) {
    for (const auto& name : app.auth.forward_headers) {
      if (const auto value = header(handshake, name); !value.empty()) session.forwarded.emplace_back(name, value);
    }
  }
  auto slot = context.take_slot(app);
  if (!slot) return make_error(Errc::over_connection_limit);
  session.slot = std::move(*slot);
  return session;
}

std::string_view bearer_token(const PusherHandshake& handshake) {
  const auto bearer = bearer_of(handshake);
  return auth::looks_like_token(bearer) ? bearer : std::string_view();
}

Result<PusherSession> judge_handshake(PusherContext& context, const PusherHandshake& handshake) {
  auto session = judge(context, handshake);
  if (!session) context.metrics.handshakes_refused(info(session.error().code).name).add();
  return session;
}

std::string refusal_frame(const Error& error) { return encode_error(error); }

std::uint16_t close_code(Errc code) {
  const int number = info(code).pusher_code;
  // 43xx are messages only: as a close code they would stop stock clients for good.
  return static_cast<std::uint16_t>(number >= 4000 && number < 4300 ? number : 4200);
}

}  // namespace parley::net::pusher
