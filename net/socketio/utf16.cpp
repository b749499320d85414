#include "net/socketio/utf16.h"

#include <cstdint>
#include <cstring>

namespace parley::net::socketio {
namespace {

constexpr std::size_t kWord = 8;

bool ascii_word(std::string_view text, std::size_t at) {
  if (text.size() - at < kWord) return false;
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + at, kWord);
  return (word & 0x8080'8080'8080'8080ULL) == 0;
}

// The bytes of the character that starts at `at`; 0: none does. (Unicode, table 3-7: neither overlong forms nor
// surrogates.)
std::size_t character(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const auto lead = byte(0);
  const auto second = byte(1);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4 || !follows(1)) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) {
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return 0;
    return follows(2) ? 3 : 0;
  }
  if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return 0;
  return follows(2) && follows(3) ? 4 : 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (ascii_word(text, at)) {
      at += kWord;
      continue;
    }
    const auto bytes = character(text, at);
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

std::size_t utf16_units(std::string_view text) {
  std::size_t units = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (ascii_word(text, at)) {
      at += kWord;
      units += kWord;
      continue;
    }
    const auto bytes = character(text, at);
    at += bytes == 0 ? 1 : bytes;
    units += bytes == 4 ? 2 : 1;
  }
  return units;
}

std::optional<std::size_t> bytes_of_units(std::string_view text, std::size_t units) {
  std::size_t at = 0;
  while (units > 0) {
    if (at >= text.size()) return std::nullopt;
    if (units >= kWord && ascii_word(text, at)) {
      at += kWord;
      units -= kWord;
      continue;
    }
    const auto bytes = character(text, at);
    const std::size_t taken = bytes == 4 ? 2 : 1;
    if (taken > units) return std::nullopt;
    at += bytes == 0 ? 1 : bytes;
    units -= taken;
  }
  return at;
}

}  // namespace parley::net::socketio
