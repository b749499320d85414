#include "tests/sim/scheduler.h"

#include <fmt/format.h>

#include <cstdio>

namespace parley::sim {

void Scheduler::note(std::string_view what, std::string_view more) {
  const auto mix = [this](std::string_view text) {
    for (const char c : text) {
      hash_ ^= static_cast<unsigned char>(c);
      hash_ *= 1099511628211ULL;
    }
  };
  const auto at = static_cast<std::uint64_t>(now_.time_since_epoch().count());
  mix({reinterpret_cast<const char*>(&at), sizeof at});
  mix(what);
  mix(more);
  if (print_) fmt::print(stderr, "{:12.6f} {} {}\n", static_cast<double>(at) / 1e9, what, more);
}

}  // namespace parley::sim
