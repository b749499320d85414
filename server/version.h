#pragma once
#include <string_view>

namespace parley::server {
std::string_view version();   // `0.1.0`
std::string_view compiler();  // `GCC 12.2.0`: for bug reports and the build_info metric
}  // namespace parley::server
