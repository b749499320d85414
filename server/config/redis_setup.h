#pragma once
// From the configuration's [redis] to what net's input of it takes. Pure.

#include "net/redis/input.h"
#include "server/config/config.h"

namespace parley::server {

Result<net::RedisTarget> redis_target(const RedisConfig& config);  // wrong only where the URL is
// Of a configuration that was checked.
net::RedisInputConfig redis_input_config(const RedisConfig& config);

}  // namespace parley::server
