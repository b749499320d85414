#include "server/commands/command_line.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace parley::server {
namespace {

constexpr std::uintmax_t kFileBytesMax = 4 * 1024 * 1024;

struct Closed {
  int file;
  ~Closed() { ::close(file); }
};

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
  const auto failed = [&](int why) {
    return make_error(Errc::io, fmt::format("cannot read {}: {}", path, std::strerror(why)));
  };
  // Nothing here may wait for somebody who writes, or read without an end.
  const int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return failed(errno);
  const Closed at_the_end{file};
  struct stat about {};
  if (::fstat(file, &about) != 0) return failed(errno);
  if (S_ISDIR(about.st_mode)) return failed(EISDIR);
  if (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode)) {
    return make_error(Errc::io, fmt::format("cannot read {}: it is a pipe or a socket, not a file", path));
  }
  std::string text;
  for (;;) {
    char piece[65'536];
    const auto bytes = ::read(file, piece, sizeof piece);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return failed(errno);
    if (bytes == 0) return text;
    text.append(piece, static_cast<std::size_t>(bytes));
    if (text.size() > kFileBytesMax)
      return make_error(Errc::io, fmt::format("{} is larger than {} bytes", path, kFileBytesMax));
  }
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
  std::string no_dotenv;
  if (access(".env", F_OK) == 0) {
    if (auto text = read_file(".env")) {
      sources.dotenv = std::move(*text);
    } else {
      no_dotenv = text.error().message;
    }
  }
  auto loaded = load_config(sources);
  if (!no_dotenv.empty()) loaded.notes.push_back(no_dotenv + ": it is left out");
  if (unreadable) {
    loaded.mistakes.insert(loaded.mistakes.begin(),
                           {path, {}, unreadable->message, "give the file's path with --config"});
  }
  return loaded;
}

}  // namespace parley::server
