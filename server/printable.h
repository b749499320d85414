#pragma once
// Text and times for a terminal. Pure.

#include <cstdint>
#include <string>
#include <string_view>

namespace parley::server {

std::string iso_time(std::int64_t ms);  // since 1970: `2025-10-09T08:53:20.000Z`

// What is shown may come from strangers: control characters must not reach the terminal.
std::string printable(std::string_view text);

}  // namespace parley::server
