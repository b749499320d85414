#include "core/json_string.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>

namespace parley {
namespace {

constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101ULL;

// Does any of eight bytes need an escape, or may it? The usual carry trick: exact for "any", not for "which".
bool any_special(std::uint64_t word) {
  const auto quote = word ^ (kOnes * '"');
  const auto backslash = word ^ (kOnes * '\\');
  const auto surrogate = word ^ (kOnes * static_cast<unsigned char>(kSurrogateByte));
  const auto found = ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | ((word - kOnes * 0x20) & ~word) |
                     ((surrogate - kOnes) & ~surrogate);
  return (found & (kOnes * 0x80)) != 0;
}

bool special(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == kSurrogateByte; }

bool is_half_at(std::string_view text, std::size_t at) {
  return at + 2 < text.size() && text[at] == kSurrogateByte &&
         (static_cast<unsigned char>(text[at + 1]) & 0xE0U) == 0xA0U &&
         (static_cast<unsigned char>(text[at + 2]) & 0xC0U) == 0x80U;
}

// Half a surrogate pair as `\ud83d`; it takes three bytes.
void append_half(std::string& out, std::string_view text, std::size_t at) {
  static constexpr char hex[] = "0123456789abcdef";
  const auto code =
      0xD000U | ((static_cast<unsigned>(text[at + 1]) & 0x3FU) << 6) | (static_cast<unsigned>(text[at + 2]) & 0x3FU);
  out.append("\\ud");
  for (const unsigned shift : {8U, 4U, 0U}) out.push_back(hex[(code >> shift) & 0xFU]);
}

// Length of the run from `at` on that needs no escape.
std::size_t plain_run(std::string_view text, std::size_t at) {
  const auto start = at;
  while (at + 8 <= text.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if (any_special(word)) break;
    at += 8;
  }
  while (at < text.size() && !special(text[at])) ++at;
  return at - start;
}

void append_one(std::string& out, char c) {
  static constexpr char hex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\f':
      out.append("\\f");
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  out.append("\\u00").push_back(hex[byte >> 4]);
  out.push_back(hex[byte & 0xF]);
}

}  // namespace

std::string with_halves_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (std::size_t at = 0; at < text.size();) {
    if (is_half_at(text, at)) {
      append_half(out, text, at);
      at += 3;
    } else {
      out.push_back(text[at++]);
    }
  }
  return out;
}

void append_escaped(std::string& out, std::string_view text) {
  std::size_t at = 0;
  while (true) {
    const auto run = plain_run(text, at);
    out.append(text.data() + at, run);
    at += run;
    if (at >= text.size()) return;
    // Specials come in groups (`":"`): stay here while they last.
    while (at < text.size() && special(text[at])) {
      if (is_half_at(text, at)) {
        append_half(out, text, at);
        at += 3;
      } else if (text[at] == kSurrogateByte) {  // of another character
        out.push_back(text[at++]);
      } else {
        append_one(out, text[at++]);
      }
    }
  }
}

void append_escaped_twice(std::string& out, std::string_view text) {
  if (plain_run(text, 0) == text.size()) {
    out.append(text);
    return;
  }
  std::string once;
  append_escaped(once, text);
  append_escaped(out, once);
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  append_escaped(out, text);
  out.push_back('"');
}

}  // namespace parley
