#pragma once
// From a laravel-echo-server.json to a parley.toml that does the same, and remarks on what it does not. Pure.

#include "core/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace parley::server {

struct ImportRemark {
  enum class Kind { taken, left_out, mistake } kind = Kind::taken;
  std::string key;  // of laravel-echo-server.json, or a variable's name
  std::string text;
};

struct EchoServerImport {
  std::string toml;  // `parley check` takes it, whatever was in the file
  std::vector<ImportRemark> remarks;
};

// What laravel-echo-server has none of, and is made anew.
struct FreshSecrets {
  std::string app_key;
  std::string app_secret;
};

// `environment`: its LARAVEL_ECHO_SERVER_* come before the file, as there. An error: the file cannot be read.
Result<EchoServerImport> import_echo_server(std::string_view json,
                                            const std::map<std::string, std::string>& environment,
                                            const FreshSecrets& fresh);

std::string remarks_text(const std::vector<ImportRemark>& remarks);

}  // namespace parley::server
