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
  [[nodiscard]] bool is_ipv4() const;
  // The one form: `203.0.113.9`, however it was written; IPv6 in lower case and shortened.
  [[nodiscard]] std::string text() const;
  // For whom it stands where shares are counted: an IPv4 address for itself, an IPv6 one for its /64, which is what
  // one host or customer is given. Only the loopback address stands for itself.
  [[nodiscard]] Address share() const;
  bool operator==(const Address&) const = default;
};
// The same of an address as text; one that cannot be read stands for itself.
std::string address_share(std::string_view address);

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
  // The client's address, in its one form: the last one in X-Forwarded-For that is not a trusted proxy itself.
  [[nodiscard]] std::string client(std::string_view peer, std::string_view forwarded_for) const;

 private:
  std::vector<AddressRange> ranges_;
};

}  // namespace parley::net
