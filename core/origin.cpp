#include "core/origin.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace parley {
namespace {

struct Origin {
  std::string scheme;
  std::string host;  // in brackets if it is an IPv6 address
  std::string port;  // digits, or `*` in a pattern
};

std::string lowered(std::string_view text) {
  std::string lower(text);
  for (auto& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// The colon before a port stands behind the bracket of an IPv6 address.
std::size_t port_colon(std::string_view authority) {
  return authority.find(':', authority.starts_with('[') ? std::min(authority.find(']'), authority.size() - 1) : 0);
}

std::string default_port(std::string_view scheme) {
  if (scheme == "https" || scheme == "wss") return "443";
  return scheme == "http" || scheme == "ws" ? "80" : "";
}

std::optional<Origin> parse_origin(std::string_view text) {
  const auto lower = lowered(text);
  const auto scheme_end = lower.find("://");
  if (scheme_end == std::string::npos || scheme_end == 0) return std::nullopt;
  Origin origin;
  origin.scheme = lower.substr(0, scheme_end);
  const auto rest = lower.substr(scheme_end + 3);
  if (rest.empty() || rest.find_first_of("/?# @\\") != std::string::npos) return std::nullopt;
  const auto colon = port_colon(rest);
  origin.host = rest.substr(0, colon);
  origin.port = colon != std::string::npos ? rest.substr(colon + 1) : default_port(origin.scheme);
  if (origin.host.starts_with('[') != origin.host.ends_with(']')) return std::nullopt;
  if (origin.host.empty() || (colon != std::string::npos && origin.port.empty())) return std::nullopt;
  return origin;
}

bool matches(const Origin& pattern, const Origin& origin) {
  if (pattern.scheme != origin.scheme) return false;
  if (pattern.port != "*" && pattern.port != origin.port) return false;
  if (!pattern.host.starts_with("*.")) return pattern.host == origin.host;
  const auto suffix = std::string_view(pattern.host).substr(1);  // with its dot
  return origin.host.size() > suffix.size() && origin.host.ends_with(suffix);
}

bool all_in(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
  });
}

// As a browser would write it: it never says 080.
bool port_number(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc{} && end == text.data() + text.size() && port > 0 && text.front() != '0';
}

bool host_text(std::string_view host) {
  if (!host.starts_with('[')) return all_in(host, "-._") && host.front() != '.';
  in6_addr scratch{};
  return host.ends_with(']') &&
         inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), &scratch) == 1;
}

}  // namespace

bool origin_allowed(const std::vector<std::string>& allowed, std::string_view origin) {
  if (allowed.empty() || origin.empty()) return true;
  const auto parsed = parse_origin(origin);  // `null` of a sandboxed frame is no origin
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& entry) {
    if (entry == "*") return true;
    const auto pattern = parse_origin(entry);
    return parsed && pattern && matches(*pattern, *parsed);
  });
}

Status check_origin_pattern(std::string_view pattern) {
  const auto wrong = [](std::string message) { return make_error(Errc::config_invalid, std::move(message)); };
  if (pattern == "*") return {};
  const auto parsed = parse_origin(pattern);
  if (!parsed || !all_in(parsed->scheme, "+-.")) {
    return wrong("an origin has the form scheme://host or scheme://host:port");
  }
  const std::string_view host = parsed->host;
  const bool below = host.starts_with("*.") && host.size() > 2;
  if (!below && host.find('*') != host.npos) {
    return wrong("`*` in an origin's host stands only in front, as in https://*.example.com");
  }
  if (!host_text(below ? host.substr(2) : host)) return wrong("an origin's host has letters, digits, `-`, `.` and `_`");
  if (!parsed->port.empty() && parsed->port != "*" && !port_number(parsed->port)) {
    return wrong("an origin's port is a number from 1 to 65535, or *");
  }
  return {};
}

bool is_own_address(std::string_view origin, std::string_view host) {
  const auto parsed = parse_origin(origin);
  if (!parsed || host.empty()) return false;
  const auto own = lowered(host);
  const auto colon = port_colon(own);
  const auto port = colon == std::string::npos ? default_port(parsed->scheme) : own.substr(colon + 1);
  return parsed->host == own.substr(0, colon) && parsed->port == port;
}

}  // namespace parley
