#pragma once
// From a `.env` (of Laravel with Reverb, soketi, …) or a soketi.json to a parley.toml that does the same, and remarks
// on what it does not. Pure.

#include "server/config/echo_server_import.h"

#include <string_view>

namespace parley::server {

EchoServerImport import_variables(std::string_view dotenv, const FreshSecrets& fresh);

// An error: the file is no JSON object.
Result<bool> looks_like_soketi(std::string_view json);
Result<EchoServerImport> import_soketi(std::string_view json, const FreshSecrets& fresh);

}  // namespace parley::server
