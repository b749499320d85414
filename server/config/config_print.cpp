#include "server/config/config_print.h"

#include "core/ids.h"
#include "server/config/config_keys.h"
#include "server/config/earlier_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace parley::server {
namespace {

constexpr std::size_t kValueColumn = 48;

// A list is masked text by text: how many secrets there are is none.
std::string masked_toml(Slot slot) {
  constexpr std::string_view kMask = "********";
  if (const auto* list = std::get_if<std::vector<std::string>*>(&slot)) {
    std::vector<std::string> masks((*list)->size(), std::string(kMask));
    return slot_toml(&masks);
  }
  const auto* text = std::get_if<std::string*>(&slot);
  return text != nullptr && (*text)->empty() ? toml_quote("") : toml_quote(kMask);
}

std::string origin(const LoadedConfig& loaded, const std::string& key) {
  const auto found = loaded.origins.find(key);
  return found == loaded.origins.end() ? "default" : found->second;
}

// A table's header when the part before the last dot changes.
void open_table(std::string& out, std::string& table, std::string_view name, std::string_view parent) {
  const auto dot = name.rfind('.');
  const auto wanted = dot == std::string_view::npos ? std::string{} : std::string(name.substr(0, dot));
  if (wanted == table) return;
  table = wanted;
  out += fmt::format("\n[{}{}]\n", parent, table);
}

template <class Owner>
void print_keys(std::string& out, LoadedConfig& loaded, std::span<const ConfigKey<Owner>> keys, Owner& owner,
                std::string_view shown_prefix, std::string_view parent, Secrets secrets) {
  std::string table;
  for (const auto& key : keys) {
    open_table(out, table, key.name, parent);
    const auto slot = key.slot(owner);
    const auto value = key.secret && secrets == Secrets::masked ? masked_toml(slot) : slot_toml(slot);
    const auto line = fmt::format("{} = {}", key.name.substr(key.name.rfind('.') + 1), value);
    out +=
        fmt::format("{:<{}} # {}\n", line, kValueColumn, origin(loaded, fmt::format("{}{}", shown_prefix, key.name)));
  }
}

template <class Owner>
void describe_keys(std::string& out, std::span<const ConfigKey<Owner>> keys, Owner& defaults, bool environment) {
  out += environment ? "| Key | Environment | Type | Default | Meaning |\n|---|---|---|---|---|\n"
                     : "| Key | Type | Default | Meaning |\n|---|---|---|---|\n";
  for (const auto& key : keys) {
    const auto slot = key.slot(defaults);
    out += fmt::format("| `{}` |", key.name);
    if (environment) out += fmt::format(" `{}` |", environment_name(key.name));
    out += fmt::format(" {} | `{}` | {}{} |\n", slot_type(slot), slot_toml(slot), key.meaning,
                       key.takes == Takes::restart ? " *Needs a restart.*" : "");
  }
  out += '\n';
}

// Rows of the table that mean something here; what to write instead of the others, the log says.
void describe_earlier_names(std::string& out) {
  for (const auto* prefix : {"REVERB_APP_", "PUSHER_APP_", "SOKETI_DEFAULT_APP_"}) {
    out += fmt::format("| `{0}ID`, `{0}KEY`, `{0}SECRET` | an app, as `PARLEY_APP_*` |\n", prefix);
  }
  out +=
      "| `WEBSOCKET_SCHEME` | checked only: with `https` or `wss` and no `server.tls`, a proxy must terminate TLS |\n";
  for (const auto& row : earlier_names()) {
    const auto key = row.key.empty() ? fmt::format("`{}` of the app", row.app_key) : fmt::format("`{}`", row.key);
    if (row.for_clients) {
      out += fmt::format("| `{}` | nothing: it is for clients |\n", row.variable);
    } else if (!row.text.empty()) {
      out += fmt::format("| `{}` | no counterpart: {} |\n", row.variable, row.text);
    } else if (row.turn == Turn::address) {
      out += fmt::format(
          "| `{}` | {}, when it is an address or `localhost`; a name is for clients and changes nothing |\n",
          row.variable, key);
    } else if (row.turn == Turn::debug) {
      out += fmt::format("| `{}` | `true`: {} = `debug` |\n", row.variable, key);
    } else if (row.turn == Turn::none_is_off) {
      out += fmt::format("| `{}` | `none`: {} = `false` |\n", row.variable, key);
    } else {
      const auto* unit = row.turn == Turn::ms_to_s     ? ", from milliseconds"
                         : row.turn == Turn::kilobytes ? ", from kilobytes"
                         : row.turn == Turn::unlimited ? "; `-1` is `0`"
                                                       : "";
      out += fmt::format("| `{}` | {}{} |\n", row.variable, key, unit);
    }
  }
}

// Retention stands last in the table.
std::span<const ConfigKey<ChannelRule>> rule_keys_without_retention() {
  const auto keys = rule_keys();
  const auto first =
      std::find_if(keys.begin(), keys.end(), [](const auto& key) { return key.name.starts_with("retention."); });
  return keys.first(static_cast<std::size_t>(first - keys.begin()));
}

}  // namespace

std::string config_toml(LoadedConfig& loaded, Secrets secrets) {
  auto& settings = loaded.config.settings;
  std::string out = "# The effective configuration. Behind each value: where it comes from.\n";
  print_keys(out, loaded, node_keys(), loaded.config, "", "", secrets);
  for (std::size_t i = 0; i < settings.apps.size(); ++i) {
    out += "\n[[apps]]\n";
    print_keys(out, loaded, app_keys(), settings.apps[i], fmt::format("apps[{}].", i), "apps.", secrets);
  }
  for (std::size_t i = 0; i < settings.webhooks.size(); ++i) {
    out += "\n[[webhooks]]\n";
    print_keys(out, loaded, webhook_keys(), settings.webhooks[i], fmt::format("webhooks[{}].", i), "webhooks.",
               secrets);
  }
  const auto own_rules = settings.rules.size() - default_rules().size();
  for (std::size_t i = 0; i < settings.rules.size(); ++i) {
    // The built-in rules stand behind the operator's anyway: as comments they cannot be doubled by reading this.
    std::string rule = "\n[[channels]]\n";
    // Where nothing is kept, how long it is kept is no part of what holds (and reading it back a mistake).
    const bool kept = settings.rules[i].durability != Durability::none;
    print_keys(rule, loaded, kept ? rule_keys() : rule_keys_without_retention(), settings.rules[i],
               fmt::format("channels[{}].", i), "channels.", secrets);
    if (i < own_rules) {
      out += rule;
      continue;
    }
    std::size_t start = 0;
    while (start < rule.size()) {
      const auto end = std::min(rule.find('\n', start), rule.size());
      const auto line = rule.substr(start, end - start);
      out += line.empty() ? "\n" : "# " + line + "\n";
      start = end + 1;
    }
  }
  return out;
}

std::uint64_t shared_digest(const Config& config) {
  auto copy = config;
  std::string text;
  const auto add = [&text](const auto& keys, auto& owner) {
    for (const auto& key : keys) text += fmt::format("{}={}\n", key.name, slot_toml(key.slot(owner)));
    text += '\n';
  };
  for (const auto& key : node_keys()) {
    constexpr std::array<std::string_view, 7> kOwn{"server.",  "metrics.", "data.dir",    "log.",
                                                   "cluster.", "redis.",   "conformance."};
    const bool own = std::any_of(kOwn.begin(), kOwn.end(), [&](auto prefix) { return key.name.starts_with(prefix); });
    if (!own) text += fmt::format("{}={}\n", key.name, slot_toml(key.slot(copy)));
  }
  for (auto& app : copy.settings.apps) add(app_keys(), app);
  for (auto& webhook : copy.settings.webhooks) add(webhook_keys(), webhook);
  for (auto& rule : copy.settings.rules) add(rule_keys(), rule);
  return stable_hash(text);
}

std::string config_reference() {
  std::string out = R"(# Configuration

`parley check` prints the effective configuration with the origin of each value, or every mistake at once.

Later sources win: defaults, a `.env` in the working directory, `parley.toml` (there, or `--config FILE`, or
`PARLEY_CONFIG`), the names of earlier setups, `PARLEY_*`, flags. Each key of the first table can be given as a flag too: `--set server.port=6001`
(`--host`, `--port`, `--metrics-port`, `--data-dir`, `--io-threads`, `--log-level` and `--log-format` are short for the
common ones). Lists in the environment and in flags are separated by commas.

Durations are whole numbers of the unit in the table, or text with a unit: `"1500ms"`, `"90s"`, `"5m"`, `"2h"`, `"30d"`.

`SIGHUP` reads everything again without dropping a client. A file with mistakes changes nothing; the mistakes are in the
log. Keys that need a restart are named in the log when they differ.

## The node

)";
  Config node;
  describe_keys(out, node_keys(), node, true);
  out += R"(## Applications

One `[[apps]]` table for each. Without any, `PARLEY_APP_ID`, `PARLEY_APP_KEY` and `PARLEY_APP_SECRET` make one (or give
the app of the same id in the file a new key and secret). Empty, short and well-known secrets are refused, except with
`--dev`, which adds the app `4711` and the admin key `admin-key-demo` of the demo, and listens on 127.0.0.1 unless told
otherwise.

)";
  App app;
  describe_keys(out, app_keys(), app, false);
  out += R"(## Channel rules

One `[[channels]]` table for each. The first rule whose pattern matches decides. Behind the file's rules stand the
built-in ones: `domain.*`, `user.*`, `admin.*` and `#server-to-user-*` are durable (`quorum`); everything else is
ephemeral.

)";
  ChannelRule rule;
  describe_keys(out, rule_keys(), rule, false);
  out += R"(## Webhooks

One `[[webhooks]]` table for each target. Without the file, `PARLEY_WEBHOOK_URL` and `PARLEY_WEBHOOK_EVENTS` make one for
the first app, called `environment`.

)";
  WebhookTarget webhook;
  describe_keys(out, webhook_keys(), webhook, false);
  out += R"(## Names of earlier setups

What people who come from laravel-echo-server, laravel-websockets, soketi or Reverb have set already.

| Variable | Means |
|---|---|
)";
  describe_earlier_names(out);
  out += R"(
Of the credentials the first complete set of an id counts: `PARLEY_APP_*`, `REVERB_APP_*`, `PUSHER_APP_*`,
`SOKETI_DEFAULT_APP_*`. Of the others the later row wins, and `PARLEY_*` over all. A variable of these families that is not
in the table is named in the log.

**A `.env` in the working directory** is read too, so that one file can serve the application and the server. It is the
weakest source: it says only what neither `parley.toml` nor the environment says, and its applications count only where there is
no other. Only the names of this page and `PARLEY_*` are looked at; `parley check` shows what came from it.

`parley check --from FILE` makes a `parley.toml` of a `laravel-echo-server.json`, a `soketi.json` or a `.env`, and says on stderr
what has no counterpart.

## An example

```toml
[server]
port = 6001
trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]

[data]
dir = "/var/lib/parley"

[[apps]]
id = "4711"                        # digits: an SDK takes nothing else
name = "The shop"
key = "4f0c8a1d2b7e9c63"
secret = "…"                       # openssl rand -hex 20
allowed_origins = ["https://shop.example.com"]
limits = { connections_max = 20_000 }

[[channels]]
match = "orders.*"
durability = "quorum"
retention = { age_seconds = "90d", count = 50_000 }

[[webhooks]]
name = "shop-backend"
app = "4711"
url = "https://shop.example.com/parley/events"
events = ["pusher", "user_online", "user_offline"]
headers = ["X-Source: parley"]
```
)";
  return out;
}

}  // namespace parley::server
