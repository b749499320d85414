#pragma once
#include <string_view>

namespace parley::server {
std::string_view version();   // `1.2.3`, from CMakeLists.txt
std::string_view compiler();  // `GCC 12.2.0`: for bug reports and the build_info metric
}  // namespace parley::server
