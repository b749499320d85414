#include "server/config/redis_setup.h"

namespace parley::server {

Result<net::RedisTarget> redis_target(const RedisConfig& config) {
  net::RedisTarget target;
  if (!config.url.empty()) {
    auto parsed = net::parse_redis_url(config.url);
    if (!parsed) return parsed.error();
    target = std::move(*parsed);
  } else {
    target.host = config.host;
    target.port = config.port;
    target.socket = config.socket;
    target.username = config.username;
    target.database = config.database;
  }
  // A URL in a file, and the password from the environment.
  if (!config.password.empty()) target.password = config.password;
  return target;
}

net::RedisInputConfig redis_input_config(const RedisConfig& config) {
  auto target = redis_target(config);
  CHECK(target.ok());
  net::RedisInputConfig input;
  input.target = std::move(*target);
  input.key_prefix = config.key_prefix;
  input.detect_prefix = config.detect_prefix;
  input.app = config.app;
  input.pause_first = config.reconnect_pause;
  input.pause_max = config.reconnect_pause_max;
  return input;
}

}  // namespace parley::server
