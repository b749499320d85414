#pragma once
// Reading and writing bits of JSON without a parser: a load generator looks for few things in many frames.

#include <cstddef>
#include <string>
#include <string_view>

namespace loadgen {

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// The id, word or number that follows "name" at or after `from`, whatever quotes and escapes stand around it.
std::string_view value_after(std::string_view text, std::string_view name, std::size_t from = 0);

std::size_t count_of(std::string_view text, std::string_view part);

// With backslashes before quotes and backslashes, to stand inside a JSON string.
std::string json_escaped(std::string_view text);

}  // namespace loadgen
