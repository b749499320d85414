#include "server/config/config_reader.h"
#include "server/config/redis_setup.h"

#include <algorithm>

namespace parley::server::reader {
namespace {

constexpr std::size_t kSocketPathMax = 107;  // of sockaddr_un
constexpr const char* kFindPrefix =
    "`php artisan tinker --execute=\"echo config('database.redis.options.prefix')\"` prints it, and "
    "`redis-cli psubscribe '*'` shows what is published";

}  // namespace

void check_redis(LoadedConfig& out) {
  const auto& redis = out.config.redis;
  const auto wrong = [&](const std::string& key, std::string what, std::string remedy) {
    mistake(out, origin_of(out, key), key, std::move(what), std::move(remedy));
  };
  if (!redis.url.empty()) {
    if (const auto target = redis_target(redis); !target) {
      wrong("redis.url", target.error().message, "write redis://host:6379, redis://:password@host or unix:///path");
    }
    // What only repeats the default is no contradiction: `parley check` prints it so.
    const RedisConfig usual;
    for (const auto& [key, differs] : {std::pair{"redis.host", redis.host != usual.host},
                                       {"redis.port", redis.port != usual.port},
                                       {"redis.socket", redis.socket != usual.socket},
                                       {"redis.username", redis.username != usual.username},
                                       {"redis.database", redis.database != usual.database}}) {
      if (differs) wrong(key, "redis.url stands beside it and says it too", "remove one of them");
    }
  } else if (redis.host.empty() && redis.socket.empty()) {
    wrong("redis.host", "there is no host", "write its name or address");
  } else if (!redis.socket.empty() && (redis.socket.front() != '/' || redis.socket.size() > kSocketPathMax)) {
    wrong("redis.socket", fmt::format("`{}` is not the path of a socket", redis.socket),
          fmt::format("begin with `/`, at most {} characters", kSocketPathMax));
  }
  if (redis.url.empty() && !redis.username.empty() && redis.password.empty()) {
    wrong("redis.username", "redis.password is missing beside it", "set both, or only the password");
  }
  if (!redis.app.empty() && out.config.settings.app_by_id(redis.app) == nullptr) {
    wrong("redis.app", fmt::format("there is no app with the id `{}`", redis.app), "use the id of one of [[apps]]");
  }
  if (redis.reconnect_pause > redis.reconnect_pause_max) {
    wrong("redis.reconnect_pause_ms", "it is more than redis.reconnect_pause_max_ms", "lower it");
  }
  if (!redis.enabled) return;
  if (!redis.key_prefix.empty()) {
    out.hints.push_back(
        fmt::format("redis: only channels under `{}` are seen. If nothing arrives: {}", redis.key_prefix, kFindPrefix));
  } else if (redis.detect_prefix) {
    out.notes.push_back(fmt::format(
        "redis.key_prefix is not set: it is learned from the first message that shows it, which may be another "
        "application's. Set it: {}",
        kFindPrefix));
  } else {
    out.hints.push_back(
        fmt::format("redis: channels are taken to have no prefix. If nothing arrives: {}", kFindPrefix));
  }
}

}  // namespace parley::server::reader
