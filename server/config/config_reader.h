#pragma once
// The steps of load_config(), each in its own file. For server/config/config_*.cpp only.

#include "server/config/config_keys.h"
#include "server/config/config_load.h"

#include <fmt/format.h>

namespace parley::server::reader {

inline void mistake(LoadedConfig& out, std::string where, std::string key, std::string what, std::string remedy = {}) {
  out.mistakes.push_back({std::move(where), std::move(key), std::move(what), std::move(remedy)});
}

inline constexpr const char* kOriginRemedy =
    "write https://app.example.com, https://*.example.com, http://localhost:* or *; no path";

// Where the value of `key` came from, for messages about relations.
inline std::string origin_of(const LoadedConfig& out, const std::string& key) {
  const auto found = out.origins.find(key);
  return found == out.origins.end() ? "default" : found->second;
}

void read_toml(std::string_view text, const std::string& name, LoadedConfig& out);  // config_toml.cpp
// `file`: where the variables stand, if it is not the environment. config_env.cpp
void read_environment(const std::map<std::string, std::string>& env, std::string_view file, LoadedConfig& out);
void read_token_keys(const ConfigSources& sources, LoadedConfig& out);  // config_tokens.cpp
void check_socketio(LoadedConfig& out);                                 // config_socketio.cpp
void check_redis(LoadedConfig& out);                                    // config_redis.cpp
void check_cluster(const ConfigSources& sources, LoadedConfig& out);    // config_cluster.cpp
void check(const ConfigSources& sources, LoadedConfig& out);            // config_check.cpp

}  // namespace parley::server::reader
