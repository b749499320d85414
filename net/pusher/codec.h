#pragma once
// Pusher protocol 7, what clients send: bytes in, values out. Pure, never throws, safe on any bytes. What stands in the
// `data` of its events is read by net/session/client_messages.h.
//
// The envelope is read without a DOM and `data` stays the raw text it came as: a client event goes out
// with the same digits, key order and escapes.

#include "net/session/client_messages.h"

#include <string>
#include <string_view>

namespace parley::net::pusher {

// `payload` must outlive the frame.
Result<ClientFrame> decode_client_frame(std::string_view payload, std::size_t depth_max = NodeLimits{}.json_depth_max);

struct UnsubscribeData {
  std::string channel;
};
Result<UnsubscribeData> decode_unsubscribe(std::string_view data, std::size_t depth_max = NodeLimits{}.json_depth_max);

}  // namespace parley::net::pusher
