// The program `parley`: reads the command line and calls the command. Each command is a file of its own.

#include "server/commands/admin_command_line.h"
#include "server/commands/bench_command.h"
#include "server/commands/client_commands.h"
#include "server/commands/client_line.h"
#include "server/commands/command_line.h"
#include "server/commands/import_command.h"
#include "server/commands/serve_command.h"
#include "server/commands/token_command.h"
#include "server/commands/usage.h"
#include "server/config/config_keys.h"
#include "server/config/config_print.h"
#include "server/version.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

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
    {"--host", "server.host"},
    {"--port", "server.port"},
    {"--metrics-port", "metrics.port"},
    {"--data-dir", "data.dir"},
    {"--log-level", "log.level"},
    {"--log-format", "log.format"},
    {"--io-threads", "server.io_threads"},
    {"--metrics-host", "metrics.host"},
    {"--drain-seconds", "server.drain_seconds"},
    {"--join", "cluster.join"},
    {"--conformance-port", "conformance.socketio_port"},
};

void add_config_options(CLI::App& command, CommandLine& line) {
  command.add_option_function<std::string>(
      "-c,--config", [&line](const std::string& path) { line.config_file = path; },
      "Configuration file (default: parley.toml)");
  command.add_flag("--dev", line.dev, "Demo app and page, weak secrets allowed, 127.0.0.1 only");
  command.add_flag("--conformance", line.conformance,
                   "Serve what public test suites expect: a WebSocket echo, an Engine.IO echo, a Socket.IO fixture");
  command.add_flag("--conformance-recovery", line.conformance_recovery, "… whose sessions are recovered");
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
  for (const auto* words : {&loaded.notes, &loaded.hints}) {
    for (const auto& note : *words) fmt::print(stderr, "note: {}\n", note);
  }
  if (!loaded.ok()) {
    fmt::print(stderr, "{}", mistakes_text(loaded.mistakes));
    return 1;
  }
  fmt::print("{}", config_toml(loaded, Secrets::masked));
  return 0;
}

struct ClientCommands {
  ClientLine line;
  PublishOptions publishing;
  SubscribeOptions subscribing;
  HistoryOptions reading;
  BenchOptions benching;
  TokenOptions token_options;

  void add_to(CLI::App& app, int& code) {
    auto* publish_command = app.add_subcommand("publish", "Publish an event");
    line.add_to(*publish_command);
    publish_command->add_option("words", publishing.words, "Channel, event and data (`-`: from stdin)")
        ->expected(3)
        ->required()
        ->type_name("CHANNEL EVENT DATA");
    publish_command->add_option("--socket-id", publishing.socket_id, "This client does not get it");
    publish_command->add_option("--idempotency-key", publishing.idempotency_key,
                                "Publishing again with it changes nothing");
    publish_command->callback(
        [&] { code = line.run([&](const auto& target) { return publish(target, publishing); }); });

    auto* subscribe_command = app.add_subcommand("subscribe", "Show events as they come");
    line.add_to(*subscribe_command);
    subscribe_command->add_option("channels", subscribing.channels, "Channels")->required()->type_name("CHANNEL...");
    subscribe_command->add_option("--user", subscribing.user_id, "User id on presence channels");
    subscribe_command->add_option("--since", subscribing.since, "Position (epoch:offset) after which to begin");
    subscribe_command->add_option("--rewind", subscribing.rewind, "Begin with the newest N events");
    subscribe_command->add_option("--count", subscribing.count, "End after N events");
    subscribe_command->add_flag("--json", subscribing.json, "One JSON object a line");
    subscribe_command->callback(
        [&] { code = line.run([&](const auto& target) { return subscribe(target, subscribing); }); });

    auto* history_command = app.add_subcommand("history", "Print a channel's history");
    line.add_to(*history_command);
    history_command->add_option("channel", reading.channel, "Channel")->required()->type_name("CHANNEL");
    history_command->add_option("--since", reading.since, "Position (epoch:offset) after which to begin");
    history_command->add_option("--from", reading.from, "Not older than this (milliseconds since 1970)");
    history_command->add_option("--to", reading.to, "Older than this (milliseconds since 1970)");
    history_command->add_option("--limit", reading.limit, "At most N publications")->check(kAtLeastOne);
    history_command->add_option("--direction", reading.direction, "forward, or backward from the newest")
        ->check(CLI::IsMember({"forward", "backward"}));
    history_command->add_flag("--json", reading.json, "One JSON object a line");
    history_command->callback([&] { code = line.run([&](const auto& target) { return history(target, reading); }); });

    auto* bench_command = app.add_subcommand("bench", "Publish to many subscribers and print the rates");
    line.add_to(*bench_command);
    bench_command->add_option("--channel", benching.channel, "Channel (domain.bench is durable)");
    bench_command->add_option("--subscribers", benching.subscribers, "Connections that listen")
        ->check(CLI::Range(1, 50'000));
    bench_command->add_option("--publishers", benching.publishers, "Connections that publish")
        ->check(CLI::Range(1, 256));
    bench_command->add_option("--publishes", benching.publishes, "Events in all")->check(CLI::Range(1, 10'000'000));
    bench_command->add_option("--bytes", benching.bytes, "Size of each event's data")->check(CLI::Range(1, 100'000));
    bench_command->callback([&] { code = line.run([&](const auto& target) { return bench(target, benching); }); });

    add_token_to(app, code);
  }

 private:
  void add_token_to(CLI::App& app, int& code) {
    auto* command = app.add_subcommand("token", "Make a connection token, or tell what one says");
    line.add_app_to(*command);
    const auto many = [&](const char* name, std::vector<std::string>& to, const char* meaning, const char* type) {
      command->add_option(name, to, meaning)->allow_extra_args(false)->type_name(type);
    };
    auto* user = command->add_option("--user", token_options.user_id, "The user's id");
    many("--domain", token_options.domains, "May join domain.ID; may be repeated", "ID");
    many("--admin", token_options.admin, "May join admin.ID; may be repeated", "ID");
    command->add_flag("--admin-all", token_options.admin_all, "May join every admin channel");
    many("--channel", token_options.channels, "May join channels of this pattern, as orders.*; may be repeated",
         "PATTERN");
    command->add_option("--info", token_options.info, "What others see of the user")->type_name("JSON");
    many("--watch", token_options.watchlist, "A user on the watchlist; may be repeated", "ID");
    command->add_option("--ttl", token_options.ttl, "How long it lives: 90s, 5m, 1h (the default)")
        ->type_name("DURATION");
    command
        ->add_option("--private-key", token_options.private_key_file,
                     "PEM file of an RSA or Ed25519 key to sign with, instead of the secret")
        ->type_name("FILE");
    command->add_option("--key-id", token_options.key_id, "The token's `kid`")->type_name("KID");
    command->add_option("--verify", token_options.to_verify, "Print what this token says, or why it is refused")
        ->type_name("TOKEN")
        ->excludes(user);
    command->add_flag("--json", token_options.json, "One JSON object");
    command->callback([&] { code = token(line.given, line.line, token_options); });
  }
};

int run(int argc, char** argv) {
  CLI::App app{"Parley: a real-time presence and messaging server"};
  app.set_version_flag("--version", fmt::format("parley {}", version()));
  app.require_subcommand(1);
  app.fallthrough(false);
  int code = 0;
  CommandLine line;

  auto* serve_command = app.add_subcommand("serve", "Run the server");
  add_config_options(*serve_command, line);
  serve_command->callback([&] { code = serve(line); });

  auto* check_command = app.add_subcommand("check", "Print the effective configuration, or every mistake in it");
  add_config_options(*check_command, line);
  std::string echo_server_file;
  check_command
      ->add_option(
          "--from", echo_server_file,
          "Print a parley.toml that does what this laravel-echo-server.json, soketi.json or .env does, and remarks on "
          "stderr")
      ->type_name("FILE");
  check_command->callback([&] { code = echo_server_file.empty() ? check(line) : import_command(echo_server_file); });

  ClientCommands clients;
  clients.add_to(app, code);
  AdminCommands admin;
  admin.add_to(app, code);

  auto* reference = app.add_subcommand("config-reference", "Print docs/configuration.md");
  reference->group("");  // for those who change the table of keys
  reference->callback([] { fmt::print("{}", config_reference()); });

  auto* version_command = app.add_subcommand("version", "Print the version");
  version_command->callback([] { fmt::print("parley {} ({})\n", version(), compiler()); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) { return explain_usage(app, error, argc, argv); }
  return code;
}

}  // namespace
}  // namespace parley::server

int main(int argc, char** argv) { return parley::server::run(argc, argv); }
