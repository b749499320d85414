#pragma once
// `parley check --from FILE`: a laravel-echo-server.json, a soketi.json or a .env.

#include <string>

namespace parley::server {

// The configuration goes to stdout, remarks to stderr. 0; 1: the file cannot be read, or is not what it should be.
int import_command(const std::string& path);

}  // namespace parley::server
