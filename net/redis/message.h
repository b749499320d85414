#pragma once
// A message of Laravel's redis broadcaster: `{"event":…,"data":…,"socket":…}`. Pure.

#include "core/ids.h"
#include "core/result.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace parley::net {

struct RedisBroadcast {
  std::string event;
  std::string_view data;  // JSON text, byte for byte as it stands in the message; `null` when it is absent
  SocketId except;        // none: `socket` is null, absent, or the id of another kind of server
};

// `data` of the answer points into `text`.
Result<RedisBroadcast> decode_redis_broadcast(std::string_view text, std::size_t depth_max);

}  // namespace parley::net
