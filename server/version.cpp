#include "server/version.h"

namespace parley::server {

std::string_view version() { return PARLEY_VERSION; }

std::string_view compiler() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#else
  return "GCC " __VERSION__;
#endif
}

}  // namespace parley::server
