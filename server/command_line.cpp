#include "server/command_line.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace parley::server {
namespace {

constexpr std::uintmax_t kFileBytesMax = 4 * 1024 * 1024;

Status readable(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  if (text->find("-----BEGIN") == std::string::npos) {
    return make_error(Errc::config_invalid, fmt::format("{} is not a PEM file", path));
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream contents;
  if (file && file.peek() != std::ifstream::traits_type::eof()) contents << file.rdbuf();
  if (!file.is_open() || file.bad() || contents.bad() || (errno == EISDIR)) {
    return make_error(Errc::io, fmt::format("cannot read {}: {}", path, std::strerror(errno == 0 ? EIO : errno)));
  }
  auto text = contents.str();
  if (text.size() > kFileBytesMax)
    return make_error(Errc::io, fmt::format("{} is larger than {} bytes", path, kFileBytesMax));
  return text;
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (const auto equals = text.find('='); equals != std::string_view::npos) {
      result.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return result;
}

LoadedConfig load_from_system(const CommandLine& line) {
  ConfigSources sources;
  sources.environment = process_environment();
  sources.flags = line.keys;
  sources.dev = line.dev;
  sources.conformance = line.conformance;
  sources.conformance_recovery = line.conformance_recovery;
  sources.readable = readable;
  sources.contents = read_file;

  auto asked_for = line.config_file;
  if (const auto found = sources.environment.find("PARLEY_CONFIG");
      !asked_for && found != sources.environment.end() && !found->second.empty()) {
    asked_for = found->second;
  }
  if (line.demo_only && !line.config_file) {
    // The demo is meant, whatever application this directory or this shell is set up for.
    sources.environment.clear();
    sources.toml_name = "parley.toml";
    return load_config(sources);
  }
  const auto path = asked_for.value_or("parley.toml");
  sources.toml_name = path;
  std::optional<Error> unreadable;
  if (asked_for || access(path.c_str(), F_OK) == 0) {
    auto text = read_file(path);
    if (text) {
      sources.toml = std::move(*text);
    } else {
      unreadable = text.error();
    }
  }
  auto loaded = load_config(sources);
  if (unreadable) {
    loaded.mistakes.insert(loaded.mistakes.begin(),
                           {path, {}, unreadable->message, "give the file's path with --config"});
  }
  return loaded;
}

}  // namespace parley::server
