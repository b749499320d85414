#include "net/address/client_origin.h"

#include "net/address/address.h"

#include <algorithm>
#include <cstddef>

namespace parley::net {
namespace {

constexpr std::uint64_t kMapped = std::uint64_t{0xFFFF} << 32;  // no network of IPv6 that is in use begins like this
constexpr Origin kUnknown{1};                                   // also of `::1` and the like, whose network is zero

std::uint64_t number(const std::uint8_t* bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

Origin origin_of(std::string_view text) {
  const auto address = Address::parse(text);
  if (!address) return kUnknown;
  const auto& bytes = address->bytes;
  const auto network = number(bytes.data(), 8);
  const bool mapped = network == 0 && number(bytes.data() + 8, 4) == 0xFFFF;
  return {std::max(mapped ? kMapped | number(bytes.data() + 12, 4) : network, kUnknown.value)};
}

}  // namespace parley::net
