// The program `parley`: reads the command line and calls the command. Each command is a file of its own.

#include "server/command_line.h"
#include "server/config_keys.h"
#include "server/config_print.h"
#include "server/serve_command.h"
#include "server/version.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

namespace parley::server {
namespace {

// `--port 0` and `--set server.port=0` are the same: both name a key of the table.
struct KeyFlag {
  const char* flag;
  const char* key;
};
constexpr KeyFlag kKeyFlags[] = {
    {"--host", "server.host"},         {"--port", "server.port"},       {"--metrics-port", "metrics.port"},
    {"--data-dir", "data.dir"},        {"--log-level", "log.level"},    {"--log-format", "log.format"},
    {"--io-threads", "server.io_threads"}, {"--metrics-host", "metrics.host"}, {"--drain-seconds", "server.drain_seconds"},
};

void add_config_options(CLI::App& command, CommandLine& line) {
  command.add_option_function<std::string>(
      "-c,--config", [&line](const std::string& path) { line.config_file = path; }, "Configuration file (default: parley.toml)");
  command.add_flag("--dev", line.dev, "Demo app and page, weak secrets allowed, 127.0.0.1 only");
  command.add_flag("--conformance", line.conformance, "Serve a plain WebSocket echo at /conformance/echo");
  for (const auto& [flag, key] : kKeyFlags) {
    const auto* meaning = find_key(node_keys(), key);
    command.add_option_function<std::string>(
        flag, [&line, name = std::string(key)](const std::string& text) { line.keys.emplace_back(name, text); },
        std::string(meaning->meaning));
  }
  command
      .add_option_function<std::vector<std::string>>(
          "--set",
          [&line](const std::vector<std::string>& pairs) {
            for (const auto& pair : pairs) {
              const auto equals = pair.find('=');
              if (equals == std::string::npos) throw CLI::ValidationError("--set", "write key=value: " + pair);
              line.keys.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
            }
          },
          "Any key of docs/configuration.md, as limits.frame_bytes_max=262144; may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
}

int check(const CommandLine& line) {
  auto loaded = load_from_system(line);
  for (const auto& note : loaded.notes) fmt::print(stderr, "note: {}\n", note);
  if (!loaded.ok()) {
    fmt::print(stderr, "{}", mistakes_text(loaded.mistakes));
    return 1;
  }
  fmt::print("{}", config_toml(loaded, Secrets::masked));
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app{"Parley: a real-time presence and messaging server"};
  app.require_subcommand(1);
  app.fallthrough(false);
  int code = 0;
  CommandLine line;

  auto* serve_command = app.add_subcommand("serve", "Run the server");
  add_config_options(*serve_command, line);
  serve_command->callback([&] { code = serve(line); });

  auto* check_command = app.add_subcommand("check", "Print the effective configuration, or every mistake in it");
  add_config_options(*check_command, line);
  check_command->callback([&] { code = check(line); });

  auto* reference = app.add_subcommand("config-reference", "Print docs/configuration.md");
  reference->group("");  // for those who change the table of keys
  reference->callback([] { fmt::print("{}", config_reference()); });

  auto* version_command = app.add_subcommand("version", "Print the version");
  version_command->callback([] { fmt::print("parley {} ({})\n", version(), compiler()); });

  CLI11_PARSE(app, argc, argv);
  return code;
}

}  // namespace
}  // namespace parley::server

int main(int argc, char** argv) { return parley::server::run(argc, argv); }
