// The bodies of polling: several packets in one text, or in protocol 3's binary form.

#include "net/socketio/engine_packet.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace parley::net::socketio {
namespace {

constexpr char kSeparator = '\x1E';
constexpr char kTextByte = 0;
constexpr char kBinaryByte = 1;
constexpr char kLengthEnd = '\xFF';
constexpr std::size_t kLengthDigitsMax = 10;  // more than any body that fits in memory here needs
constexpr std::string_view kNoop = "6";

using Packets = std::vector<EnginePacket>;

Error malformed(const char* why) { return make_error(Errc::bad_frame, std::string("polling body: ") + why); }

Status add(Packets& packets, Result<EnginePacket> packet, std::size_t packets_max) {
  if (!packet) return packet.error();
  if (packets.size() >= packets_max) {
    return make_error(Errc::bad_frame, fmt::format("polling body: more than {} packets", packets_max));
  }
  packets.push_back(std::move(*packet));
  return {};
}

Result<Packets> decode_separated(std::string_view body, std::size_t packets_max) {
  if (!is_utf8(body)) return malformed("not UTF-8");
  Packets packets;
  while (true) {
    const auto end = std::min(body.find(kSeparator), body.size());
    if (auto added = add(packets, decode_engine_text(body.substr(0, end), EngineVersion::v4), packets_max); !added) {
      return added.error();
    }
    if (end == body.size()) return packets;
    body.remove_prefix(end + 1);
  }
}

// Protocol 3, text: `<length>:<packet>`, the length in UTF-16 units.
Result<Packets> decode_counted(std::string_view body, std::size_t packets_max) {
  if (!is_utf8(body)) return malformed("not UTF-8");
  Packets packets;
  do {
    const auto colon = body.substr(0, kLengthDigitsMax + 1).find(':');
    if (colon == std::string_view::npos) return malformed("a length is missing");
    std::size_t units = 0;
    const auto [stop, failure] = std::from_chars(body.data(), body.data() + colon, units);
    if (failure != std::errc{} || stop != body.data() + colon) return malformed("a length is not a number");
    body.remove_prefix(colon + 1);
    const auto bytes = bytes_of_units(body, units);
    if (!bytes) return malformed("a length does not fit its packet");
    if (auto added = add(packets, decode_engine_text(body.substr(0, *bytes), EngineVersion::v3), packets_max); !added) {
      return added.error();
    }
    body.remove_prefix(*bytes);
  } while (!body.empty());
  return packets;
}

// Protocol 3, binary: a byte for text or binary, the length in bytes as digits of one byte each, 0xFF, the packet.
Result<Packets> decode_binary_form(std::string_view body, std::size_t packets_max) {
  Packets packets;
  do {
    if (body.empty() || (body.front() != kTextByte && body.front() != kBinaryByte)) {
      return malformed("neither text nor binary");
    }
    const bool binary = body.front() == kBinaryByte;
    body.remove_prefix(1);
    const auto digits = body.substr(0, kLengthDigitsMax + 1).find(kLengthEnd);
    if (digits == std::string_view::npos || digits == 0) return malformed("a length is missing");
    std::size_t length = 0;
    for (const unsigned char digit : body.substr(0, digits)) {
      if (digit > 9) return malformed("a length is not a number");
      length = length * 10 + digit;
    }
    body.remove_prefix(digits + 1);
    if (length > body.size()) return malformed("a length does not fit its packet");
    const auto text = body.substr(0, length);
    body.remove_prefix(length);
    if (!binary && !is_utf8(text)) return malformed("not UTF-8");
    if (auto added =
            add(packets,
                binary ? decode_engine_binary(text, EngineVersion::v3) : decode_engine_text(text, EngineVersion::v3),
                packets_max);
        !added) {
      return added.error();
    }
  } while (!body.empty());
  return packets;
}

void append_binary_form(std::string& out, const OutPacket& packet) {
  const auto data = packet.view();
  out.push_back(packet.binary ? kBinaryByte : kTextByte);
  const auto frame = packet.binary ? encode_engine_binary(data, EngineVersion::v3) : std::string();
  const auto written = packet.binary ? std::string_view(frame) : data;
  for (const char digit : std::to_string(written.size())) out.push_back(static_cast<char>(digit - '0'));
  out.push_back(kLengthEnd);
  out.append(written);
}

}  // namespace

Result<std::vector<EnginePacket>> decode_engine_payload(std::string_view body, EngineVersion version, bool binary_body,
                                                        std::size_t packets_max) {
  if (version == EngineVersion::v4) {
    if (binary_body) return malformed("protocol 4 has no binary form");
    return decode_separated(body, packets_max);
  }
  return binary_body ? decode_binary_form(body, packets_max) : decode_counted(body, packets_max);
}

EnginePayload encode_engine_payload(const std::vector<OutPacket>& packets, EngineVersion version, bool base64_only) {
  const bool v3 = version == EngineVersion::v3;
  if (packets.empty()) return {v3 ? fmt::format("{}:{}", kNoop.size(), kNoop) : std::string(kNoop), false};
  const auto any_binary = std::any_of(packets.begin(), packets.end(), [](const auto& packet) { return packet.binary; });
  EnginePayload payload;
  payload.binary_body = v3 && any_binary && !base64_only;
  std::size_t size = 0;
  for (const auto& packet : packets) size += packet.view().size() + kLengthDigitsMax;
  payload.body.reserve(size);
  for (const auto& packet : packets) {
    if (payload.binary_body) {
      append_binary_form(payload.body, packet);
      continue;
    }
    const auto base64 = packet.binary ? encode_engine_base64(packet.view(), version) : std::string();
    const auto text = packet.binary ? std::string_view(base64) : packet.view();
    if (v3) {
      payload.body.append(std::to_string(utf16_units(text))).push_back(':');
    } else if (!payload.body.empty()) {
      payload.body.push_back(kSeparator);
    }
    payload.body.append(text);
  }
  return payload;
}

}  // namespace parley::net::socketio
