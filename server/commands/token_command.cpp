#include "server/commands/token_command.h"

#include "core/json_string.h"
#include "core/json_text.h"
#include "net/auth/token.h"
#include "server/commands/client_commands.h"
#include "server/commands/command_output.h"
#include "server/config/config_value.h"

#include <fmt/format.h>

#include <cstdio>

namespace parley::server {
namespace {

constexpr std::size_t kInfoDepthMax = kDataDepthMax;

std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : ", ") + item;
  return text;
}

}  // namespace

Result<MadeToken> make_app_token(const App& app, const TokenOptions& options, std::string_view private_key_pem,
                                 WallTime now) {
  const auto bad = [](std::string message) { return make_error(Errc::bad_request, std::move(message)); };
  if (options.user_id.empty()) return bad("for whom? Give --user");
  if (!options.info.empty()) {
    if (const auto json = check_json(options.info, kInfoDepthMax); !json) {
      return bad(fmt::format("--info is not JSON: {}", json.error().message));
    }
  }
  const auto ttl = parse_duration_ms(options.ttl, 1'000);
  if (!ttl) return bad(fmt::format("--ttl: {}", ttl.error().message));

  net::auth::Claims claims;
  claims.user_id = options.user_id;
  claims.user_info = options.info;
  claims.domains = options.domains;
  claims.admin = options.admin;
  claims.admin_all = options.admin_all;
  claims.channels = options.channels;
  claims.watchlist = options.watchlist;
  claims.issued_at = {now.ms - now.ms % 1'000};  // tokens count in seconds
  claims.expires = claims.issued_at + milliseconds(*ttl);
  const net::auth::Envelope envelope{
      .key_id = options.key_id, .issuer = app.tokens.issuer, .audience = {app.id}, .not_before = {}};

  MadeToken made{.text = {}, .expires = claims.expires, .refusal = {}};
  if (options.private_key_file.empty()) {
    const auto& secrets = app.tokens.hs256_secrets;
    made.text = net::auth::make_token(claims, envelope, secrets.empty() ? app.secret : secrets.front());
  } else {
    const auto key = net::auth::PrivateKey::from_pem(private_key_pem);
    if (!key) return bad(fmt::format("--private-key {}: {}", options.private_key_file, key.error().message));
    made.text = net::auth::make_token(claims, envelope, *key);
  }
  if (const auto verified = net::auth::TokenVerifier(app).verify(made.text, now); !verified) {
    made.refusal = verified.error().message;
  }
  return made;
}

Result<std::string> describe_token(const App& app, std::string_view token, bool json, WallTime now) {
  const auto claims = net::auth::TokenVerifier(app).verify(token, now);
  if (!claims) return claims.error();
  if (json) return net::auth::payload_json(*claims, {});
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<10} {}\n", name, printable(value));
  };
  line("user", claims->user_id);
  line("info", claims->user_info);
  line("domains", joined(claims->domains));
  line("admin", claims->admin_all ? "all" : joined(claims->admin));
  line("channels", joined(claims->channels));
  line("watchlist", joined(claims->watchlist));
  line("issued", claims->issued_at.ms == 0 ? "" : iso_time(claims->issued_at.ms));
  line("expires", fmt::format("{}, in {} s", iso_time(claims->expires.ms), (claims->expires.ms - now.ms) / 1'000));
  line("token id", claims->token_id);
  text.pop_back();  // the caller ends the last line
  return text;
}

int token(const ClientOptionsGiven& given, const CommandLine& line, const TokenOptions& options) {
  const SystemClock clock;
  const auto app = find_app(given, line);
  if (!app) return complain("start", app.error());
  if (!options.to_verify.empty()) {
    const auto text = describe_token(*app, options.to_verify, options.json, clock.wall());
    if (!text) return complain("accept the token", text.error());
    fmt::print("{}\n", *text);
    return 0;
  }
  std::string pem;
  if (!options.private_key_file.empty()) {
    auto read = read_file(options.private_key_file);
    if (!read) return complain("sign", read.error());
    pem = std::move(*read);
  }
  const auto made = make_app_token(*app, options, pem, clock.wall());
  if (!made) return complain("make a token", made.error());
  if (!made->refusal.empty()) {
    fmt::print(stderr, "note: a server with this configuration refuses it: {}\n", printable(made->refusal));
  }
  if (options.json) {
    fmt::print(R"({{"token":"{}","expires":{}}}{})", made->text, made->expires.ms / 1'000, '\n');
  } else {
    fmt::print("{}\n", made->text);
  }
  return 0;
}

}  // namespace parley::server
