#pragma once
// The options that every client command has: which server, which application, whom to trust.

#include "server/commands/client_target.h"
#include "server/commands/command_output.h"

#include <CLI/CLI.hpp>

#include <string>

namespace parley::server {

// Of `--limit`: nothing is no answer.
inline const CLI::Range kAtLeastOne(1U, 1'000'000'000U);

struct ClientLine {
  ClientOptionsGiven given;
  CommandLine line;

  // Of commands that sign as the application.
  void add_to(CLI::App& command) {
    add_server(command);
    add_credentials(command);
  }
  // Of commands that name an application and speak to no server.
  void add_app_to(CLI::App& command) {
    add_app(command);
    add_credentials(command);
  }
  // Of commands that speak to the admin API.
  void add_admin_to(CLI::App& command) {
    add_server(command);
    command.add_option("--admin-key", given.admin_key,
                       "The admin key (better: PARLEY_ADMIN_KEY, which other users do not see)");
  }

  template <class Command>
  int run(Command command) const {
    const auto target = find_target(given, line);
    return target ? command(*target) : complain("speak to the server", target.error());
  }
  template <class Command>
  int run_admin(Command command) const {
    const auto target = find_admin_target(given, line);
    return target ? command(*target) : complain("speak to the server", target.error());
  }

 private:
  void add_credentials(CLI::App& command) {
    command.add_option("--key", given.key, "The application's key");
    command.add_option("--secret", given.secret,
                       "Its secret (better: PARLEY_APP_SECRET, which other users do not see)");
  }
  void add_server(CLI::App& command) {
    command.add_option("--url", given.url,
                       "The server, as https://ws.example.com (default: PARLEY_URL, or the configured host and port)");
    command.add_option("--ca-file", given.ca_file, "PEM file of the authority that signed the server's certificate");
    command.add_flag("--insecure", given.insecure, "Do not check the server's certificate");
    add_app(command);
  }
  void add_app(CLI::App& command) {
    command.add_option("--app-id", given.app_id,
                       "The application's id (default: PARLEY_APP_ID, or the file's first application)");
    command.add_option_function<std::string>(
        "-c,--config", [this](const std::string& path) { line.config_file = path; },
        "Configuration file (default: parley.toml)");
    command.add_flag("--dev", line.dev, "The demo's application on 127.0.0.1");
  }
};

}  // namespace parley::server
