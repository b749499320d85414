#include "net/text/base64.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace parley::net {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kForeign = 0xFF;
constexpr unsigned kBitsPerCharacter = 6;

using Values = std::array<std::uint8_t, 256>;

constexpr Values values_of(std::string_view alphabet) {
  Values values{};
  values.fill(kForeign);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr Values kStandardValues = values_of(kStandard);
constexpr Values kUrlValues = values_of(kUrl);

void encode(std::string& out, std::string_view bytes, std::string_view alphabet) {
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  std::size_t at = 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  for (; at + 3 <= bytes.size(); at += 3) {
    const auto group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    for (const unsigned shift : {18U, 12U, 6U, 0U}) out.push_back(alphabet[group >> shift & 0x3F]);
  }
  const auto left = bytes.size() - at;
  if (left == 0) return;
  const auto group = byte(at) << 16 | (left == 2 ? byte(at + 1) << 8 : 0);
  out.push_back(alphabet[group >> 18 & 0x3F]);
  out.push_back(alphabet[group >> 12 & 0x3F]);
  if (left == 2) out.push_back(alphabet[group >> 6 & 0x3F]);
}

// Gathers characters of six bits and hands out bytes.
class Bits {
 public:
  explicit Bits(std::size_t characters) { out_.reserve(characters / 4 * 3 + 3); }
  void add(std::uint8_t value) {
    bits_ = bits_ << kBitsPerCharacter | value;
    count_ += kBitsPerCharacter;
    if (count_ < 8) return;
    count_ -= 8;
    out_.push_back(static_cast<char>(bits_ >> count_ & 0xFF));
  }
  [[nodiscard]] bool spare() const { return (bits_ & ((1U << count_) - 1)) != 0; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::uint32_t bits_ = 0;
  unsigned count_ = 0;  // bits not handed out yet
};

Error not_base64(const char* why) { return make_error(Errc::bad_frame, std::string("not base64: ") + why); }

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  encode(out, bytes, kStandard);
  if (const auto left = bytes.size() % 3; left != 0) out.append(3 - left, '=');
}

void append_base64url(std::string& out, std::string_view bytes) { encode(out, bytes, kUrl); }

std::string base64_encode(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

Result<std::string> base64_decode(std::string_view text) {
  Bits bits(text.size());
  std::size_t characters = 0;
  std::size_t padding = 0;
  for (const unsigned char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const auto value = kStandardValues[c];
    if (value == kForeign) return not_base64("a character is not of its alphabet");
    if (padding > 0) return not_base64("something follows the padding");
    ++characters;
    bits.add(value);
  }
  const auto over = characters % 4;
  if (over == 1) return not_base64("a character is missing");
  if (padding > 0 && (over == 0 || padding != 4 - over)) return not_base64("the padding does not fit the length");
  if (bits.spare()) return not_base64("bits are left over");
  return bits.take();
}

std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  Bits bits(text.size());
  for (const unsigned char c : text) {
    const auto value = kUrlValues[c];
    if (value == kForeign) return std::nullopt;
    bits.add(value);
  }
  if (bits.spare()) return std::nullopt;
  return bits.take();
}

}  // namespace parley::net
