// What a stranger's message can do to the Socket.IO codec. What decodes lies inside the message and within the codec's
// promises, and decodes to the same packet once it was encoded again.

#include "core/check.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "core/limits.h"
#include "net/socketio/packet.h"
#include "net/socketio/utf16.h"

using namespace parley;
using namespace parley::net::socketio;

namespace {

const std::size_t kDepthMax = NodeLimits{}.json_depth_max;

void check_within(std::string_view part, std::string_view whole) {
  if (part.empty()) return;
  CHECK(part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

std::string encoded(const Packet& packet) {
  std::string out;
  switch (packet.type) {
    case PacketType::connect:
      return encode_connect_v3(packet.nsp).append(packet.payload);
    case PacketType::disconnect:
      return encode_disconnect(packet.nsp);
    case PacketType::ack:
    case PacketType::binary_ack:
      CHECK(packet.ack.has_value());
      begin_ack(out, packet.nsp, *packet.ack, packet.attachments);
      break;
    default:
      begin_event(out, packet.nsp, packet.attachments, packet.ack);
      break;
  }
  const auto arguments = arguments_of(packet.payload);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    check_within(arguments[i], packet.payload);
    CHECK(check_json(arguments[i], kDepthMax).ok());
    out.append(i > 0 ? "," : "").append(arguments[i]);
  }
  return out.append("]");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string message(reinterpret_cast<const char*>(bytes), size);
  static_cast<void>(has_placeholder(message));
  static_cast<void>(placeholders_fit(message, 1));
  const auto packet = decode_packet(message, kDepthMax);
  if (!packet) return 0;
  CHECK(packet->type != PacketType::connect_error);
  CHECK(packet->nsp.starts_with('/') && packet->nsp.size() <= kNamespaceCharsMax && is_utf8(packet->nsp));
  CHECK(packet->attachments <= kAttachmentsMax);
  CHECK((packet->attachments > 0) ==
        (packet->type == PacketType::binary_event || packet->type == PacketType::binary_ack));
  check_within(packet->nsp_query, message);
  check_within(packet->payload, message);
  CHECK(packet->payload.empty() || check_json(packet->payload, kDepthMax).ok());
  CHECK(packet->attachments == 0 || placeholders_fit(packet->payload, packet->attachments));
  const auto text = encoded(*packet);
  CHECK(is_utf8(text));
  const auto again = decode_packet(std::string_view(text).substr(1), kDepthMax);
  CHECK(again.ok());
  CHECK(again->type == packet->type && again->attachments == packet->attachments && again->nsp == packet->nsp);
  CHECK(again->ack == packet->ack);
  CHECK(arguments_of(again->payload) == arguments_of(packet->payload));
  return 0;
}
