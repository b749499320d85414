#pragma once
// Who a request comes from: addresses, ranges of them, and the proxies that may speak for others. Pure.

#include "core/result.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net {

// IPv4 is kept as IPv4-mapped IPv6, so that both forms compare.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  static Result<Address> parse(std::string_view text);
};

// `10.0.0.0/8`, `fd00::/8`, `192.0.2.1`.
class AddressRange {
 public:
  static Result<AddressRange> parse(std::string_view text);
  [[nodiscard]] bool contains(const Address& address) const;

 private:
  Address base_;
  unsigned bits_ = 128;
};

class TrustedProxies {
 public:
  static Result<TrustedProxies> parse(const std::vector<std::string>& ranges);
  [[nodiscard]] bool trusts(std::string_view address) const;
  // The client's address: the last one in X-Forwarded-For that is not a trusted proxy itself.
  [[nodiscard]] std::string client(std::string_view peer, std::string_view forwarded_for) const;

 private:
  std::vector<AddressRange> ranges_;
};

}  // namespace parley::net
