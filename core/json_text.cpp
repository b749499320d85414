#include "core/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <vector>

namespace parley {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

// `at` stands on the opening quote; the answer is behind the closing one.
std::size_t skip_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return text.size();
}

std::size_t skip_value(std::string_view text, std::size_t at) {
  if (at >= text.size()) return text.size();
  if (text[at] == '"') return skip_string(text, at);
  if (text[at] != '{' && text[at] != '[') {
    while (at < text.size() && !is_space(text[at]) && text[at] != ',' && text[at] != '}' && text[at] != ']') ++at;
    return at;
  }
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return text.size();
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18)));
    out.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

std::uint32_t hex4(std::string_view text, std::size_t at) {
  std::uint32_t code = 0;
  if (at + 4 <= text.size()) std::from_chars(text.data() + at, text.data() + at + 4, code, 16);
  return code;
}

constexpr std::uint32_t kReplacement = 0xFFFD;
bool is_leading(std::uint32_t code) { return code >= 0xD800 && code < 0xDC00; }
bool is_trailing(std::uint32_t code) { return code >= 0xDC00 && code < 0xE000; }

// What becomes of half a surrogate pair, for which UTF-8 has no bytes.
enum class Halves : std::uint8_t { replaced, kept };

// One \u escape whose `u` stands at `at`; the answer is where it ends, on its last digit.
std::size_t append_unicode(std::string& out, std::string_view text, std::size_t at, Halves halves) {
  auto code = hex4(text, at + 1);
  at += 4;
  if (is_leading(code) && at + 6 < text.size() && text[at + 1] == '\\' && text[at + 2] == 'u') {
    const auto second = hex4(text, at + 3);
    if (is_trailing(second)) {
      code = 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00);
      at += 6;
    }
  }
  if (halves == Halves::replaced && (is_leading(code) || is_trailing(code))) code = kReplacement;
  append_utf8(out, code);
  return at;
}

// The inside of a string, escapes resolved.
std::string unescape(std::string_view text, Halves halves) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out.push_back(text[at]);
      continue;
    }
    switch (const char c = text[++at]) {
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'u':
        at = append_unicode(out, text, at, halves);
        break;
      default:
        out.push_back(c);
        break;
    }
  }
  return out;
}

std::string_view inside(std::string_view quoted) {
  return quoted.size() < 2 ? quoted : quoted.substr(1, quoted.size() - 2);
}

// ---- the grammar ----

constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101ULL;

// Is any of eight bytes one at which a string needs a second look: a quote, a backslash, a control character, or
// part of a character beyond ASCII?
bool any_to_look_at(std::uint64_t word) {
  const auto quote = word ^ (kOnes * '"');
  const auto backslash = word ^ (kOnes * '\\');
  const auto found = (quote - kOnes) | (backslash - kOnes) | (word - kOnes * 0x20) | word;
  return (found & (kOnes * 0x80)) != 0;
}

// Which of the open levels are objects: a bit each, however deep.
class Levels {
 public:
  [[nodiscard]] std::size_t depth() const { return depth_; }
  [[nodiscard]] bool in_object() const { return (newest_ & 1) != 0; }
  void open(bool object) {
    if (depth_ % 64 == 0 && depth_ > 0) full_.push_back(newest_);
    newest_ = (newest_ << 1) | static_cast<std::uint64_t>(object);
    ++depth_;
  }
  void close() {
    --depth_;
    newest_ >>= 1;
    if (depth_ % 64 != 0 || depth_ == 0) return;
    newest_ = full_.back();
    full_.pop_back();
  }

 private:
  std::uint64_t newest_ = 0;         // of up to 64 levels, the innermost lowest
  std::vector<std::uint64_t> full_;  // those around them
  std::size_t depth_ = 0;
};

// Walks one text by RFC 8259's grammar, which is that of JSON.parse: half a surrogate pair is fine as an escape,
// numbers have any size. No recursion. A step returns false when the text is none, and `why_` says what is wrong.
class Checker {
 public:
  Checker(std::string_view text, std::size_t depth_max)
      : at_(text.data()), end_(text.data() + text.size()), depth_max_(depth_max) {}

  Status run() {
    if (walk()) return {};
    if (too_deep_)
      return make_error(Errc::bad_frame, fmt::format("the JSON is nested deeper than {} levels", depth_max_));
    return make_error(Errc::bad_frame, fmt::format("not valid JSON: {}", why_));
  }

 private:
  enum class Next : std::uint8_t { value, value_or_end, key, key_or_end, separator };

  bool fail(std::string_view why) {
    why_ = why;
    return false;
  }
  bool fail_here() { return fail(at_ == end_ ? "incomplete JSON" : "syntax error"); }

  void skip_space() {
    while (at_ != end_ && is_space(*at_)) ++at_;
  }

  bool walk() {
    auto next = Next::value;
    while (true) {
      skip_space();
      if (next == Next::separator && levels_.depth() == 0) {
        return at_ == end_ || fail("something follows the value");
      }
      if (at_ == end_) return fail_here();
      switch (next) {
        case Next::value_or_end:
        case Next::key_or_end:
          if (*at_ == (next == Next::key_or_end ? '}' : ']')) {
            close();
            next = Next::separator;
            break;
          }
          next = next == Next::key_or_end ? Next::key : Next::value;
          break;
        case Next::key:
          if (!key()) return false;
          next = Next::value;
          break;
        case Next::value:
          if (*at_ == '{' || *at_ == '[') {
            if (levels_.depth() == depth_max_) {
              too_deep_ = true;
              return false;
            }
            next = *at_ == '{' ? Next::key_or_end : Next::value_or_end;
            levels_.open(*at_ == '{');
            ++at_;
            break;
          }
          if (!scalar()) return false;
          next = Next::separator;
          break;
        case Next::separator:
          if (*at_ == ',') {
            ++at_;
            next = levels_.in_object() ? Next::key : Next::value;
          } else if (*at_ == (levels_.in_object() ? '}' : ']')) {
            close();
          } else {
            return fail_here();
          }
          break;
      }
    }
  }

  void close() {
    ++at_;
    levels_.close();
  }

  bool key() {
    if (*at_ != '"') return fail_here();
    if (!string()) return false;
    skip_space();
    if (at_ == end_ || *at_ != ':') return fail_here();
    ++at_;
    return true;
  }

  bool scalar() {
    switch (*at_) {
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool word(std::string_view word) {
    for (const char c : word) {
      if (at_ == end_ || *at_ != c) return fail_here();
      ++at_;
    }
    return true;
  }

  bool digits() {
    if (at_ == end_ || *at_ < '0' || *at_ > '9') return fail_here();
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return true;
  }

  bool number() {
    if (*at_ == '-') ++at_;
    if (at_ != end_ && *at_ == '0') {
      ++at_;
    } else if (!digits()) {
      return false;
    }
    if (at_ != end_ && *at_ == '.') {
      ++at_;
      if (!digits()) return false;
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      if (!digits()) return false;
    }
    return true;
  }

  bool string() {
    ++at_;
    while (at_ != end_) {
      const auto* const until = at_ + std::min<std::ptrdiff_t>(8, end_ - at_);
      if (until - at_ == 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at_, 8);
        if (!any_to_look_at(word)) {
          at_ = until;
          continue;
        }
      }
      while (at_ < until) {
        const auto byte = static_cast<unsigned char>(*at_);
        if (byte == '"') {
          ++at_;
          return true;
        }
        if (byte < 0x20) return fail("a control character that is not escaped");
        if (byte == '\\') {
          if (!escape()) return false;
        } else if (byte < 0x80) {
          ++at_;
        } else if (!character(byte)) {
          return fail("its text is not UTF-8");
        }
      }
    }
    return fail_here();
  }

  bool escape() {
    ++at_;
    if (at_ == end_) return fail_here();
    const char kind = *at_++;
    if (kind != 'u') {
      return std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos ||
             fail("an escape that JSON does not know");
    }
    for (int i = 0; i < 4; ++i) {
      if (at_ == end_) return fail_here();
      const char c = *at_;
      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
        return fail("a \\u escape without four hexadecimal digits");
      }
      ++at_;
    }
    return true;
  }

  // One of two to four bytes: no longer form than needed, no surrogate, nothing beyond the last character.
  bool character(unsigned char first) {
    const auto byte = [&](int i) { return static_cast<unsigned char>(at_[i]); };
    const auto follows = [&](int i) { return (byte(i) & 0xC0U) == 0x80U; };
    const auto left = end_ - at_;
    if (first >= 0xC2 && first <= 0xDF) {
      if (left < 2 || !follows(1)) return false;
      at_ += 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
      if (left < 3 || !follows(1) || !follows(2)) return false;
      if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return false;
      at_ += 3;
    } else if (first >= 0xF0 && first <= 0xF4) {
      if (left < 4 || !follows(1) || !follows(2) || !follows(3)) return false;
      if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return false;
      at_ += 4;
    } else {
      return false;
    }
    return true;
  }

  const char* at_;
  const char* end_;
  std::size_t depth_max_;
  Levels levels_;
  std::string_view why_;
  bool too_deep_ = false;
};

}  // namespace

Status check_json(std::string_view text, std::size_t depth_max) { return Checker(text, depth_max).run(); }

JsonType type_of(std::string_view value) {
  switch (value.empty() ? 'n' : value.front()) {
    case '{':
      return JsonType::object;
    case '[':
      return JsonType::array;
    case '"':
      return JsonType::string;
    case 't':
    case 'f':
      return JsonType::boolean;
    case 'n':
      return JsonType::null;
    default:
      return JsonType::number;
  }
}

JsonObject::JsonObject(std::string_view object) : text_(object) {
  at_ = skip_space(text_, 0);
  if (at_ < text_.size() && text_[at_] == '{') ++at_;
}

bool JsonObject::next() {
  at_ = skip_space(text_, at_);
  if (at_ < text_.size() && text_[at_] == ',') at_ = skip_space(text_, at_ + 1);
  if (at_ >= text_.size() || text_[at_] != '"') return false;
  const auto key_end = skip_string(text_, at_);
  key_ = text_.substr(at_, key_end - at_);
  at_ = skip_space(text_, key_end);
  if (at_ < text_.size() && text_[at_] == ':') ++at_;
  at_ = skip_space(text_, at_);
  const auto value_end = skip_value(text_, at_);
  value_ = text_.substr(at_, value_end - at_);
  at_ = value_end;
  return true;
}

bool JsonObject::key_is(std::string_view name) const {
  const auto raw = inside(key_);
  if (raw.find('\\') == std::string_view::npos) return raw == name;
  return unescape(raw, Halves::kept) == name;
}

std::string JsonObject::key() const { return json_string(key_); }
std::string JsonObject::name() const { return json_data(key_); }

JsonArray::JsonArray(std::string_view array) : text_(array) {
  at_ = skip_space(text_, 0);
  if (at_ < text_.size() && text_[at_] == '[') ++at_;
}

bool JsonArray::next() {
  at_ = skip_space(text_, at_);
  if (at_ < text_.size() && text_[at_] == ',') at_ = skip_space(text_, at_ + 1);
  if (at_ >= text_.size() || text_[at_] == ']') return false;
  const auto end = skip_value(text_, at_);
  if (end == at_) return false;
  value_ = text_.substr(at_, end - at_);
  at_ = end;
  return true;
}

std::string json_string(std::string_view value) {
  const auto raw = inside(value);
  if (raw.find('\\') == std::string_view::npos) return std::string(raw);
  return unescape(raw, Halves::replaced);
}

std::string json_data(std::string_view value) {
  const auto raw = inside(value);
  if (raw.find('\\') == std::string_view::npos) return std::string(raw);
  return unescape(raw, Halves::kept);
}

bool append_if_json(std::string& out, std::string_view text, std::size_t depth_max) {
  if (check_json(text, depth_max)) {
    out.append(text);
    return true;
  }
  if (text.find(kSurrogateByte) == std::string_view::npos) return false;
  const auto escaped = with_halves_escaped(text);
  if (!check_json(escaped, depth_max)) return false;
  out.append(escaped);
  return true;
}

bool is_json_integer(std::string_view value) {
  if (value.starts_with('-')) value.remove_prefix(1);
  if (value.empty()) return false;
  for (const char c : value) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

std::optional<std::int64_t> json_integer(std::string_view value) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failure != std::errc{} || end != value.data() + value.size()) return std::nullopt;
  return number;
}

std::optional<SaidId> json_id(std::string_view value) {
  if (value.empty()) return std::nullopt;
  if (type_of(value) == JsonType::string) return SaidId{json_string(value), IdForm::text};
  if (!is_json_integer(value)) return std::nullopt;
  return SaidId{std::string(value == "-0" ? "0" : value), IdForm::number};
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
  static_cast<void>(failure);  // twenty digits hold every value
}

}  // namespace parley
