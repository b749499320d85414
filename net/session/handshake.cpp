#include "net/session/handshake.h"

#include "core/origin.h"
#include "net/auth/token.h"

namespace parley::net {
namespace {

std::string_view header(const Handshake& handshake, std::string_view name) {
  for (const auto& [key, value] : handshake.headers) {
    if (key == name) return value;
  }
  return {};
}

std::string_view bearer_of(const Handshake& handshake) {
  const auto value = header(handshake, "authorization");
  return value.starts_with("Bearer ") ? value.substr(7) : std::string_view();
}

// A browser names the page that it shows. python-socketio, Pysher and others that show none name the server.
Error refused_origin(const Handshake& handshake) {
  if (!is_own_address(handshake.origin, header(handshake, "host"))) return make_error(Errc::origin_refused);
  return make_error(Errc::origin_refused,
                    "the origin is this server's own address, as clients that are no browsers send it: add it to "
                    "`allowed_origins`, or have the client send no Origin");
}

}  // namespace

Result<Admitted> judge_client(SessionContext& context, ClientHandshake client) {
  const auto& handshake = client.request;
  Admitted session;
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
  const bool may_ignore = token.data() == bearer_of(handshake).data() && (!app.tokens.enabled || asks_application(app));
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
  if (asks_application(app)) {
    for (const auto& name : app.auth.forward_headers) {
      if (const auto value = header(handshake, name); !value.empty()) session.forwarded.emplace_back(name, value);
    }
  }
  auto slot = context.take_slot(app);
  if (!slot) return make_error(Errc::over_connection_limit);
  session.slot = std::move(*slot);
  return session;
}

std::string_view header_token(const Handshake& handshake) {
  const auto bearer = bearer_of(handshake);
  return auth::looks_like_token(bearer) ? bearer : std::string_view();
}

std::uint16_t close_code(Errc code) {
  const int number = info(code).pusher_code;
  // 43xx are messages only: as a close code they would stop stock clients for good.
  return static_cast<std::uint16_t>(number >= 4000 && number < 4300 ? number : 4200);
}

}  // namespace parley::net
