#include "core/host_pattern.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace parley {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

// Without brackets, and without the dot that ends a complete name.
std::string_view plain_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  if (host.size() > 1 && host.back() == '.') host.remove_suffix(1);
  return host;
}

struct Pattern {
  std::string_view host;   // without `*.`
  bool below = false;      // hosts below it are meant
  std::uint16_t port = 0;  // 0: any
};

bool host_chars(std::string_view host, std::string_view more) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [&](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
  });
}

bool host_name(std::string_view host) {
  return host_chars(host, "-._") && host.front() != '.' && host.find("..") == std::string_view::npos;
}

std::optional<Pattern> parse(std::string_view text) {
  Pattern pattern;
  const auto last_colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  // More than one colon without brackets: all of it is an address.
  const bool bare_address = !bracketed && last_colon != std::string_view::npos && text.find(':') != last_colon;
  const auto bracket = bracketed ? text.find(']') : std::string_view::npos;
  if (bracketed && bracket == std::string_view::npos) return std::nullopt;
  if (!bare_address && last_colon != std::string_view::npos && (!bracketed || last_colon > bracket)) {
    const auto digits = text.substr(last_colon + 1);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), pattern.port);
    if (failure != std::errc{} || end != digits.data() + digits.size() || pattern.port == 0) return std::nullopt;
    text = text.substr(0, last_colon);
  }
  if (bare_address || bracketed) {
    if (bracketed && bracket != text.size() - 1) return std::nullopt;
    pattern.host = plain_host(text);
    return host_chars(pattern.host, ":.") ? std::optional(pattern) : std::nullopt;
  }
  if (text.starts_with("*.")) {
    pattern.below = true;
    text.remove_prefix(2);
  }
  pattern.host = plain_host(text);
  return host_name(pattern.host) ? std::optional(pattern) : std::nullopt;
}

}  // namespace

bool valid_host_pattern(std::string_view pattern) { return parse(pattern).has_value(); }

bool host_matches(std::string_view text, std::string_view host, std::uint16_t port) {
  const auto pattern = parse(text);
  if (!pattern || (pattern->port != 0 && pattern->port != port)) return false;
  host = plain_host(host);
  if (!pattern->below) return same_text(pattern->host, host);
  if (host.size() <= pattern->host.size() + 1) return false;
  const auto end = host.substr(host.size() - pattern->host.size() - 1);
  return end.front() == '.' && same_text(end.substr(1), pattern->host);
}

bool host_allowed(const std::vector<std::string>& patterns, std::string_view host, std::uint16_t port) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(),
                                         [&](const auto& pattern) { return host_matches(pattern, host, port); });
}

}  // namespace parley
