#pragma once
// JSON as text: checked once, then read in place, so that what a client sent can go out byte for byte.
//
// check_json() walks the whole text and builds nothing. The readers below take text that passed it and
// hand out views into it; on other text their answers are unspecified, but they stay inside it. Pure.
//
// What is JSON is what JSON.parse takes: whoever sends and whoever receives is a browser as a rule. That includes
// strings with half a surrogate pair (`"\ud83d"`, as `"😀".slice(0, 1)` gives it), which no UTF-8 can say. Data goes
// on as the escape that it came as. Where the server needs the text itself, as an id or a name, such a half becomes
// U+FFFD, as in everything else that turns JavaScript's strings into UTF-8.

#include "core/json_string.h"
#include "core/result.h"
#include "core/said_id.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

// One JSON value in valid UTF-8, nothing after it but white space, at most `depth_max` levels deep. Takes a bit of
// memory for each level and no stack.
Status check_json(std::string_view text, std::size_t depth_max);

enum class JsonType : std::uint8_t { object, array, string, number, boolean, null };
JsonType type_of(std::string_view value);

// The fields of an object, in order. Duplicates are handed out as they come.
class JsonObject {
 public:
  explicit JsonObject(std::string_view object);
  bool next();  // false: no more
  [[nodiscard]] bool key_is(std::string_view name) const;
  [[nodiscard]] std::string key() const;                           // as text
  [[nodiscard]] std::string name() const;                          // as data: two that differ give two
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

std::string json_string(std::string_view value);  // of a string with its quotes; halves replaced
// The same for data that is only passed on: halves are kept as three bytes each, as UTF-8 would write their numbers,
// and append_escaped() makes escapes of them again.
std::string json_data(std::string_view value);
std::optional<std::int64_t> json_integer(std::string_view value);  // nothing: a fraction, or too large
bool is_json_integer(std::string_view value);                      // `-?[0-9]+`, of any length

// A user's id: a string, or a whole number of any size.
std::optional<SaidId> json_id(std::string_view value);

// Of data that goes out as JSON where it was given as text; deeper it stays a text.
inline constexpr std::size_t kDataDepthMax = 1'000;

// Appends text that json_data() may have given as the JSON that it is, or leaves `out` alone: it is none.
bool append_if_json(std::string& out, std::string_view text, std::size_t depth_max);
void append_number(std::string& out, std::uint64_t number);

}  // namespace parley
