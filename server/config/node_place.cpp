#include "server/config/node_place.h"

#include "core/limits.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace parley::server {

std::optional<NodePlace> parse_node_place(std::string_view text, std::uint16_t usual_port) {
  NodePlace place{.host = {}, .port = usual_port};
  std::string_view host = text;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    if (!rest.empty()) port = rest.substr(1);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos && colon == text.rfind(':')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (port) {
    const auto* last = port->data() + port->size();
    const auto [end, failure] = std::from_chars(port->data(), last, place.port);
    if (port->empty() || failure != std::errc{} || end != last || place.port == 0) return std::nullopt;
  }
  if (host.empty() || host.size() > ClusterLimits{}.host_bytes_max) return std::nullopt;
  const auto among = [](std::string_view part, std::string_view more) {
    return std::all_of(part.begin(), part.end(), [more](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || more.find(c) != more.npos;
    });
  };
  const bool v6 = host.find(':') != std::string_view::npos;
  in6_addr scratch{};
  const std::string address(host.substr(0, host.find('%')));
  const bool valid =
      v6 ? inet_pton(AF_INET6, address.c_str(), &scratch) == 1 && among(host, ":.%-_") : among(host, ".-_");
  if (!valid) return std::nullopt;
  place.host = std::string(host);
  return place;
}

}  // namespace parley::server
