#pragma once
// Text as the inside of a JSON string. Pure. What reads JSON is elsewhere (net/pusher/json_text.h).

#include <string>
#include <string_view>

namespace parley {

// Appends without quotes around. Bytes from 0x80 on pass: the text is UTF-8 already.
void append_escaped(std::string& out, std::string_view text);
// What append_escaped() of append_escaped() would append: text inside JSON inside a JSON string.
void append_escaped_twice(std::string& out, std::string_view text);
void append_json_string(std::string& out, std::string_view text);  // with quotes

}  // namespace parley
