#include "net/socketio/base64.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace parley::net::socketio {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kForeign = 0xFF;
constexpr unsigned kBitsPerCharacter = 6;

constexpr auto kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kForeign);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

Error not_base64(const char* why) { return make_error(Errc::bad_frame, std::string("not base64: ") + why); }

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  std::size_t at = 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  for (; at + 3 <= bytes.size(); at += 3) {
    const auto group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    for (const unsigned shift : {18U, 12U, 6U, 0U}) out.push_back(kAlphabet[group >> shift & 0x3F]);
  }
  const auto left = bytes.size() - at;
  if (left == 0) return;
  const auto group = byte(at) << 16 | (left == 2 ? byte(at + 1) << 8 : 0);
  out.push_back(kAlphabet[group >> 18 & 0x3F]);
  out.push_back(kAlphabet[group >> 12 & 0x3F]);
  out.push_back(left == 2 ? kAlphabet[group >> 6 & 0x3F] : '=');
  out.push_back('=');
}

std::string base64_encode(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

Result<std::string> base64_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  unsigned count = 0;  // bits not handed out yet
  std::size_t characters = 0;
  std::size_t padding = 0;
  for (const unsigned char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const auto value = kValues[c];
    if (value == kForeign) return not_base64("a character is not of its alphabet");
    if (padding > 0) return not_base64("something follows the padding");
    ++characters;
    bits = bits << kBitsPerCharacter | value;
    count += kBitsPerCharacter;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count & 0xFF));
    }
  }
  const auto over = characters % 4;
  if (over == 1) return not_base64("a character is missing");
  if (padding > 0 && (over == 0 || padding != 4 - over)) return not_base64("the padding does not fit the length");
  if ((bits & ((1U << count) - 1)) != 0) return not_base64("bits are left over");
  return out;
}

}  // namespace parley::net::socketio
