#include "server/config/setup_import.h"

#include "server/config/config_keys.h"
#include "server/config/config_load.h"
#include "server/config/dotenv.h"
#include "server/config/earlier_names.h"
#include "server/config/flat_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace parley::server {
namespace {

using Kind = ImportRemark::Kind;
using Variables = std::map<std::string, std::string>;

constexpr std::string_view kAppsPath = "appManager.array.apps.";
constexpr std::string_view kAppVariable = "SOKETI_DEFAULT_APP_";

// What one set of variables makes of a configuration, one application at most.
struct Read {
  LoadedConfig loaded;
  std::set<std::string> wrong;  // keys whose value cannot be used
};

Read read(const Variables& variables) {
  ConfigSources sources;
  sources.environment = variables;
  Read out{.loaded = load_config(sources), .wrong = {}};
  for (const auto& mistake : out.loaded.mistakes) out.wrong.insert(mistake.key);
  return out;
}

class Writer {
 public:
  Writer(std::string_view of, const FreshSecrets& fresh) : fresh_(fresh) {
    out_.toml = fmt::format("# Made of {}. It holds secrets: let nobody but parley read it.\n", of);
  }

  void say(Kind kind, std::string key, std::string text) {
    out_.remarks.push_back({kind, std::move(key), std::move(text)});
  }

  // Values that came from somewhere, table by table, in the order of the reference.
  void node(Read& from) {
    std::string table;
    for (const auto& key : node_keys()) {
      const auto origin = from.loaded.origins.find(std::string(key.name));
      if (origin == from.loaded.origins.end() || from.wrong.contains(origin->first)) continue;
      const auto dot = key.name.rfind('.');
      if (const std::string name(key.name.substr(0, dot)); name != table) {
        table = name;
        out_.toml += fmt::format("\n[{}]\n", table);
      }
      out_.toml += fmt::format("{} = {}\n", key.name.substr(dot + 1), slot_toml(key.slot(from.loaded.config)));
      say(Kind::taken, origin->second, std::string(key.name));
    }
  }

  void app(Read& from) {
    auto& apps = from.loaded.config.settings.apps;
    if (apps.empty()) return;
    auto& app = apps.front();
    const auto bad = [&](const char* key) { return from.wrong.contains(fmt::format("apps[0].{}", key)); };
    if (bad("id")) app.id = fmt::format("{}", 4'711 + apps_++);
    if (bad("key")) app.key = fresh_.app_key;
    if (bad("secret")) {
      app.secret = fresh_.app_secret;
      say(Kind::mistake, "secret", "it cannot be used; a new one was made: your application signs with it from now on");
    }
    out_.toml += fmt::format("\n[[apps]]\nid = {}\nkey = {}\nsecret = {}\n", toml_quote(app.id), toml_quote(app.key),
                             toml_quote(app.secret));
    say(Kind::taken, "application " + app.id, "apps.id, apps.key and apps.secret");
    for (const auto& key : app_keys()) {
      const auto shown = fmt::format("apps[0].{}", key.name);
      const auto origin = from.loaded.origins.find(shown);
      if (key.name == "id" || key.name == "key" || key.name == "secret") continue;
      if (origin == from.loaded.origins.end() || from.wrong.contains(shown)) continue;
      out_.toml += fmt::format("{} = {}\n", key.name, slot_toml(key.slot(app)));
      say(Kind::taken, origin->second, fmt::format("apps.{}", key.name));
    }
    ++apps_;
  }

  // A server without an application serves nobody.
  void app_if_none() {
    if (apps_ > 0) return;
    out_.toml += fmt::format("\n[[apps]]\nid = \"4711\"\nkey = {}\nsecret = {}\n", toml_quote(fresh_.app_key),
                             toml_quote(fresh_.app_secret));
    say(Kind::taken, "(new)", "there is no complete application: one was made, with a key and a secret of its own");
  }

  // What could not be used. `shown` names the variable as its user knows it.
  template <class Shown>
  void mistakes(const Read& from, const Shown& shown) {
    for (const auto& one : from.loaded.mistakes) {
      const bool named = !one.where.empty() && one.where != "default";
      if (!named && one.key == "apps") continue;  // none: one is made
      say(Kind::mistake, named ? shown(one.where) : one.key,
          one.remedy.empty() ? one.what : fmt::format("{}; {}", one.what, one.remedy));
    }
  }

  EchoServerImport done() { return std::move(out_); }

 private:
  const FreshSecrets& fresh_;
  EchoServerImport out_;
  int apps_ = 0;
};

}  // namespace

EchoServerImport import_variables(std::string_view dotenv, const FreshSecrets& fresh) {
  Writer writer("a .env", fresh);
  auto parsed = parse_dotenv(dotenv, {});
  for (const auto line : parsed.bad_lines) {
    writer.say(Kind::mistake, fmt::format("line {}", line), "it is no NAME=value");
  }
  std::erase_if(parsed.values,
                [](const auto& row) { return !row.first.starts_with("PARLEY_") && !of_earlier_family(row.first); });
  auto all = read(parsed.values);
  writer.node(all);
  writer.app(all);
  writer.app_if_none();
  writer.mistakes(all, [](const std::string& where) { return where; });
  for (const auto& [name, text] : parsed.values) {
    if (text.empty()) continue;
    const auto* row = find_earlier_name(name);
    if (row != nullptr && !row->text.empty()) writer.say(Kind::left_out, name, std::string(row->text));
    if (row == nullptr && of_earlier_family(name) && !judged_elsewhere(name)) {
      writer.say(Kind::left_out, name, "it is not known here");
    }
  }
  return writer.done();
}

Result<bool> looks_like_soketi(std::string_view json) {
  const auto rows = flatten_json(json);
  if (!rows) return rows.error();
  return std::any_of(rows->begin(), rows->end(), [](const FlatRow& row) {
    const std::string_view path = row.path;
    for (const char* table :
         {"appManager.", "adapter.", "metrics.", "queue.", "eventLimits.", "rateLimiter.", "ssl."}) {
      if (path.starts_with(table)) return true;
    }
    return path == "pathPrefix" || path == "debug" || path == "shutdownGracePeriod";
  });
}

Result<EchoServerImport> import_soketi(std::string_view json, const FreshSecrets& fresh) {
  const auto rows = flatten_json(json);
  if (!rows) return rows.error();
  Writer writer("a soketi.json", fresh);
  Variables common;
  std::map<std::size_t, Variables> apps;
  std::map<std::string, std::string> path_of{};  // variable -> as it stands in the file
  for (const auto& row : *rows) {
    if (row.kind == FlatRow::Kind::null || row.kind == FlatRow::Kind::empty || row.text.empty()) continue;
    std::string_view path = row.path;
    std::size_t number = 0;
    const bool of_app = path.starts_with(kAppsPath);
    if (of_app) {
      path.remove_prefix(kAppsPath.size());
      const auto digits = path.substr(0, path.find('.'));
      for (const char c : digits)
        number = std::min<std::size_t>(number * 10 + static_cast<std::size_t>(c - '0'), 100'000);
      path.remove_prefix(std::min(digits.size() + 1, path.size()));
    }
    if (of_app && (path == "id" || path == "key" || path == "secret")) {
      auto name = std::string(kAppVariable) + (path == "id" ? "ID" : path == "key" ? "KEY" : "SECRET");
      path_of[name] = row.path;
      apps[number][std::move(name)] = row.text;
      continue;
    }
    const auto names = earlier_names();
    const auto known = std::find_if(names.begin(), names.end(), [&](const EarlierName& one) {
      if (one.path.empty() || one.variable.starts_with(kAppVariable) != of_app) return false;
      if (one.path.ends_with('*')) return path.starts_with(one.path.substr(0, one.path.size() - 1));
      return path == one.path || (one.path == "webhooks" && path.starts_with("webhooks."));
    });
    if (known == names.end()) {
      writer.say(Kind::left_out, row.path, "it has no counterpart here");
    } else if (!known->text.empty()) {
      writer.say(Kind::left_out, row.path, std::string(known->text));
    } else {
      const std::string name(known->variable);
      path_of[name] = row.path;
      (of_app ? apps[number] : common)[name] = row.text;
    }
  }
  const auto shown = [&](const std::string& where) {
    const auto found = path_of.find(where);
    return found == path_of.end() ? where : found->second;
  };
  auto first = common;
  if (!apps.empty()) first.insert(apps.begin()->second.begin(), apps.begin()->second.end());
  auto node = read(first);
  writer.node(node);
  writer.mistakes(node, shown);
  for (const auto& [number, variables] : apps) {
    auto with = common;
    with.insert(variables.begin(), variables.end());
    auto one = read(with);
    writer.app(one);
    if (number != apps.begin()->first) writer.mistakes(one, shown);
  }
  writer.app_if_none();
  auto made = writer.done();
  for (auto& remark : made.remarks) remark.key = shown(remark.key);
  return made;
}

}  // namespace parley::server
