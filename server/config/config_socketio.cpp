#include "server/config/config_reader.h"

#include "core/origin.h"

#include <algorithm>
#include <set>

namespace parley::server::reader {
namespace {

constexpr std::string_view kTaken[] = {"/app", "/apps", "/admin", "/health", "/r", "/t", "/conformance"};

bool plain_path(std::string_view path) {
  return path.size() > 1 && path.front() == '/' && path.back() != '/' &&
         path.find_first_not_of("/-._~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") ==
             std::string_view::npos;
}

}  // namespace

void check_socketio(LoadedConfig& out) {
  const auto& settings = out.config.settings;
  const auto& socketio = settings.socketio;
  const auto wrong = [&](const std::string& key, std::string what, std::string remedy) {
    mistake(out, origin_of(out, key), key, std::move(what), std::move(remedy));
  };
  if (!plain_path(socketio.path)) {
    wrong("socketio.path", fmt::format("`{}` is not a path", socketio.path),
          "begin with `/`, do not end with one: `/socket.io`");
  } else if (std::any_of(std::begin(kTaken), std::end(kTaken), [&](std::string_view taken) {
               return socketio.path == taken || socketio.path.starts_with(std::string(taken) + "/");
             })) {
    wrong("socketio.path", fmt::format("something else is served at `{}`", socketio.path), "choose another path");
  }
  if (!socketio.app.empty() && settings.app_by_id(socketio.app) == nullptr) {
    wrong("socketio.app", fmt::format("there is no app with the id `{}`", socketio.app),
          "use the id of one of [[apps]]");
  }
  std::set<std::string_view> names;
  for (const std::string_view entry : socketio.namespaces) {
    const auto equals = entry.find('=');
    const auto name = entry.substr(0, equals);
    if (equals == std::string_view::npos || name.size() < 2 || name.front() != '/' ||
        name.find_first_of(",?#") != std::string_view::npos) {
      wrong("socketio.namespaces", fmt::format("`{}` names no namespace and application", entry),
            "write /admin=4711; the namespace `/` is socketio.app's");
    } else if (settings.app_by_id(entry.substr(equals + 1)) == nullptr) {
      wrong("socketio.namespaces", fmt::format("there is no app with the id `{}`", entry.substr(equals + 1)),
            "use the id of one of [[apps]]");
    } else if (!names.insert(name).second) {
      wrong("socketio.namespaces", fmt::format("`{}` is there twice", name), "remove one");
    }
  }
  for (const auto& origin : socketio.cors_origins) {
    if (const auto valid = check_origin_pattern(origin); !valid) {
      wrong("socketio.cors_origins", fmt::format("`{}` is not an origin: {}", origin, valid.error().message),
            kOriginRemedy);
    }
  }
  const bool any_page =
      std::find(socketio.cors_origins.begin(), socketio.cors_origins.end(), "*") != socketio.cors_origins.end();
  if (socketio.cors_credentials && any_page) {
    wrong("socketio.cors_credentials", "with `*` beside it every page could act as its visitors",
          "name the pages in socketio.cors_origins");
  }
  if (socketio.cors_credentials && socketio.cors_origins.empty()) {
    wrong("socketio.cors_credentials", "socketio.cors_origins is empty beside it", "name the pages that may poll");
  }
}

}  // namespace parley::server::reader
