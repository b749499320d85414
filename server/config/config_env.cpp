#include "core/check.h"
#include "server/config/config_reader.h"
#include "server/config/earlier_names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

namespace parley::server::reader {
namespace {

using Environment = std::map<std::string, std::string>;

// Other variables that begin with PARLEY_ and mean something elsewhere.
constexpr std::array<std::string_view, 7> kOtherNames{"PARLEY_CONFIG",        "PARLEY_URL",        "PARLEY_APP_ID",
                                                      "PARLEY_APP_KEY",       "PARLEY_APP_SECRET", "PARLEY_WEBHOOK_URL",
                                                      "PARLEY_WEBHOOK_EVENTS"};

bool is_address(const std::string& text) {
  in6_addr scratch{};
  return inet_pton(AF_INET, text.c_str(), &scratch) == 1 || inet_pton(AF_INET6, text.c_str(), &scratch) == 1;
}

// What the value of another server's variable is here. Nothing: it changes nothing.
std::optional<std::string> turned(Turn turn, const std::string& text) {
  switch (turn) {
    case Turn::as_it_is:
      return text;
    case Turn::address:
      return is_address(text) || text == "localhost" ? std::optional(text) : std::nullopt;
    case Turn::path_prefix: {
      const auto first = text.find_first_not_of('/');
      if (first == text.npos) return std::nullopt;
      return "/" + text.substr(first, text.find_last_not_of('/') - first + 1);
    }
    case Turn::ms_to_s:
    case Turn::kilobytes: {
      double number = 0;
      const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (failure != std::errc{} || end != text.data() + text.size() || !(number >= 0 && number < 1e12)) return text;
      return std::to_string(std::llround(turn == Turn::kilobytes ? number * 1'024 : std::ceil(number / 1'000)));
    }
    case Turn::unlimited:
      return text.starts_with('-') ? "0" : text;
    case Turn::debug:
      return text == "true" || text == "1" ? std::optional<std::string>("debug") : std::nullopt;
    case Turn::none_is_off:
      return text == "none" ? std::optional<std::string>("false") : std::nullopt;
  }
  return std::nullopt;
}

class EnvironmentReader {
 public:
  EnvironmentReader(const Environment& env, std::string_view file, LoadedConfig& out)
      : env_(env), where_(file.empty() ? "" : fmt::format(" in {}", file)), out_(out) {}

  void run() {
    read_node_keys();
    std::set<std::string> seen;
    for (const auto* prefix : {"PARLEY_APP_", "REVERB_APP_", "PUSHER_APP_", "SOKETI_DEFAULT_APP_"}) {
      read_app(prefix, seen);
    }
    read_app_keys();
    read_webhook();
    tell_the_rest();
    read_own_names();
  }

 private:
  [[nodiscard]] const std::string* lookup(const std::string& name) const {
    const auto found = env_.find(name);
    return found == env_.end() || found->second.empty() ? nullptr : &found->second;
  }
  [[nodiscard]] std::string named(std::string_view variable) const { return fmt::format("{}{}", variable, where_); }

  void set(const std::string& variable, const std::string& text, std::string_view key_name) {
    const auto* key = find_key(node_keys(), key_name);
    CHECK(key != nullptr);
    if (const auto status = assign_text(key->slot(out_.config), text, key->range); !status) {
      // A container orchestrator describes its services in variables of this very form.
      const bool service_link = text.starts_with("tcp://") || text.starts_with("udp://");
      mistake(out_, named(variable), std::string(key_name), status.error().message,
              service_link ? "a Kubernetes service link: set enableServiceLinks: false on the pod" : "");
    }
    out_.origins[std::string(key_name)] = named(variable);
  }

  // Names that earlier setups used for the same things.
  void read_node_keys() {
    for (const auto& row : earlier_names()) {
      const std::string variable(row.variable);
      const auto* text = row.key.empty() ? nullptr : lookup(variable);
      if (text == nullptr) continue;
      if (const auto value = turned(row.turn, *text)) {
        set(variable, *value, row.key);
      } else if (row.turn == Turn::address) {
        out_.notes.push_back(fmt::format("{}={} is a name for clients, not an address to listen on: {} is not changed",
                                         named(variable), *text, row.key));
      }
    }
    if (const auto* scheme = lookup("WEBSOCKET_SCHEME")) {
      const bool secure = *scheme == "https" || *scheme == "wss";
      if (!secure && *scheme != "http" && *scheme != "ws") {
        mistake(out_, named("WEBSOCKET_SCHEME"), {},
                fmt::format("`{}` is not one of `http`, `https`, `ws`, `wss`", *scheme));
      } else if (secure && !lookup("PARLEY_SERVER_TLS_CERTIFICATE") && !out_.config.server.tls.enabled()) {
        out_.notes.push_back(
            "WEBSOCKET_SCHEME asks for TLS and server.tls is not set: a proxy in front must terminate it");
      }
    }
  }

  // One application from three variables. An app of the same id in the file gets the new key and secret.
  void read_app(const std::string& prefix, std::set<std::string>& seen) {
    const auto* id = lookup(prefix + "ID");
    const auto* key = lookup(prefix + "KEY");
    const auto* secret = lookup(prefix + "SECRET");
    if (id == nullptr && key == nullptr && secret == nullptr) return;
    if (id == nullptr || key == nullptr || secret == nullptr) {
      // Of a file that belongs to the application, one variable alone may be its own affair.
      if (!where_.empty()) {
        out_.notes.push_back(fmt::format("{}ID, {}KEY and {}SECRET belong together, and are not all there{}", prefix,
                                         prefix, prefix, where_));
        return;
      }
      const auto* missing = id == nullptr ? "ID" : key == nullptr ? "KEY" : "SECRET";
      mistake(out_, prefix + missing, "apps",
              fmt::format("{}ID, {}KEY and {}SECRET belong together", prefix, prefix, prefix),
              fmt::format("set {}{} too", prefix, missing));
      return;
    }
    if (!seen.insert(*id).second) return;  // a name that comes first has set this app already
    auto& apps = out_.config.settings.apps;
    auto app = std::find_if(apps.begin(), apps.end(), [&](const App& a) { return a.id == *id; });
    if (app == apps.end()) {
      app = apps.insert(apps.end(), App{});
      app->id = *id;
    }
    app->key = *key;
    app->secret = *secret;
    const auto shown = fmt::format("apps[{}]", app - apps.begin());
    if (!out_.origins.contains(shown)) out_.origins[shown] = named(prefix + "*");
    if (!out_.origins.contains(shown + ".id")) out_.origins[shown + ".id"] = named(prefix + "ID");
    out_.origins[shown + ".key"] = named(prefix + "KEY");
    out_.origins[shown + ".secret"] = named(prefix + "SECRET");
  }

  // One webhook from two variables. One of the same name in the file gets the new URL and events. Its app is
  // the first, which is known when all were read.
  void read_webhook() {
    constexpr const char* kName = "environment";
    const auto* url = lookup("PARLEY_WEBHOOK_URL");
    const auto* events = lookup("PARLEY_WEBHOOK_EVENTS");
    if (url == nullptr) {
      if (events != nullptr) {
        mistake(out_, "PARLEY_WEBHOOK_EVENTS", "webhooks", "PARLEY_WEBHOOK_URL is missing beside it",
                "set both, or none");
      }
      return;
    }
    auto& webhooks = out_.config.settings.webhooks;
    auto target = std::find_if(webhooks.begin(), webhooks.end(), [&](const auto& one) { return one.name == kName; });
    if (target == webhooks.end()) {
      target = webhooks.insert(webhooks.end(), WebhookTarget{});
      target->name = kName;
    }
    const auto shown = fmt::format("webhooks[{}]", target - webhooks.begin());
    for (const auto* key : {"name", "app", "url"})
      out_.origins.try_emplace(fmt::format("{}.{}", shown, key), "PARLEY_WEBHOOK_URL");
    target->url = *url;
    out_.origins[shown + ".url"] = "PARLEY_WEBHOOK_URL";
    if (events == nullptr) return;
    CHECK(assign_text(Slot(&target->events), *events, {}).ok());  // any text is a list
    out_.origins[shown + ".events"] = "PARLEY_WEBHOOK_EVENTS";
  }

  // Of applications. SOKETI_DEFAULT_APP_* and REVERB_APP_* mean the one of that name, others mean all.
  void read_app_keys() {
    for (const auto& row : earlier_names()) {
      const std::string variable(row.variable);
      const auto* text = row.app_key.empty() ? nullptr : lookup(variable);
      const auto value = text == nullptr ? std::nullopt : turned(row.turn, *text);
      if (!value) continue;
      const auto* id = row.variable.starts_with("SOKETI_DEFAULT_APP_") ? lookup("SOKETI_DEFAULT_APP_ID")
                       : row.variable.starts_with("REVERB_APP_")       ? lookup("REVERB_APP_ID")
                                                                       : nullptr;
      auto& apps = out_.config.settings.apps;
      for (std::size_t i = 0; i < apps.size(); ++i) {
        if (id != nullptr && apps[i].id != *id) continue;
        const auto* key = find_key(app_keys(), row.app_key);
        CHECK(key != nullptr);
        const auto shown = fmt::format("apps[{}].{}", i, row.app_key);
        if (const auto status = assign_text(key->slot(apps[i]), *value, key->range); !status) {
          mistake(out_, named(variable), shown, status.error().message);
        }
        out_.origins[shown] = named(variable);
      }
    }
  }

  // What those servers know and this one does not: named, with what to write instead.
  void tell_the_rest() {
    for (const auto& [name, text] : env_) {
      if (text.empty() || !of_earlier_family(name)) continue;
      const auto* row = find_earlier_name(name);
      if (row == nullptr) {
        if (!judged_elsewhere(name)) {
          out_.notes.push_back(
              fmt::format("{} is not known here and has no effect: docs/configuration.md lists the names "
                          "of earlier setups",
                          named(name)));
        }
      } else if (row->for_clients) {
        out_.hints.push_back(fmt::format("{} is for clients and changes nothing here", named(name)));
      } else if (!row->text.empty()) {
        out_.notes.push_back(fmt::format("{} has no effect here: {}", named(name), row->text));
      }
    }
  }

  void read_own_names() {
    std::map<std::string, std::string_view, std::less<>> known;
    std::vector<std::string_view> names(kOtherNames.begin(), kOtherNames.end());
    for (const auto& key : node_keys()) known[environment_name(key.name)] = key.name;
    for (const auto& [name, key] : known) names.push_back(name);
    for (const auto& [name, text] : env_) {
      if (!name.starts_with("PARLEY_") || text.empty()) continue;  // empty is how compose files say "not set"
      if (const auto found = known.find(name); found != known.end()) {
        set(name, text, found->second);
      } else if (std::find(kOtherNames.begin(), kOtherNames.end(), name) == kOtherNames.end()) {
        // Not a mistake: orchestrators add variables for a service that happens to be called `parley`.
        const auto near = closest(name, names);
        out_.notes.push_back(fmt::format("{} is not known and has no effect{}", named(name),
                                         near.empty() ? "" : fmt::format("; did you mean {}?", near)));
      }
    }
  }

  const Environment& env_;
  std::string where_;  // " in .env", or nothing
  LoadedConfig& out_;
};

}  // namespace

void read_environment(const Environment& env, std::string_view file, LoadedConfig& out) {
  EnvironmentReader(env, file, out).run();
}

}  // namespace parley::server::reader
