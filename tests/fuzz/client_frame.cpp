// What a stranger's WebSocket frame can do to the Pusher codec. Besides not crashing: what is decoded
// lies inside the payload, and what decodes is within the codec's promises.

#include "core/check.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "net/pusher/codec.h"

using namespace parley;
using namespace parley::net;
using namespace parley::net::pusher;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string payload(reinterpret_cast<const char*>(bytes), size);
  const AppLimits limits;
  if (const auto frame = decode_client_frame(payload)) {
    CHECK(check_json(payload, NodeLimits{}.json_depth_max).ok());
    CHECK(frame->idempotency_key.size() <= kIdempotencyKeyCharsMax);
    if (!frame->data.empty()) {
      CHECK(frame->data.data() >= payload.data());
      CHECK(frame->data.data() + frame->data.size() <= payload.data() + payload.size());
      CHECK(check_json(frame->data, NodeLimits{}.json_depth_max).ok());
      static_cast<void>(decode_subscribe(frame->data));
      static_cast<void>(decode_unsubscribe(frame->data));
      static_cast<void>(decode_sign_in(frame->data));
    }
  }
  if (const auto channel_data = decode_channel_data(payload, limits)) {
    CHECK(!channel_data->user_id.empty() && channel_data->user_info.size() <= limits.member_bytes_max);
  }
  static_cast<void>(decode_user_data(payload, limits));
  // Escaping makes a string of any bytes that are text: what comes out must be JSON again.
  if (check_json(payload, 8).ok()) {
    std::string escaped;
    append_json_string(escaped, payload);
    CHECK(check_json(escaped, 8).ok());
    CHECK(json_string(escaped) == payload);
  }
  return 0;
}
