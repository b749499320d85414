#include "server/commands/client_target.h"

#include "net/text/query.h"
#include "server/version.h"

#include <fmt/format.h>

#include <map>

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

using Environment = std::map<std::string, std::string>;

// --dev means the demo: a directory or a shell that is set up for another application must not change that.
bool demo_only(const CommandLine& line) { return line.dev && !line.config_file; }

LoadedConfig load_for_client(CommandLine line) {
  line.demo_only = demo_only(line);
  return load_from_system(line);
}

Environment environment_for(const CommandLine& line) {
  auto environment = process_environment();
  if (demo_only(line)) std::erase_if(environment, [](const auto& row) { return row.first != "PARLEY_URL"; });
  return environment;
}

Result<std::string> find_url(const ClientOptionsGiven& given, const Environment& environment, const Config& config) {
  const auto found = environment.find("PARLEY_URL");
  auto url = !given.url.empty()                                     ? given.url
             : found != environment.end() && !found->second.empty() ? found->second
                                                                    : url_of(config.server);
  while (url.ends_with('/')) url.pop_back();
  if (url.starts_with("ws")) url.replace(0, 2, "http");
  if (const auto parsed = net::parse_url(url); !parsed) {
    return make_error(Errc::bad_request, fmt::format("--url {}: {}", url, parsed.error().message));
  }
  return url;
}

net::ClientOptions options_of(const ClientOptionsGiven& given) {
  net::ClientOptions options;
  options.verify_certificate = !given.insecure;
  options.ca_file = given.ca_file;
  return options;
}

// What the options leave open comes from the app they name; of an app that is not configured here, as for
// a server elsewhere, from the environment.
std::string choose(const std::string& option, const App* app, std::string App::*field, const Environment& environment,
                   const char* name) {
  if (!option.empty()) return option;
  if (app != nullptr) return app->*field;
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

// The configured application, with what the options say otherwise; or one that options and environment describe.
Result<App> app_of(const Settings& settings, const ClientOptionsGiven& given, const Environment& environment) {
  const auto* configured = choose_app(settings, given);
  App app = configured == nullptr ? App{} : *configured;
  app.id = choose(given.app_id, configured, &App::id, environment, "PARLEY_APP_ID");
  app.key = choose(given.key, configured, &App::key, environment, "PARLEY_APP_KEY");
  app.secret = choose(given.secret, configured, &App::secret, environment, "PARLEY_APP_SECRET");
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
  return fmt::format("/apps/{}/channels/{}{}", app_id, net::percent_encode(channel), rest);
}

Result<App> find_app(const ClientOptionsGiven& given, const CommandLine& line) {
  const auto loaded = load_for_client(line);
  auto app = app_of(loaded.config.settings, given, environment_for(line));
  // A secret that was typed is the one meant.
  if (app && !given.secret.empty()) app->tokens.hs256_secrets.clear();
  return app;
}

Result<ClientTarget> find_target(const ClientOptionsGiven& given, const CommandLine& line) {
  // Mistakes that concern the server only do not stop a client: what is missing is named below.
  const auto loaded = load_for_client(line);
  ClientTarget target;
  const auto environment = environment_for(line);
  auto url = find_url(given, environment, loaded.config);
  if (!url) return url.error();
  target.url = std::move(*url);
  const auto app = app_of(loaded.config.settings, given, environment);
  if (!app) return app.error();
  target.app_id = app->id;
  target.key.key = app->key;
  target.key.secret = app->secret;
  target.options = options_of(given);
  return target;
}

Result<AdminTarget> find_admin_target(const ClientOptionsGiven& given, const CommandLine& line) {
  const auto loaded = load_for_client(line);
  const auto environment = environment_for(line);
  AdminTarget target;
  auto url = find_url(given, environment, loaded.config);
  if (!url) return url.error();
  target.url = std::move(*url);
  target.app_id =
      choose(given.app_id, choose_app(loaded.config.settings, given), &App::id, environment, "PARLEY_APP_ID");
  // PARLEY_ADMIN_KEY is in the configuration already: it is a key of the node.
  target.key = given.admin_key.empty() ? loaded.config.settings.admin.key : given.admin_key;
  if (target.key.empty()) {
    return make_error(Errc::bad_request,
                      "with which admin key? Set PARLEY_ADMIN_KEY, or give --admin-key, or --config a file with "
                      "admin.key, or --dev for the demo's");
  }
  target.options = options_of(given);
  return target;
}

}  // namespace parley::server
