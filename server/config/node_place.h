#pragma once
// Where another node is, as the configuration says it: `host`, `host:port`, `[::1]:6002`. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley::server {

struct NodePlace {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const NodePlace&) const = default;
};

// Nothing: it is neither. An address of IPv6 without a port needs no brackets.
std::optional<NodePlace> parse_node_place(std::string_view text, std::uint16_t usual_port);

}  // namespace parley::server
