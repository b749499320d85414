#pragma once
// Where a Redis server is and how one logs in there. Values; pure.

#include "core/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace parley::net {

struct RedisTarget {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  std::string socket;  // of the file system; not empty: instead of host and port
  std::string username;
  std::string password;
  std::uint32_t database = 0;

  [[nodiscard]] std::string address() const;  // for people; without name and password
};

// `redis://user:password@host:port/database`, `tcp://…` likewise, `unix:///path`. The error never shows the text.
Result<RedisTarget> parse_redis_url(std::string_view text);

}  // namespace parley::net
