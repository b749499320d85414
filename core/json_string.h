#pragma once
// Text as the inside of a JSON string. Pure. What reads JSON is elsewhere (core/json_text.h).

#include <string>
#include <string_view>

namespace parley {

// The first byte of half a surrogate pair, as json_data() keeps it, and of some Korean letters.
inline constexpr char kSurrogateByte = '\xED';

// Appends without quotes around. Bytes from 0x80 on pass, the text is UTF-8 already; but halves of surrogate pairs,
// which are no UTF-8, become the escapes that they were.
void append_escaped(std::string& out, std::string_view text);
// What append_escaped() of append_escaped() would append: text inside JSON inside a JSON string.
void append_escaped_twice(std::string& out, std::string_view text);
void append_json_string(std::string& out, std::string_view text);  // with quotes
std::string with_halves_escaped(std::string_view text);            // nothing but the halves

}  // namespace parley
