#include "core/json_string.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>

namespace parley {
namespace {

constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101ULL;

// Does any of eight bytes need an escape? The usual carry trick: exact for "any", not for "which".
bool any_special(std::uint64_t word) {
  const auto quote = word ^ (kOnes * '"');
  const auto backslash = word ^ (kOnes * '\\');
  const auto found = ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | ((word - kOnes * 0x20) & ~word);
  return (found & (kOnes * 0x80)) != 0;
}

bool special(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

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

void append_escaped(std::string& out, std::string_view text) {
  std::size_t at = 0;
  while (true) {
    const auto run = plain_run(text, at);
    out.append(text.data() + at, run);
    at += run;
    if (at >= text.size()) return;
    // Specials come in groups (`":"`): stay here while they last.
    while (at < text.size() && special(text[at])) append_one(out, text[at++]);
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
