#pragma once
// From files, environment and flags to one Config, or to every mistake at once.
//
// Later sources win: defaults, a `.env`, parley.toml, names of earlier setups, PARLEY_*, flags. Pure but for
// the looks at files that the configuration names (ConfigSources::readable, contents), so that tests
// can hand in anything.

#include "core/result.h"
#include "server/config/config.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::server {

struct ConfigMistake {
  std::string where;  // `parley.toml:12`, `PARLEY_SERVER_PORT`, `--port`; empty: the whole
  std::string key;    // `server.port`, `apps[0].secret`; may be empty
  std::string what;
  std::string remedy;  // may be empty
};

struct ConfigSources {
  std::optional<std::string> toml;        // the file's contents
  std::string toml_name = "parley.toml";  // for messages
  std::map<std::string, std::string> environment;
  std::optional<std::string> dotenv;  // contents of a `.env`: it belongs to the application, so only known names count
  std::string dotenv_name = ".env";
  std::vector<std::pair<std::string, std::string>> flags;  // key name -> text, in order
  bool dev = false;
  bool conformance = false;
  bool conformance_recovery = false;
  std::function<Status(const std::string& path)> readable;               // can this file be read? absent: not asked
  std::function<Result<std::string>(const std::string& path)> contents;  // of a key's file; absent: none are read
};

struct LoadedConfig {
  Config config;
  std::map<std::string, std::string> origins;  // full key -> source; absent: default
  std::vector<ConfigMistake> mistakes;         // not empty: `config` must not be used
  std::vector<std::string> notes;              // understood, yet worth a word
  std::vector<std::string> from_dotenv;        // names of variables that were read there
  std::vector<std::string> hints;              // worth one to who asks (`parley check`), not at every start

  [[nodiscard]] bool ok() const { return mistakes.empty(); }
};

LoadedConfig load_config(const ConfigSources& sources);

std::string mistakes_text(const std::vector<ConfigMistake>& mistakes);

// Names of keys whose values differ and which a reload cannot change.
std::vector<std::string> keys_that_need_restart(Config& running, Config& wanted);

}  // namespace parley::server
