#include "net/address/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace parley::net {

namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr Address kLoopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Proxies may add a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`, `"[2001:db8::1]"`.
std::string_view without_port(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    return end == std::string_view::npos ? text : text.substr(1, end - 1);
  }
  if (std::count(text.begin(), text.end(), ':') == 1) return text.substr(0, text.find(':'));
  return text;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  const std::string terminated(text);
  if (text.find('\0') != std::string_view::npos) return make_error(Errc::config_invalid, "an address has no NUL");
  Address address;
  in6_addr six{};
  in_addr four{};
  if (inet_pton(AF_INET6, terminated.c_str(), &six) == 1) {
    std::memcpy(address.bytes.data(), &six, 16);
    return address;
  }
  if (inet_pton(AF_INET, terminated.c_str(), &four) == 1) {
    std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
    std::memcpy(address.bytes.data() + 12, &four, 4);
    return address;
  }
  return make_error(Errc::config_invalid, "`" + terminated + "` is no IP address");
}

bool Address::is_ipv4() const { return std::equal(kMapped.begin(), kMapped.end(), bytes.begin()); }

std::string Address::text() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (is_ipv4()) {
    inet_ntop(AF_INET, bytes.data() + 12, text, sizeof text);
  } else {
    inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  }
  return text;
}

Address Address::share() const {
  if (is_ipv4() || *this == kLoopback) return *this;
  Address network;
  std::copy_n(bytes.begin(), 8, network.bytes.begin());
  return network;
}

std::string address_share(std::string_view address) {
  const auto parsed = Address::parse(address);
  return parsed ? parsed->share().text() : std::string(address);
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
  AddressRange range;
  const auto slash = text.find('/');
  const auto base = Address::parse(text.substr(0, slash));
  if (!base) return base.error();
  range.base_ = *base;
  if (slash == std::string_view::npos) return range;
  const bool four = text.substr(0, slash).find(':') == std::string_view::npos;
  const unsigned most = four ? 32 : 128;
  const auto digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits > most) {
    return make_error(Errc::config_invalid,
                      "`" + std::string(text) + "` is no address range: expected 10.0.0.0/8 or fd00::/8");
  }
  range.bits_ = four ? bits + 96 : bits;
  return range;
}

bool AddressRange::contains(const Address& address) const {
  const unsigned whole = bits_ / 8;
  if (!std::equal(base_.bytes.begin(), base_.bytes.begin() + whole, address.bytes.begin())) return false;
  const unsigned rest = bits_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00 >> rest);
  return (base_.bytes[whole] & mask) == (address.bytes[whole] & mask);
}

Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& ranges) {
  TrustedProxies proxies;
  for (const std::string& text : ranges) {
    auto range = AddressRange::parse(text);
    if (!range) return make_error(Errc::config_invalid, "server.trusted_proxies: " + range.error().message);
    proxies.ranges_.push_back(*range);
  }
  return proxies;
}

bool TrustedProxies::trusts(std::string_view text) const {
  if (ranges_.empty()) return false;
  const auto address = Address::parse(text);
  if (!address) return false;
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const AddressRange& range) { return range.contains(*address); });
}

std::string TrustedProxies::client(std::string_view peer, std::string_view forwarded_for) const {
  const auto own = Address::parse(peer);
  std::string client = own ? own->text() : std::string(peer);
  // From the nearest hop outward, as long as the one that says so is trusted.
  while (trusts(client) && !forwarded_for.empty()) {
    const auto comma = forwarded_for.rfind(',');
    const auto hop =
        without_port(trim(comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1)));
    forwarded_for = comma == std::string_view::npos ? std::string_view() : forwarded_for.substr(0, comma);
    const auto address = Address::parse(hop);
    if (!address) break;
    client = address->text();
  }
  return client;
}

}  // namespace parley::net
