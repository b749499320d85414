#pragma once
// Which hosts the server may call: patterns of the configuration against a URL's host and port. Pure.
//
// A pattern is a host, `*.example.com` (any host below it, not itself) or an address, each with or
// without `:port`; an IPv6 address with a port stands in brackets. Case does not matter.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

bool valid_host_pattern(std::string_view pattern);
// `host` with or without brackets. A pattern without a port fits every port.
bool host_matches(std::string_view pattern, std::string_view host, std::uint16_t port);
// No patterns: every host.
bool host_allowed(const std::vector<std::string>& patterns, std::string_view host, std::uint16_t port);

}  // namespace parley
