#include "net/redis/message.h"

#include "net/json/fields.h"

namespace parley::net {

Result<RedisBroadcast> decode_redis_broadcast(std::string_view text, std::size_t depth_max) {
  constexpr auto kBad = Errc::bad_request;
  if (auto valid = check_json(text, depth_max); !valid) return valid.error();
  const auto fields = read_fields<3>(trimmed(text), {"event", "data", "socket"}, kBad, "the message");
  if (!fields) return fields.error();
  const auto [event, data, socket] = *fields;
  RedisBroadcast broadcast;
  if (event.empty()) return make_error(kBad, "`event` is missing");
  if (auto read = read_string(event, "event", kBad, broadcast.event); !read) return read.error();
  broadcast.data = data.empty() ? std::string_view("null") : data;
  // The id of whoever caused the event. Anything else names a client that is not connected here.
  if (!socket.empty() && type_of(socket) == JsonType::string) {
    if (const auto id = SocketId::parse(json_string(socket))) broadcast.except = *id;
  }
  return broadcast;
}

}  // namespace parley::net
