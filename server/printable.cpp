#include "server/printable.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace parley::server {

std::string iso_time(std::int64_t ms) {
  const auto whole = static_cast<std::time_t>(ms / 1'000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(whole), ms % 1'000);
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace parley::server
