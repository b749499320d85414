#include "net/socketio/packet.h"

#include "core/json_string.h"
#include "core/json_text.h"
#include "net/socketio/utf16.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace parley::net::socketio {
namespace {

constexpr std::array<std::string_view, 6> kReserved = {"connect",       "connect_error", "disconnect",
                                                       "disconnecting", "newListener",   "removeListener"};

Error bad(std::string why) { return make_error(Errc::bad_frame, "Socket.IO packet: " + std::move(why)); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool has_attachments(PacketType type) { return type == PacketType::binary_event || type == PacketType::binary_ack; }
bool is_event(PacketType type) { return type == PacketType::event || type == PacketType::binary_event; }
bool is_ack(PacketType type) { return type == PacketType::ack || type == PacketType::binary_ack; }

// `<count>-`
Result<std::size_t> take_attachments(std::string_view& rest) {
  std::size_t count = 0;
  std::size_t at = 0;
  for (; at < rest.size() && is_digit(rest[at]); ++at) {
    count = count * 10 + static_cast<std::size_t>(rest[at] - '0');
    if (count > kAttachmentsMax) return bad(fmt::format("more than {} attachments", kAttachmentsMax));
  }
  if (at == 0 || at == rest.size() || rest[at] != '-') return bad("the count of attachments is missing");
  if (count == 0) return bad("a binary packet has at least one attachment");
  rest.remove_prefix(at + 1);
  return count;
}

// `/admin?query,`, or up to the packet's end
Status take_namespace(std::string_view& rest, Packet& packet) {
  if (!rest.starts_with('/')) return {};
  const auto end = std::min(rest.find(','), rest.size());
  auto name = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  if (!is_utf8(name) || std::any_of(name.begin(), name.end(), control)) return bad("the namespace is not text");
  if (const auto mark = name.find('?'); mark != std::string_view::npos) {
    packet.nsp_query = name.substr(mark + 1);
    name = name.substr(0, mark);
  }
  if (name.size() > kNamespaceCharsMax) {
    return bad(fmt::format("a namespace has at most {} characters", kNamespaceCharsMax));
  }
  packet.nsp = name;
  return {};
}

Status take_ack(std::string_view& rest, Packet& packet) {
  if (rest.empty() || !is_digit(rest.front())) return {};
  std::uint64_t id = 0;
  const auto [stop, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), id);
  if (failure != std::errc{} || id > kAckMax) return bad("the ack id is too large");
  rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
  packet.ack = id;
  return {};
}

std::string_view without_space(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

Status check_event_name(std::string_view payload) {
  JsonArray arguments(payload);
  if (!arguments.next()) return bad("an event has a name");
  const auto type = type_of(arguments.value());
  if (type == JsonType::number) return {};
  if (type != JsonType::string) return bad("an event's name is a string or a number");
  const auto name = json_string(arguments.value());
  if (is_reserved_event(name)) return bad(fmt::format("the event name {} is reserved", name));
  return {};
}

// Form and contents for the type; the syntax is checked.
Status check_form(const Packet& packet) {
  const auto type = type_of(packet.payload);
  if (packet.type == PacketType::connect) {
    if (!packet.payload.empty() && type != JsonType::object) return bad("connect takes an object");
    return {};
  }
  if (packet.type == PacketType::disconnect) {
    if (!packet.payload.empty()) return bad("disconnect takes nothing");
    return {};
  }
  if (packet.payload.empty() || type != JsonType::array) return bad("events and acks take an array");
  if (is_event(packet.type)) {
    if (auto named = check_event_name(packet.payload); !named) return named;
  }
  if (has_attachments(packet.type) && !placeholders_fit(packet.payload, packet.attachments)) {
    return bad("a placeholder names no attachment");
  }
  return {};
}

}  // namespace

Result<Packet> decode_packet(std::string_view message, std::size_t json_depth_max) {
  if (message.empty() || message.front() < '0' || message.front() > '6') return bad("unknown type");
  Packet packet;
  packet.type = static_cast<PacketType>(message.front() - '0');
  if (packet.type == PacketType::connect_error) return bad("only a server sends connect_error");
  auto rest = message.substr(1);
  if (has_attachments(packet.type)) {
    const auto count = take_attachments(rest);
    if (!count) return count.error();
    packet.attachments = *count;
  }
  if (auto taken = take_namespace(rest, packet); !taken) return taken.error();
  if (auto taken = take_ack(rest, packet); !taken) return taken.error();
  if (is_ack(packet.type) && !packet.ack) return bad("an ack has an id");
  if (packet.ack && !is_ack(packet.type) && !is_event(packet.type)) return bad("only events and acks have an id");
  if (!rest.empty()) {
    if (auto checked = check_json(rest, json_depth_max); !checked) return checked.error();
    packet.payload = without_space(rest);
  }
  if (auto checked = check_form(packet); !checked) return checked.error();
  return packet;
}

bool is_reserved_event(std::string_view name) {
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

std::vector<std::string_view> arguments_of(std::string_view payload) {
  std::vector<std::string_view> arguments;
  JsonArray array(payload);
  while (array.next()) arguments.push_back(array.value());
  return arguments;
}

}  // namespace parley::net::socketio
