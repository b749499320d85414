#include "net/http/route.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::net {

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty() && parts.size() < 8) {
    const auto end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    if (end == path.size()) return parts;
    path.remove_prefix(end + 1);
    if (path.empty()) parts.emplace_back();
  }
  return parts;
}

bool route_matches(const RouteParts& pattern, const std::vector<std::string_view>& parts) {
  const auto end = std::find(pattern.begin(), pattern.end(), std::string_view());
  return std::equal(parts.begin(), parts.end(), pattern.begin(), end,
                    [](auto part, auto wanted) { return wanted.starts_with('{') ? !part.empty() : part == wanted; });
}

std::string route_path(std::string_view prefix, const RouteParts& pattern) {
  std::string path(prefix);
  for (const auto part : pattern) {
    if (part.empty()) break;
    path.append("/").append(part);
  }
  return path;
}

void add_allowed(std::string& allowed, std::string_view method) {
  if (allowed.find(method) != std::string::npos) return;
  allowed.append(allowed.empty() ? "" : ", ").append(method);
}

void respond_method_not_allowed(Exchange& exchange, const std::string& allowed) {
  exchange.respond(
      {.status = 405,
       .body = fmt::format(R"({{"error":"method_not_allowed","message":"this path takes {0}","remedy":"use {0}"}})",
                           allowed),
       .headers = {{"Allow", allowed}},
       .route = "method_not_allowed"});
}

}  // namespace parley::net
