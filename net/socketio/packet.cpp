#include "net/socketio/packet.h"

#include "core/json_string.h"
#include "net/pusher/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace parley::net::socketio {
bool is_reserved_event(std::string_view name) {
  constexpr std::array<std::string_view, 6> names{"connect",       "connect_error", "disconnect",
                                                  "disconnecting", "newListener",   "removeListener"};
  return std::find(names.begin(), names.end(), name) != names.end();
}
std::vector<std::string_view> arguments_of(std::string_view payload) {
  std::vector<std::string_view> out;
  pusher::JsonArray array(payload);
  while (array.next()) out.push_back(array.value());
  return out;
}
bool has_placeholder(std::string_view json) { return json.find("\"_placeholder\":true") != std::string_view::npos; }
Result<Packet> decode_packet(std::string_view text, std::size_t depth) {
  const auto bad = [] { return make_error(Errc::bad_frame, "no Socket.IO packet"); };
  if (text.empty() || text[0] < '0' || text[0] > '6') return bad();
  Packet packet;
  packet.type = static_cast<PacketType>(text[0] - '0');
  text.remove_prefix(1);
  const bool binary = packet.type == PacketType::binary_event || packet.type == PacketType::binary_ack;
  if (binary) {
    const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), packet.attachments);
    if (failed != std::errc{} || stop == text.data() + text.size() || *stop != '-') return bad();
    if (packet.attachments == 0 || packet.attachments > kAttachmentsMax) return bad();
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
  }
  if (text.starts_with('/')) {
    const auto end = std::min(text.find(','), text.size());
    auto nsp = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    const auto question = nsp.find('?');
    if (question != std::string_view::npos) packet.nsp_query = nsp.substr(question + 1);
    packet.nsp = nsp.substr(0, question);
    if (packet.nsp.size() > kNamespaceCharsMax) return bad();
  }
  if (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    std::uint64_t ack = 0;
    const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), ack);
    if (failed != std::errc{} || ack > (1ULL << 53)) return bad();
    packet.ack = ack;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  }
  packet.payload = text;
  if (!text.empty() && !pusher::check_json(text, depth)) return bad();
  const auto type = text.empty() ? pusher::JsonType::null : pusher::type_of(text);
  switch (packet.type) {
    case PacketType::connect:
      if (!text.empty() && type != pusher::JsonType::object) return bad();
      break;
    case PacketType::disconnect:
      if (!text.empty()) return bad();
      break;
    case PacketType::connect_error:
      return bad();
    case PacketType::ack:
    case PacketType::binary_ack:
      if (type != pusher::JsonType::array || !packet.ack) return bad();
      break;
    default: {
      if (type != pusher::JsonType::array) return bad();
      const auto arguments = arguments_of(text);
      if (arguments.empty()) return bad();
      const auto first = pusher::type_of(arguments[0]);
      if (first != pusher::JsonType::string && first != pusher::JsonType::number) return bad();
      if (first == pusher::JsonType::string && is_reserved_event(pusher::json_string(arguments[0]))) return bad();
    }
  }
  return packet;
}
namespace {
void append_nsp(std::string& out, std::string_view nsp) {
  if (nsp != "/") out.append(nsp).push_back(',');
}
}  // namespace
std::string encode_connect(std::string_view nsp, std::string_view sid, std::string_view pid) {
  std::string out = "40";
  append_nsp(out, nsp);
  out.append("{\"sid\":\"").append(sid).push_back('"');
  if (!pid.empty()) out.append(",\"pid\":\"").append(pid).push_back('"');
  return out + "}";
}
std::string encode_connect_v3(std::string_view nsp) { return nsp == "/" ? "40" : "40" + std::string(nsp); }
std::string encode_connect_error(std::string_view nsp, std::string_view message, std::string_view data,
                                 bool protocol_4) {
  std::string out = "44";
  append_nsp(out, nsp);
  if (protocol_4) {
    if (!data.empty()) return out.append(data);
    append_json_string(out, message);
    return out;
  }
  out.append("{\"message\":");
  append_json_string(out, message);
  if (!data.empty()) out.append(",\"data\":").append(data);
  return out + "}";
}
std::string encode_disconnect(std::string_view nsp) {
  std::string out = "41";
  append_nsp(out, nsp);
  return out;
}
void begin_event(std::string& out, std::string_view nsp, std::size_t attachments, std::optional<std::uint64_t> ack) {
  out += attachments > 0 ? "45" + std::to_string(attachments) + "-" : "42";
  append_nsp(out, nsp);
  if (ack) out += std::to_string(*ack);
  out.push_back('[');
}
void begin_ack(std::string& out, std::string_view nsp, std::uint64_t ack, std::size_t attachments) {
  out += attachments > 0 ? "46" + std::to_string(attachments) + "-" : "43";
  append_nsp(out, nsp);
  out += std::to_string(ack);
  out.push_back('[');
}
}  // namespace parley::net::socketio
