#include "server/commands/usage.h"

#include "server/config/config_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace parley::server {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// Those that --help shows.
std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const auto* command : commands) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string meant(std::string_view word, const std::vector<std::string>& names) {
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto near = closest(word, candidates);
  return near.empty() ? std::string() : fmt::format("; did you mean `{}`?", near);
}

}  // namespace

int explain_usage(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv) {
  if (error.get_exit_code() == 0) return app.exit(error);
  // Down to the command that was reached; what follows is judged by what that one knows.
  const auto* command = &app;
  std::string line = "parley";
  for (int i = 1; i < argc; ++i) {
    const std::string_view word(argv[i]);
    if (word.starts_with('-')) {
      const std::string name(word.substr(0, word.find('=')));
      if (!word.starts_with("--") || command->get_option_no_throw(name) != nullptr) continue;
      fmt::print(stderr, "{} has no option `{}`{}\n", line, name, meant(name, options_of(*command)));
      fmt::print(stderr, "`{} --help` lists them\n", line);
      return kExitUsage;
    }
    const auto commands = commands_of(*command);
    if (commands.empty()) continue;  // a value
    const auto next =
        std::find_if(commands.begin(), commands.end(), [&](const auto* one) { return one->get_name() == word; });
    if (next == commands.end()) {
      fmt::print(stderr, "{}: there is no command `{}`{}\n", line, word, meant(word, names_of(commands)));
      fmt::print(stderr, "`{} --help` lists them\n", line);
      return kExitUsage;
    }
    command = *next;
    line += fmt::format(" {}", word);
  }
  app.exit(error);
  return kExitUsage;
}

}  // namespace parley::server
