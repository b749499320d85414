#pragma once
// Where a client comes from, as far as shares are concerned: its address, of IPv6 the network of 64 bits that one
// customer has. A value; net/address/client_origin.h makes it of an address.

#include <compare>
#include <cstdint>

namespace parley {

struct Origin {
  std::uint64_t value = 0;  // 0: nobody's: the node itself, or a caller of the API who is known by its secret
  auto operator<=>(const Origin&) const = default;
  [[nodiscard]] bool exists() const { return value != 0; }
};

}  // namespace parley
