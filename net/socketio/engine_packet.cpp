#include "net/socketio/engine_packet.h"

namespace parley::net::socketio {
namespace {

constexpr char kMessageByte = 4;  // protocol 3: before the data of a binary frame
constexpr std::string_view kBase64Mark3 = "b4";
constexpr std::string_view kBase64Mark4 = "b";

std::string_view base64_mark(EngineVersion version) {
  return version == EngineVersion::v3 ? kBase64Mark3 : kBase64Mark4;
}

}  // namespace

Result<EnginePacket> decode_engine_text(std::string_view frame, std::optional<EngineVersion> base64_as) {
  if (frame.empty()) return make_error(Errc::bad_frame, "an Engine.IO packet has at least its type");
  if (frame.front() == 'b' && base64_as) {
    const auto mark = base64_mark(*base64_as);
    if (!frame.starts_with(mark)) return make_error(Errc::bad_frame, "only messages are binary");
    auto bytes = base64_decode(frame.substr(mark.size()));
    if (!bytes) return bytes.error();
    EnginePacket packet{.type = EngineType::message, .binary = true, .data = {}, .holder = nullptr};
    packet.holder = make_bytes(std::move(*bytes));
    packet.data = *packet.holder;
    return packet;
  }
  if (frame.front() < '0' || frame.front() > '6') return make_error(Errc::bad_frame, "unknown Engine.IO packet type");
  return EnginePacket{.type = static_cast<EngineType>(frame.front() - '0'),
                      .binary = false,
                      .data = frame.substr(1),
                      .holder = nullptr};
}

Result<EnginePacket> decode_engine_binary(std::string_view frame, EngineVersion version) {
  if (version == EngineVersion::v3) {
    if (frame.empty()) return make_error(Errc::bad_frame, "an Engine.IO packet has at least its type");
    if (frame.front() != kMessageByte) return make_error(Errc::bad_frame, "only messages are binary");
    frame.remove_prefix(1);
  }
  return EnginePacket{.type = EngineType::message, .binary = true, .data = frame, .holder = nullptr};
}

std::string_view OutPacket::view() const {
  if (const auto* own = std::get_if<std::string>(&text)) return *own;
  const auto& bytes = std::get<Bytes>(text);
  return bytes == nullptr || skip >= bytes->size() ? std::string_view() : std::string_view(*bytes).substr(skip);
}

std::string encode_engine_binary(std::string_view data, EngineVersion version) {
  std::string out;
  out.reserve(data.size() + 1);
  if (version == EngineVersion::v3) out.push_back(kMessageByte);
  out.append(data);
  return out;
}

std::string encode_engine_base64(std::string_view data, EngineVersion version) {
  std::string out(base64_mark(version));
  append_base64(out, data);
  return out;
}

}  // namespace parley::net::socketio
