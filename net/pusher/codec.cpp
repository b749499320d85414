#include "net/pusher/codec.h"

#include "core/limits.h"
#include "net/json/fields.h"
#include "net/session/data_object.h"

namespace parley::net::pusher {
namespace {

constexpr std::uint64_t kAckMax = 1ULL << 53;  // what JavaScript counts exactly
constexpr auto kBad = Errc::bad_frame;

}  // namespace

Result<ClientFrame> decode_client_frame(std::string_view payload, std::size_t depth_max) {
  if (auto checked = check_json(payload, depth_max); !checked) return checked.error();
  const auto text = trimmed(payload);
  const auto fields = read_fields<5>(text, {"event", "channel", "data", "ack", "idempotency_key"}, kBad, "a frame");
  if (!fields) return fields.error();
  const auto [event, channel, data, ack, key] = *fields;

  ClientFrame frame;
  if (event.empty()) return make_error(kBad, "`event` is missing");
  if (auto read = read_string(event, "event", kBad, frame.event); !read) return read.error();
  if (!channel.empty()) {
    frame.channel.emplace();
    if (auto read = read_string(channel, "channel", kBad, *frame.channel); !read) return read.error();
  }
  frame.data = data;
  if (!ack.empty()) {
    const auto number = json_integer(ack);
    if (!number || *number < 1 || static_cast<std::uint64_t>(*number) > kAckMax) {
      return make_error(kBad, "`ack` must be a whole number from 1 on");
    }
    frame.ack = static_cast<std::uint64_t>(*number);
  }
  if (auto read = read_string(key, "idempotency_key", kBad, frame.idempotency_key); !read) return read.error();
  if (frame.idempotency_key.size() > kIdempotencyKeyCharsMax) {
    return make_error(kBad, fmt::format("`idempotency_key` has more than {} characters", kIdempotencyKeyCharsMax));
  }
  return frame;
}

Result<UnsubscribeData> decode_unsubscribe(std::string_view data, std::size_t depth_max) {
  std::string holder;
  const auto object = data_object(data, holder, depth_max, "pusher:unsubscribe");
  if (!object) return object.error();
  const auto fields = read_fields<1>(*object, {"channel"}, kBad, "`data` of pusher:unsubscribe");
  if (!fields) return fields.error();
  UnsubscribeData out;
  if (fields->front().empty()) return make_error(kBad, "`channel` of pusher:unsubscribe is missing");
  if (auto read = read_string(fields->front(), "channel", kBad, out.channel); !read) return read.error();
  return out;
}

}  // namespace parley::net::pusher
