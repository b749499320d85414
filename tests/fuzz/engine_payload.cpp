// What a stranger's polling body or form can do to the Engine.IO codec. The first byte says how the rest is read. What
// decodes lies inside the body or its own bytes, and decodes to the same packets once it was encoded again.

#include "core/check.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "net/socketio/engine_packet.h"

using namespace parley;
using namespace parley::net;
using namespace parley::net::socketio;

namespace {

constexpr std::size_t kPacketsMax = 32;

void check_again(const std::vector<EnginePacket>& packets, EngineVersion version, bool base64_only) {
  std::vector<OutPacket> out;
  for (const auto& packet : packets) {
    auto text = packet.binary ? std::string() : std::to_string(static_cast<int>(packet.type));
    out.push_back({.binary = packet.binary, .text = text.append(packet.data), .skip = 0});
  }
  const auto payload = encode_engine_payload(out, version, base64_only);
  const auto again = decode_engine_payload(payload.body, version, payload.binary_body, packets.size());
  CHECK(again.ok() && again->size() == packets.size());
  for (std::size_t i = 0; i < packets.size(); ++i) {
    CHECK(again->at(i).type == packets[i].type && again->at(i).binary == packets[i].binary);
    CHECK(again->at(i).data == packets[i].data);
  }
}

void check_body(std::string_view body, EngineVersion version, bool binary_body) {
  const auto packets = decode_engine_payload(body, version, binary_body, kPacketsMax);
  if (!packets) return;
  CHECK(!packets->empty() && packets->size() <= kPacketsMax);
  for (const auto& packet : *packets) {
    const std::string_view within = packet.holder != nullptr ? std::string_view(*packet.holder) : body;
    CHECK(packet.data.data() >= within.data() &&
          packet.data.data() + packet.data.size() <= within.data() + within.size());
    CHECK(packet.binary ? packet.type == EngineType::message : is_utf8(packet.data));
  }
  check_again(*packets, version, false);
  check_again(*packets, version, true);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string body(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  switch (bytes[0]) {
    case '3':
      check_body(body, EngineVersion::v3, false);
      break;
    case 'b':
      check_body(body, EngineVersion::v3, true);
      break;
    case 'd':
      if (const auto posted = unwrap_jsonp_post(body)) check_body(*posted, EngineVersion::v3, false);
      break;
    default:
      check_body(body, EngineVersion::v4, false);
      break;
  }
  for (const auto version : {EngineVersion::v3, EngineVersion::v4}) {
    static_cast<void>(decode_engine_text(body, version));
    static_cast<void>(decode_engine_binary(body, version));
  }
  CHECK(*base64_decode(base64_encode(body)) == body);
  CHECK(bytes_of_units(body, utf16_units(body)) == body.size());
  if (is_utf8(body)) {
    const auto script = wrap_jsonp(body, 0);
    const std::string_view quoted = std::string_view(script).substr(10, script.size() - 12);  // ___eio[0](  and  );
    CHECK(check_json(quoted, 1).ok() && json_string(quoted) == body);
    CHECK(script.find_first_of("<\n") == std::string::npos);
  }
  return 0;
}
