#pragma once
// What was typed, and the configuration that follows from it, the file and the environment.

#include "server/config/config_load.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley::server {

struct CommandLine {
  std::optional<std::string> config_file;  // absent: PARLEY_CONFIG, then ./parley.toml if there is one
  bool dev = false;
  bool demo_only = false;  // of client commands with --dev: neither ./parley.toml nor the environment's application
  bool conformance = false;
  bool conformance_recovery = false;
  std::vector<std::pair<std::string, std::string>> keys;  // from --port and the like, and from --set
};

// A file of moderate size, whole.
Result<std::string> read_file(const std::string& path);

std::map<std::string, std::string> process_environment();

// Reads the file anew each time: reload calls it again with the same command line.
LoadedConfig load_from_system(const CommandLine& line);

}  // namespace parley::server
