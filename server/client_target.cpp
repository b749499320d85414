#include "server/client_target.h"

#include "net/pusher/http_signature.h"
#include "server/version.h"

#include <fmt/format.h>

namespace parley::server {
namespace {

std::string url_of(const ServerConfig& server) {
  const bool any = server.host == "0.0.0.0" || server.host == "::" || server.host == "localhost";
  const auto host = any ? std::string("127.0.0.1") : server.host;
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}{}", server.tls.enabled() ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "",
                     server.port, server.path_prefix);
}

// The app that is meant by what was given; the only or first one otherwise.
const App* choose_app(const Settings& settings, const ClientOptionsGiven& given) {
  if (!given.app_id.empty()) return settings.app_by_id(given.app_id);
  const auto* by_key = given.key.empty() ? nullptr : settings.app_by_key(given.key);
  if (by_key != nullptr) return by_key;
  return settings.apps.empty() ? nullptr : &settings.apps.front();
}

// What the options leave open comes from the app they name; of an app that is not configured here, as
// for a server elsewhere, from the environment.
Result<App> app_of(const Settings& settings, const ClientOptionsGiven& given,
                   const std::map<std::string, std::string>& environment) {
  const auto* configured = choose_app(settings, given);
  App app = configured == nullptr ? App{} : *configured;
  const auto complete = [&](std::string& field, const std::string& option, const char* name) {
    if (!option.empty()) {
      field = option;
    } else if (configured == nullptr) {
      const auto found = environment.find(name);
      if (found != environment.end()) field = found->second;
    }
  };
  complete(app.id, given.app_id, "PARLEY_APP_ID");
  complete(app.key, given.key, "PARLEY_APP_KEY");
  complete(app.secret, given.secret, "PARLEY_APP_SECRET");
  if (app.id.empty() || app.key.empty() || app.secret.empty()) {
    return make_error(Errc::bad_request,
                      "which application? Give --app-id, --key and --secret, or set PARLEY_APP_ID, PARLEY_APP_KEY and "
                      "PARLEY_APP_SECRET, or --config a file with [[apps]], or --dev for the demo's");
  }
  return app;
}

}  // namespace

std::string ClientTarget::websocket_url() const {
  return fmt::format("ws{}/app/{}?protocol=7&client=parley&version={}", url.substr(4), key.key, version());
}

std::string ClientTarget::channel_path(std::string_view channel, std::string_view rest) const {
  return fmt::format("/apps/{}/channels/{}{}", app_id, net::pusher::percent_encode(channel), rest);
}

Result<App> find_app(const ClientOptionsGiven& given, const CommandLine& line) {
  const auto loaded = load_from_system(line);
  auto app = app_of(loaded.config.settings, given, process_environment());
  // A secret that was typed is the one meant.
  if (app && !given.secret.empty()) app->tokens.hs256_secrets.clear();
  return app;
}

Result<ClientTarget> find_target(const ClientOptionsGiven& given, const CommandLine& line) {
  // Mistakes that concern the server only do not stop a client: what is missing is named below.
  const auto loaded = load_from_system(line);
  ClientTarget target;
  const auto environment = process_environment();
  const auto url = environment.find("PARLEY_URL");
  target.url = !given.url.empty()                                 ? given.url
               : url != environment.end() && !url->second.empty() ? url->second
                                                                  : url_of(loaded.config.server);
  while (target.url.ends_with('/')) target.url.pop_back();
  if (target.url.starts_with("ws")) target.url.replace(0, 2, "http");
  if (const auto parsed = net::parse_url(target.url); !parsed) {
    return make_error(Errc::bad_request, fmt::format("--url {}: {}", target.url, parsed.error().message));
  }
  const auto app = app_of(loaded.config.settings, given, environment);
  if (!app) return app.error();
  target.app_id = app->id;
  target.key.key = app->key;
  target.key.secret = app->secret;
  target.options.verify_certificate = !given.insecure;
  target.options.ca_file = given.ca_file;
  return target;
}

}  // namespace parley::server
