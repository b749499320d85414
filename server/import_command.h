#pragma once
// `parley check --from laravel-echo-server.json`.

#include <string>

namespace parley::server {

// The configuration goes to stdout, remarks to stderr. 0; 1: the file cannot be read, or is not what it should be.
int import_command(const std::string& path);

}  // namespace parley::server
