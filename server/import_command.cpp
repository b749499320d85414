#include "server/import_command.h"

#include "core/random.h"
#include "server/command_line.h"
#include "server/echo_server_import.h"

#include <fmt/format.h>

#include <cstdio>

namespace parley::server {

int import_command(const std::string& path) {
  const auto json = read_file(path);
  if (!json) {
    fmt::print(stderr, "{}\n", json.error().message);
    return 1;
  }
  OsRandom random;
  const FreshSecrets fresh{
      .app_key = fmt::format("{:016x}{:04x}", random.next(), random.next() & 0xFFFF),
      .app_secret = fmt::format("{:016x}{:016x}{:08x}", random.next(), random.next(), random.next() & 0xFFFF'FFFF)};
  const auto environment = process_environment();
  const auto imported = import_echo_server(*json, environment, fresh);
  if (!imported) {
    fmt::print(stderr, "{}: {}\n", path, imported.error().message);
    return 1;
  }
  fmt::print("{}", imported->toml);
  fmt::print(stderr, "{}", remarks_text(imported->remarks));
  fmt::print(stderr, "Save what stands on stdout as parley.toml, and look at it with `parley check`.\n");
  return 0;
}

}  // namespace parley::server
