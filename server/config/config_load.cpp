#include "server/config/config_load.h"

#include "server/config/config_reader.h"
#include "server/config/dotenv.h"
#include "server/config/earlier_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace parley::server {
namespace {

void read_flags(const std::vector<std::pair<std::string, std::string>>& flags, LoadedConfig& out) {
  for (const auto& [name, text] : flags) {
    const auto* key = find_key(node_keys(), name);
    const auto where = fmt::format("flag for {}", name);
    if (key == nullptr) {
      std::vector<std::string_view> names;
      for (const auto& known : node_keys()) names.push_back(known.name);
      const auto near = closest(name, names);
      reader::mistake(out, where, name, "there is no such key",
                      near.empty() ? "see docs/configuration.md" : fmt::format("did you mean `{}`?", near));
      continue;
    }
    if (const auto status = assign_text(key->slot(out.config), text, key->range); !status) {
      reader::mistake(out, where, name, status.error().message);
    }
    out.origins[name] = "flag";
  }
}

void become_dev(LoadedConfig& out) {
  auto& config = out.config;
  config.dev = true;
  if (config.settings.admin.key.empty()) {
    config.settings.admin.key = kDevAdminKey;
    out.origins["admin.key"] = "--dev";
  }
  // A known secret must not be reachable from elsewhere by accident.
  if (!out.origins.contains("server.host")) {
    config.server.host = "127.0.0.1";
    out.origins["server.host"] = "--dev";
  }
  if (!out.origins.contains("cluster.host")) {
    config.cluster.host = "127.0.0.1";
    out.origins["cluster.host"] = "--dev";
  }
  const auto* own = config.settings.app_by_id(kDevAppId);
  if (own != nullptr && config.settings.app_by_key(kDevAppKey) == nullptr) {
    out.hints.push_back(
        fmt::format("the app {} has another key than the demo's ({}): the demo page cannot connect. Give "
                    "your app another id, or start without --dev",
                    kDevAppId, kDevAppKey));
  }
  if (own != nullptr || config.settings.app_by_key(kDevAppKey) != nullptr) return;
  for (const auto* key : {"id", "name", "key", "secret"}) {
    out.origins[fmt::format("apps[{}].{}", config.settings.apps.size(), key)] = "--dev";
  }
  App demo;
  demo.id = kDevAppId;
  demo.name = "Demo";
  demo.key = kDevAppKey;
  demo.secret = kDevAppSecret;
  config.settings.apps.push_back(std::move(demo));
}

// What webhooks leave open: whose they are, and the kinds that their events' names mean.
void complete_webhooks(Settings& settings, const std::map<std::string, std::string>& origins) {
  for (std::size_t i = 0; i < settings.webhooks.size(); ++i) {
    auto& target = settings.webhooks[i];
    const auto found = origins.find(fmt::format("webhooks[{}].app", i));
    const bool by_environment = found != origins.end() && found->second.starts_with("PARLEY_WEBHOOK_URL");
    const auto& apps = settings.apps;
    if (target.app.empty() && !apps.empty() && (apps.size() == 1 || by_environment)) target.app = apps.front().id;
    target.kinds = notice_mask(target.events);
  }
}

// In the order of the file, as an editor wants to walk through them; what has no line comes first.
void sort_by_line(const std::string& file, std::vector<ConfigMistake>& mistakes) {
  const auto line_of = [&](const ConfigMistake& mistake) {
    return mistake.where.starts_with(file + ':') ? std::atoi(mistake.where.c_str() + file.size() + 1) : 0;
  };
  std::stable_sort(mistakes.begin(), mistakes.end(),
                   [&](const ConfigMistake& a, const ConfigMistake& b) { return line_of(a) < line_of(b); });
}

// What a `.env` says of us. The environment wins over it, name by name, as for those whose file it is.
std::map<std::string, std::string> known_in_dotenv(const ConfigSources& sources, LoadedConfig& out) {
  auto parsed = parse_dotenv(*sources.dotenv, sources.environment);
  std::erase_if(parsed.values, [&](const auto& row) {
    const auto& [name, text] = row;
    const bool known = name.starts_with("PARLEY_") || of_earlier_family(name);
    return !known || text.empty() || sources.environment.contains(name);
  });
  for (const auto& [name, text] : parsed.values) out.from_dotenv.push_back(name);
  for (const auto line : parsed.bad_lines) {
    out.hints.push_back(fmt::format("{}:{} is no NAME=value", sources.dotenv_name, line));
  }
  return std::move(parsed.values);
}

// Applications and webhooks of a `.env` are there for who has none elsewhere: nobody who wrote [[apps]] meant others.
template <class Table>
void fall_back(std::vector<Table>& tables, std::vector<Table>&& others, std::string_view name,
               const std::map<std::string, std::string>& origins, const ConfigSources& sources, LoadedConfig& out) {
  if (others.empty()) return;
  if (!tables.empty()) {
    out.hints.push_back(fmt::format("{} has {} too: those of the configuration count", sources.dotenv_name,
                                    name.substr(0, name.size() - 1)));
    return;
  }
  tables = std::move(others);
  for (const auto& [key, where] : origins) {
    if (key.starts_with(name)) out.origins[key] = where;
  }
}

void read_all(const ConfigSources& sources, LoadedConfig& out) {
  if (!sources.dotenv) {
    if (sources.toml) reader::read_toml(*sources.toml, sources.toml_name, out);
    return reader::read_environment(sources.environment, {}, out);
  }
  reader::read_environment(known_in_dotenv(sources, out), sources.dotenv_name, out);
  auto apps = std::exchange(out.config.settings.apps, {});
  auto webhooks = std::exchange(out.config.settings.webhooks, {});
  auto origins = out.origins;
  std::erase_if(out.origins,
                [](const auto& row) { return row.first.starts_with("apps[") || row.first.starts_with("webhooks["); });
  if (sources.toml) reader::read_toml(*sources.toml, sources.toml_name, out);
  reader::read_environment(sources.environment, {}, out);
  fall_back(out.config.settings.apps, std::move(apps), "apps[", origins, sources, out);
  fall_back(out.config.settings.webhooks, std::move(webhooks), "webhooks[", origins, sources, out);
}

}  // namespace

LoadedConfig load_config(const ConfigSources& sources) {
  LoadedConfig out;
  read_all(sources, out);
  read_flags(sources.flags, out);
  if (sources.dev) become_dev(out);
  out.config.conformance.enabled = sources.conformance;
  out.config.conformance.recovery = sources.conformance_recovery;
  // The operator's rules come first; the built-in ones still hold for what they do not name.
  for (auto& rule : default_rules()) out.config.settings.rules.push_back(std::move(rule));
  reader::read_token_keys(sources, out);
  complete_webhooks(out.config.settings, out.origins);
  reader::check(sources, out);
  reader::check_redis(out);
  reader::check_socketio(out);
  reader::check_cluster(sources, out);
  sort_by_line(sources.toml_name, out.mistakes);
  return out;
}

std::string mistakes_text(const std::vector<ConfigMistake>& mistakes) {
  std::string text;
  for (const auto& mistake : mistakes) {
    if (!mistake.where.empty()) text += mistake.where + ": ";
    if (!mistake.key.empty()) text += mistake.key + ": ";
    text += mistake.what + '\n';
    if (!mistake.remedy.empty()) text += "    " + mistake.remedy + '\n';
  }
  text += fmt::format("{} mistake{} in the configuration\n", mistakes.size(), mistakes.size() == 1 ? "" : "s");
  return text;
}

std::vector<std::string> keys_that_need_restart(Config& running, Config& wanted) {
  std::vector<std::string> names;
  for (const auto& key : node_keys()) {
    if (key.takes == Takes::restart && slot_toml(key.slot(running)) != slot_toml(key.slot(wanted))) {
      names.emplace_back(key.name);
    }
  }
  return names;
}

}  // namespace parley::server
