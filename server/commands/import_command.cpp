#include "server/commands/import_command.h"

#include "core/random.h"
#include "server/commands/command_line.h"
#include "server/config/setup_import.h"

#include <fmt/format.h>

#include <cstdio>

namespace parley::server {

namespace {

// What is no JSON is a `.env`; JSON is laravel-echo-server's unless it has soketi's keys.
Result<EchoServerImport> import_any(const std::string& text, const FreshSecrets& fresh) {
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool json = first != text.npos && (text[first] == '{' || text[first] == '[');
  if (!json && text.find('=') != text.npos) return import_variables(text, fresh);
  const auto soketi = looks_like_soketi(text);
  if (!soketi) return soketi.error();
  return *soketi ? import_soketi(text, fresh) : import_echo_server(text, process_environment(), fresh);
}

}  // namespace

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
  const auto imported = import_any(*json, fresh);
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
