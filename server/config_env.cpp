#include "server/config_reader.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <set>

namespace parley::server::reader {
namespace {

using Environment = std::map<std::string, std::string>;

// Other variables that begin with PARLEY_ and mean something elsewhere.
constexpr std::array<std::string_view, 7> kOtherNames{"PARLEY_CONFIG",        "PARLEY_URL",        "PARLEY_APP_ID",
                                                      "PARLEY_APP_KEY",       "PARLEY_APP_SECRET", "PARLEY_WEBHOOK_URL",
                                                      "PARLEY_WEBHOOK_EVENTS"};

const std::string* lookup(const Environment& env, const std::string& name) {
  const auto found = env.find(name);
  return found == env.end() || found->second.empty() ? nullptr : &found->second;
}

void set(const std::string& variable, const std::string& text, std::string_view key_name, LoadedConfig& out) {
  const auto* key = find_key(node_keys(), key_name);
  CHECK(key != nullptr);
  if (const auto status = assign_text(key->slot(out.config), text, key->range); !status) {
    // A container orchestrator describes its services in variables of this very form.
    const bool service_link = text.starts_with("tcp://") || text.starts_with("udp://");
    mistake(out, variable, std::string(key_name), status.error().message,
            service_link ? "a Kubernetes service link: set enableServiceLinks: false on the pod" : "");
  }
  out.origins[std::string(key_name)] = variable;
}

bool is_address(const std::string& text) {
  in6_addr scratch{};
  return inet_pton(AF_INET, text.c_str(), &scratch) == 1 || inet_pton(AF_INET6, text.c_str(), &scratch) == 1;
}

// Names that earlier setups used for the same things.
void read_earlier_names(const Environment& env, LoadedConfig& out) {
  const std::pair<const char*, const char*> same_meaning[] = {
      {"LARAVEL_ECHO_SERVER_PORT", "server.port"},
      {"ENABLE_WEBSOCKET", "server.enabled"},
      {"REVERB_SERVER_HOST", "server.host"},
      {"WEBSOCKET_PORT", "server.port"},
      {"REVERB_SERVER_PORT", "server.port"},
      {"AUTO_MIGRATE", "data.auto_migrate"},
      {"LARAVEL_ECHO_SERVER_REDIS_HOST", "redis.host"},
      {"LARAVEL_ECHO_SERVER_REDIS_PORT", "redis.port"},
      {"LARAVEL_ECHO_SERVER_REDIS_PASSWORD", "redis.password"},
  };
  for (const auto* variable : {"LARAVEL_ECHO_SERVER_HOST", "WEBSOCKET_HOST"}) {
    const auto* host = lookup(env, variable);
    if (host == nullptr) continue;
    if (is_address(*host) || *host == "localhost") {
      set(variable, *host, "server.host", out);
    } else {
      out.notes.push_back(fmt::format(
          "{}={} is a name for clients, not an address to listen on: server.host is not changed", variable, *host));
    }
  }
  if (lookup(env, "LARAVEL_ECHO_SERVER_AUTH_HOST") != nullptr) {
    out.notes.push_back(
        "LARAVEL_ECHO_SERVER_AUTH_HOST has no effect here: `parley check --from laravel-echo-server.json` makes "
        "auth.url of it");
  }
  for (const auto& [variable, key] : same_meaning) {
    if (const auto* text = lookup(env, variable)) set(variable, *text, key, out);
  }
  if (const auto* scheme = lookup(env, "WEBSOCKET_SCHEME")) {
    const bool secure = *scheme == "https" || *scheme == "wss";
    if (!secure && *scheme != "http" && *scheme != "ws") {
      mistake(out, "WEBSOCKET_SCHEME", {}, fmt::format("`{}` is not one of `http`, `https`, `ws`, `wss`", *scheme));
    } else if (secure && !lookup(env, "PARLEY_SERVER_TLS_CERTIFICATE") && !out.config.server.tls.enabled()) {
      out.notes.push_back(
          "WEBSOCKET_SCHEME asks for TLS and server.tls is not set: a proxy in front must terminate it");
    }
  }
}

// One application from three variables. An app of the same id in the file gets the new key and secret.
void read_app(const Environment& env, const std::string& prefix, std::set<std::string>& seen, LoadedConfig& out) {
  const auto* id = lookup(env, prefix + "ID");
  const auto* key = lookup(env, prefix + "KEY");
  const auto* secret = lookup(env, prefix + "SECRET");
  if (id == nullptr && key == nullptr && secret == nullptr) return;
  if (id == nullptr || key == nullptr || secret == nullptr) {
    const auto* missing = id == nullptr ? "ID" : key == nullptr ? "KEY" : "SECRET";
    mistake(out, prefix + missing, "apps",
            fmt::format("{}ID, {}KEY and {}SECRET belong together", prefix, prefix, prefix),
            fmt::format("set {}{} too", prefix, missing));
    return;
  }
  if (!seen.insert(*id).second) return;  // a name that comes first has set this app already
  auto& apps = out.config.settings.apps;
  auto app = std::find_if(apps.begin(), apps.end(), [&](const App& a) { return a.id == *id; });
  if (app == apps.end()) {
    app = apps.insert(apps.end(), App{});
    app->id = *id;
  }
  app->key = *key;
  app->secret = *secret;
  const auto shown = fmt::format("apps[{}]", app - apps.begin());
  if (!out.origins.contains(shown)) out.origins[shown] = prefix + "*";
  if (!out.origins.contains(shown + ".id")) out.origins[shown + ".id"] = prefix + "ID";
  out.origins[shown + ".key"] = prefix + "KEY";
  out.origins[shown + ".secret"] = prefix + "SECRET";
}

// One webhook from two variables. One of the same name in the file gets the new URL and events. Its app is
// the first, which is known when all were read.
void read_webhook(const Environment& env, LoadedConfig& out) {
  constexpr const char* kName = "environment";
  const auto* url = lookup(env, "PARLEY_WEBHOOK_URL");
  const auto* events = lookup(env, "PARLEY_WEBHOOK_EVENTS");
  if (url == nullptr) {
    if (events != nullptr) {
      mistake(out, "PARLEY_WEBHOOK_EVENTS", "webhooks", "PARLEY_WEBHOOK_URL is missing beside it", "set both, or none");
    }
    return;
  }
  auto& webhooks = out.config.settings.webhooks;
  auto target = std::find_if(webhooks.begin(), webhooks.end(), [&](const auto& one) { return one.name == kName; });
  if (target == webhooks.end()) {
    target = webhooks.insert(webhooks.end(), WebhookTarget{});
    target->name = kName;
  }
  const auto shown = fmt::format("webhooks[{}]", target - webhooks.begin());
  for (const auto* key : {"name", "app", "url"})
    out.origins.try_emplace(fmt::format("{}.{}", shown, key), "PARLEY_WEBHOOK_URL");
  target->url = *url;
  out.origins[shown + ".url"] = "PARLEY_WEBHOOK_URL";
  if (events == nullptr) return;
  CHECK(assign_text(Slot(&target->events), *events, {}).ok());  // any text is a list
  out.origins[shown + ".events"] = "PARLEY_WEBHOOK_EVENTS";
}

}  // namespace

void read_environment(const Environment& env, LoadedConfig& out) {
  read_earlier_names(env, out);
  std::set<std::string> seen;
  for (const auto* prefix : {"PARLEY_APP_", "REVERB_APP_", "PUSHER_APP_"}) read_app(env, prefix, seen, out);
  read_webhook(env, out);

  std::map<std::string, std::string_view, std::less<>> known;
  std::vector<std::string_view> names(kOtherNames.begin(), kOtherNames.end());
  for (const auto& key : node_keys()) known[environment_name(key.name)] = key.name;
  for (const auto& [name, key] : known) names.push_back(name);
  for (const auto& [name, text] : env) {
    if (!name.starts_with("PARLEY_") || text.empty()) continue;  // empty is how compose files say "not set"
    if (const auto found = known.find(name); found != known.end()) {
      set(name, text, found->second, out);
    } else if (std::find(kOtherNames.begin(), kOtherNames.end(), name) == kOtherNames.end()) {
      // Not a mistake: orchestrators add variables for a service that happens to be called `parley`.
      const auto near = closest(name, names);
      out.notes.push_back(fmt::format("{} is not known and has no effect{}", name,
                                      near.empty() ? "" : fmt::format("; did you mean {}?", near)));
    }
  }
}

}  // namespace parley::server::reader
