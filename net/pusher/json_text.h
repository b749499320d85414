#pragma once
// JSON as text: checked once, then read in place, so that what a client sent can go out byte for byte.
//
// check_json() walks the whole text and builds nothing. The readers below take text that passed it and
// hand out views into it; on other text their answers are unspecified, but they stay inside it. Pure.

#include "core/json_string.h"
#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley::net::pusher {

// One JSON value in valid UTF-8, nothing after it but white space, at most `depth_max` levels deep.
Status check_json(std::string_view text, std::size_t depth_max);

enum class JsonType : std::uint8_t { object, array, string, number, boolean, null };
JsonType type_of(std::string_view value);

// The fields of an object, in order. Duplicates are handed out as they come.
class JsonObject {
 public:
  explicit JsonObject(std::string_view object);
  bool next();  // false: no more
  [[nodiscard]] bool key_is(std::string_view name) const;
  [[nodiscard]] std::string key() const;
  [[nodiscard]] std::string_view value() const { return value_; }  // as it stands, without white space around

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view key_;  // with its quotes
  std::string_view value_;
};

// The elements of an array, in order.
class JsonArray {
 public:
  explicit JsonArray(std::string_view array);
  bool next();
  [[nodiscard]] std::string_view value() const { return value_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view value_;
};

std::string json_string(std::string_view value);                   // of a string with its quotes
std::optional<std::int64_t> json_integer(std::string_view value);  // nothing: a fraction, or too large
bool is_json_integer(std::string_view value);                      // `-?[0-9]+`, of any length

using parley::append_escaped;
using parley::append_escaped_twice;
using parley::append_json_string;
void append_number(std::string& out, std::uint64_t number);

}  // namespace parley::net::pusher
