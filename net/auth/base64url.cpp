#include "net/auth/base64url.h"

#include <array>
#include <cstdint>

namespace parley::net::auth {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
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

}  // namespace

void append_base64url(std::string& out, std::string_view bytes) {
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const unsigned char byte : bytes) {
    bits = bits << 8 | byte;
    count += 8;
    while (count >= kBitsPerCharacter) {
      count -= kBitsPerCharacter;
      out.push_back(kAlphabet[bits >> count & 0x3F]);
    }
  }
  if (count > 0) out.push_back(kAlphabet[bits << (kBitsPerCharacter - count) & 0x3F]);
}

std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const unsigned char c : text) {
    const auto value = kValues[c];
    if (value == kForeign) return std::nullopt;
    bits = bits << kBitsPerCharacter | value;
    count += kBitsPerCharacter;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count & 0xFF));
    }
  }
  if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return out;
}

}  // namespace parley::net::auth
