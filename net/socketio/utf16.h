#pragma once
// UTF-8 text measured in UTF-16 units, as JavaScript's string lengths and so Engine.IO 3's bodies do. Pure.

#include <cstddef>
#include <optional>
#include <string_view>

namespace parley::net::socketio {

bool is_utf8(std::string_view text);

// Bytes that are no UTF-8 count one each.
std::size_t utf16_units(std::string_view text);

// How many bytes at the beginning of `text` make `units` UTF-16 units. Nothing: the text is shorter, or the last unit
// would be half a character.
std::optional<std::size_t> bytes_of_units(std::string_view text, std::size_t units);

}  // namespace parley::net::socketio
