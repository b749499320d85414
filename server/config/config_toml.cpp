#include "server/config/config_reader.h"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <set>

namespace parley::server::reader {
namespace {

std::optional<ConfigValue> to_value(const toml::node& node) {
  if (const auto* flag = node.as_boolean()) return ConfigValue(flag->get());
  if (const auto* number = node.as_integer()) return ConfigValue(number->get());
  if (const auto* number = node.as_floating_point()) return ConfigValue(number->get());
  if (const auto* text = node.as_string()) return ConfigValue(text->get());
  const auto* array = node.as_array();
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> list;
  for (const auto& item : *array) {
    const auto* text = item.as_string();
    if (text == nullptr) return std::nullopt;
    list.push_back(text->get());
  }
  return ConfigValue(std::move(list));
}

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of("_-."), text.size());
    if (end > 0) words.emplace(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// The right word in the wrong table, without its unit, or turned round: `port`, `drain`, `max_connections`.
std::string same_words(const std::string& leaf, const std::vector<std::string_view>& names) {
  const auto wanted = words_of(leaf);
  for (const bool unit_forgotten : {false, true}) {
    for (const auto name : names) {
      auto words = words_of(name.substr(name.rfind('.') + 1));
      if (unit_forgotten) {
        for (const auto* unit : {"seconds", "ms", "max", "bytes", "chars", "timeout"}) {
          if (!wanted.contains(unit)) words.erase(unit);
        }
      }
      if (!wanted.empty() && words == wanted) return std::string(name);
    }
  }
  return {};
}

// Reads tables of one owner: the node, an app, a rule or a webhook.
template <class Owner>
class TableReader {
 public:
  TableReader(std::span<const ConfigKey<Owner>> keys, Owner& owner, std::string shown_prefix, const std::string& file,
              LoadedConfig& out)
      : keys_(keys), owner_(owner), shown_prefix_(std::move(shown_prefix)), file_(file), out_(out) {}

  void read(const toml::table& table, const std::string& prefix = {}) {
    for (const auto& [key, node] : table) read_entry(prefix + std::string(key.str()), key.source().begin.line, node);
  }

 private:
  void read_entry(const std::string& name, toml::source_index line, const toml::node& node) {
    const auto where = fmt::format("{}:{}", file_, line);
    const auto shown = shown_prefix_ + name;
    if (const auto* key = find_key(keys_, name)) {
      out_.origins[shown] = where;
      const auto value = to_value(node);
      if (!value) {
        const auto* found = node.is_array()   ? "a list of something else"
                            : node.is_table() ? "a table"
                                              : "a date or time";
        mistake(out_, where, shown, fmt::format("expected {}, found {}", slot_type(key->slot(owner_)), found));
      } else if (const auto status = assign(key->slot(owner_), *value, key->range); !status) {
        mistake(out_, where, shown, status.error().message);
      }
      return;
    }
    if (is_table_name(name)) {
      if (const auto* table = node.as_table()) {
        read(*table, name + '.');
      } else {
        mistake(out_, where, shown, "expected a table here", fmt::format("write [{}] on its own line", shown));
      }
      return;
    }
    mistake(out_, where, shown, "there is no such key", remedy_for(name));
  }

  [[nodiscard]] bool is_table_name(const std::string& name) const {
    return std::any_of(keys_.begin(), keys_.end(), [&](const auto& key) { return key.name.starts_with(name + '.'); });
  }

  [[nodiscard]] std::string remedy_for(const std::string& name) const {
    const auto table_end = name.rfind('.') + 1;  // npos + 1 is 0: no table
    const auto leaf = name.substr(table_end);
    std::vector<std::string_view> names;
    for (const auto& key : keys_) names.push_back(key.name);
    auto meant = same_words(leaf, names);
    if (meant.empty()) {
      // A slip is looked for beside the key first: `server.prot` means `server.port`.
      std::vector<std::string_view> beside;
      for (const auto& known : names) {
        if (known.starts_with(name.substr(0, table_end))) beside.push_back(known.substr(table_end));
      }
      const auto near = closest(leaf, beside);
      meant = near.empty() ? closest(name, names) : name.substr(0, table_end) + near;
    }
    if (meant.empty()) return "remove it; docs/configuration.md lists every key";
    return fmt::format("did you mean `{}{}`?", shown_prefix_, meant);
  }

  std::span<const ConfigKey<Owner>> keys_;
  Owner& owner_;
  std::string shown_prefix_;
  const std::string& file_;
  LoadedConfig& out_;
};

// `[[apps]]`, `[[channels]]` or `[[webhooks]]`: one owner for each table.
template <class Owner>
void read_tables(const toml::node& node, std::string_view what, std::span<const ConfigKey<Owner>> keys,
                 const std::string& file, std::vector<Owner>& owners, LoadedConfig& out) {
  const auto* array = node.as_array();
  if (array == nullptr ||
      !std::all_of(array->begin(), array->end(), [](const auto& item) { return item.is_table(); })) {
    mistake(out, fmt::format("{}:{}", file, node.source().begin.line), std::string(what), "expected a list of tables",
            fmt::format("write [[{}]] in front of each", what));
    return;
  }
  for (const auto& item : *array) {
    const auto prefix = fmt::format("{}[{}].", what, owners.size());
    out.origins[prefix.substr(0, prefix.size() - 1)] = fmt::format("{}:{}", file, item.source().begin.line);
    auto& owner = owners.emplace_back();
    TableReader<Owner>(keys, owner, prefix, file, out).read(*item.as_table());
  }
}

// The library reads a dotted name by recursion, a level a part, and has no bound for it.
constexpr std::size_t kNamePartsMax = 64;

// Where a name has more parts; 0: nowhere.
std::size_t line_of_deep_name(std::string_view text) {
  std::size_t line = 1;
  std::size_t dots = 0;
  for (const char c : text) {
    if (c == '.') {
      if (++dots >= kNamePartsMax) return line;
    } else if (c == '\n' || c == ',' || c == '=' || c == '[' || c == ']' || c == '#') {
      dots = 0;
      if (c == '\n') ++line;
    }
  }
  return 0;
}

}  // namespace

void read_toml(std::string_view text, const std::string& name, LoadedConfig& out) {
  if (const auto line = line_of_deep_name(text); line > 0) {
    mistake(out, fmt::format("{}:{}", name, line), {}, fmt::format("a name of more than {} parts", kNamePartsMax),
            "nothing of this file was read");
    return;
  }
  toml::table root;
  try {
    root = toml::parse(text, name);
  } catch (const toml::parse_error& failure) {
    mistake(out, fmt::format("{}:{}", name, failure.source().begin.line), {},
            fmt::format("this is not TOML: {}", failure.description()), "nothing after this line was read");
    return;
  }
  if (const auto* apps = root.get("apps")) read_tables(*apps, "apps", app_keys(), name, out.config.settings.apps, out);
  if (const auto* rules = root.get("channels")) {
    read_tables(*rules, "channels", rule_keys(), name, out.config.settings.rules, out);
  }
  if (const auto* webhooks = root.get("webhooks")) {
    read_tables(*webhooks, "webhooks", webhook_keys(), name, out.config.settings.webhooks, out);
  }
  for (const auto* tables : {"apps", "channels", "webhooks"}) root.erase(tables);
  TableReader<Config>(node_keys(), out.config, {}, name, out).read(root);
}

}  // namespace parley::server::reader
