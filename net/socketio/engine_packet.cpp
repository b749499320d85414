#include "net/socketio/engine_packet.h"

#include "net/protocol.h"

#include <algorithm>
#include <charconv>

namespace parley::net::socketio {
Result<EnginePacket> decode_engine_text(std::string_view frame) {
  if (frame.empty() || frame[0] < '0' || frame[0] > '6') return make_error(Errc::bad_frame, "unknown packet type");
  return EnginePacket{.type = static_cast<EngineType>(frame[0] - '0'), .data = frame.substr(1)};
}
Result<EnginePacket> decode_engine_binary(std::string_view frame, EngineVersion version) {
  if (version == EngineVersion::v4) return EnginePacket{.binary = true, .data = frame};
  if (frame.empty() || frame[0] != 4) return make_error(Errc::bad_frame, "unknown binary packet");
  return EnginePacket{.binary = true, .data = frame.substr(1)};
}
namespace {
Status add_text(std::string_view text, EngineVersion version, std::vector<EnginePacket>& out) {
  if (text.starts_with('b')) {
    text.remove_prefix(1);
    if (version == EngineVersion::v3) {
      if (!text.starts_with('4')) return make_error(Errc::bad_frame);
      text.remove_prefix(1);
    }
    auto data = base64_decode(text);
    if (!data) return data.error();
    out.push_back({.binary = true, .holder = std::move(*data)});
    return {};
  }
  auto one = decode_engine_text(text);
  if (!one) return one.error();
  out.push_back(std::move(*one));
  return {};
}
}  // namespace
Result<std::vector<EnginePacket>> decode_engine_payload(std::string_view body, EngineVersion version, bool binary_body,
                                                        std::size_t packets_max) {
  std::vector<EnginePacket> out;
  if (body.empty()) return make_error(Errc::bad_frame);
  while (!body.empty()) {
    if (out.size() >= packets_max) return make_error(Errc::bad_frame, "too many packets");
    if (version == EngineVersion::v4) {
      const auto end = std::min(body.find('\x1e'), body.size());
      if (auto ok = add_text(body.substr(0, end), version, out); !ok) return ok.error();
      if (end == body.size()) break;
      body.remove_prefix(end + 1);
      if (body.empty()) return make_error(Errc::bad_frame);
    } else if (binary_body) {
      const bool binary = body[0] == 1;
      std::size_t length = 0, i = 1;
      while (i < body.size() && static_cast<unsigned char>(body[i]) <= 9 && i < 12)
        length = length * 10 + static_cast<unsigned char>(body[i++]);
      if (i >= body.size() || static_cast<unsigned char>(body[i]) != 0xff || length > body.size() - i - 1)
        return make_error(Errc::bad_frame);
      const auto data = body.substr(i + 1, length);
      auto one = binary ? decode_engine_binary(data, version) : decode_engine_text(data);
      if (!one) return one.error();
      out.push_back(std::move(*one));
      body.remove_prefix(i + 1 + length);
    } else {
      std::size_t length = 0;
      const auto [stop, bad] = std::from_chars(body.data(), body.data() + body.size(), length);
      if (bad != std::errc{} || stop == body.data() + body.size() || *stop != ':') return make_error(Errc::bad_frame);
      body.remove_prefix(static_cast<std::size_t>(stop - body.data()) + 1);
      std::size_t bytes = 0;
      while (length > 0 && bytes < body.size()) {
        const auto c = static_cast<unsigned char>(body[bytes]);
        const std::size_t size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        length -= std::min<std::size_t>(length, size == 4 ? 2 : 1);
        bytes += size;
      }
      if (length > 0 || bytes > body.size()) return make_error(Errc::bad_frame);
      if (auto ok = add_text(body.substr(0, bytes), version, out); !ok) return ok.error();
      body.remove_prefix(bytes);
    }
  }
  for (auto& one : out)
    if (one.binary && one.data.empty() && !one.holder.empty()) one.data = one.holder;
  return out;
}
std::string_view OutPacket::view() const {
  if (const auto* own = std::get_if<std::string>(&text)) return *own;
  return std::string_view(*std::get<Bytes>(text)).substr(skip);
}
EnginePayload encode_engine_payload(const std::vector<OutPacket>& packets, EngineVersion version, bool base64_only) {
  EnginePayload out;
  const bool any = std::any_of(packets.begin(), packets.end(), [](const auto& one) { return one.binary; });
  if (version == EngineVersion::v3 && any && !base64_only) {
    out.binary_body = true;
    for (const auto& one : packets) {
      const auto data = one.view();
      out.body.push_back(one.binary ? 1 : 0);
      for (const char digit : std::to_string(data.size() + (one.binary ? 1 : 0)))
        out.body.push_back(static_cast<char>(digit - '0'));
      out.body.push_back(static_cast<char>(0xff));
      if (one.binary) out.body.push_back(4);
      out.body.append(data);
    }
    return out;
  }
  for (const auto& one : packets) {
    std::string text =
        one.binary ? (version == EngineVersion::v4 ? "b" : "b4") + base64_encode(one.view()) : std::string(one.view());
    if (version == EngineVersion::v3) {
      out.body += std::to_string(utf16_units(text)) + ":" + text;
    } else {
      if (!out.body.empty()) out.body.push_back('\x1e');
      out.body += text;
    }
  }
  return out;
}
std::string encode_engine_binary(std::string_view data, EngineVersion version) {
  return version == EngineVersion::v3 ? "\x04" + std::string(data) : std::string(data);
}
namespace {
constexpr std::string_view k64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}
std::string base64_encode(std::string_view in) {
  std::string out;
  for (std::size_t i = 0; i < in.size(); i += 3) {
    std::uint32_t v = 0;
    const auto n = std::min<std::size_t>(3, in.size() - i);
    for (std::size_t k = 0; k < 3; ++k) v = v << 8 | (k < n ? static_cast<unsigned char>(in[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out.push_back(k <= n ? k64[(v >> (18 - 6 * k)) & 63] : '=');
  }
  return out;
}
Result<std::string> base64_decode(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return make_error(Errc::bad_frame);
  std::string out;
  std::uint32_t v = 0;
  int bits = 0;
  for (const char c : text) {
    const auto at = k64.find(c);
    if (at == std::string_view::npos) return make_error(Errc::bad_frame);
    v = v << 6 | static_cast<std::uint32_t>(at);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>(v >> bits & 255));
    }
  }
  return out;
}
std::size_t utf16_units(std::string_view text) {
  std::size_t units = 0;
  for (const char ch : text) {
    const auto c = static_cast<unsigned char>(ch);
    if ((c & 0xc0) != 0x80) units += c >= 0xf0 ? 2 : 1;
  }
  return units;
}
std::string wrap_jsonp(std::string_view body, std::uint32_t index) {
  std::string out = "___eio[" + std::to_string(index) + "](\"";
  for (const char c : body) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    out.push_back(c);
  }
  return out + "\");";
}
Result<std::string> unwrap_jsonp_post(std::string_view form) {
  return std::string(form.substr(std::min<std::size_t>(2, form.size())));
}
}  // namespace parley::net::socketio
