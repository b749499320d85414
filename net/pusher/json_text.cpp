#include "net/pusher/json_text.h"

#include <fmt/format.h>
#include <boost/json/basic_parser_impl.hpp>

#include <array>
#include <charconv>
#include <cstring>

namespace parley::net::pusher {
namespace {

namespace json = boost::json;

// Accepts everything and keeps nothing: the parser alone judges.
struct NullHandler {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  using Code = json::error_code;
  using Text = json::string_view;
  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t, Code&) { return true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t, Code&) { return true; }
  bool on_key_part(Text, std::size_t, Code&) { return true; }
  bool on_key(Text, std::size_t, Code&) { return true; }
  bool on_string_part(Text, std::size_t, Code&) { return true; }
  bool on_string(Text, std::size_t, Code&) { return true; }
  bool on_number_part(Text, Code&) { return true; }
  bool on_int64(std::int64_t, Text, Code&) { return true; }
  bool on_uint64(std::uint64_t, Text, Code&) { return true; }
  bool on_double(double, Text, Code&) { return true; }
  bool on_bool(bool, Code&) { return true; }
  bool on_null(Code&) { return true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }
};

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

// The inside of a string, escapes resolved.
std::string unescape(std::string_view text) {
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
      case 'u': {
        auto code = hex4(text, at + 1);
        at += 4;
        if (code >= 0xD800 && code < 0xDC00) {  // check_json() has seen that the second half follows
          code = 0x10000 + ((code - 0xD800) << 10) + (hex4(text, at + 3) - 0xDC00);
          at += 6;
        }
        append_utf8(out, code);
        break;
      }
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

}  // namespace

Status check_json(std::string_view text, std::size_t depth_max) {
  json::parse_options options;
  options.max_depth = depth_max;
  json::basic_parser<NullHandler> parser(options);
  json::error_code code;
  const auto used = parser.write_some(false, text.data(), text.size(), code);
  if (code == json::error::too_deep) {
    return make_error(Errc::bad_frame, fmt::format("the JSON is nested deeper than {} levels", depth_max));
  }
  if (code) return make_error(Errc::bad_frame, fmt::format("not valid JSON: {}", code.message()));
  if (used != text.size()) return make_error(Errc::bad_frame, "not valid JSON: something follows the value");
  return {};
}

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
  return unescape(raw) == name;
}

std::string JsonObject::key() const { return unescape(inside(key_)); }

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
  return unescape(raw);
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

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
  static_cast<void>(failure);  // twenty digits hold every value
}

}  // namespace parley::net::pusher
