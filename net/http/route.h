#pragma once
// A table of paths, and which row a request means. `{name}` in a row stands for one part that is not
// empty. For the APIs below /apps/ and /admin/. Pure.

#include "net/http/handler.h"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net {

inline constexpr std::size_t kRoutePartsMax = 4;
using RouteParts = std::array<std::string_view, kRoutePartsMax>;  // empty: none

// A row, for those who compare tables with documents.
struct RouteText {
  std::string method;
  std::string path;  // `/apps/{app}/users/{user}`
};

// At most 8 parts; a slash at the end is one part more, which is empty.
std::vector<std::string_view> split_path(std::string_view path);
bool route_matches(const RouteParts& pattern, const std::vector<std::string_view>& parts);
std::string route_path(std::string_view prefix, const RouteParts& pattern);
// Adds a method of another row with the same path to what `Allow` says.
void add_allowed(std::string& allowed, std::string_view method);
void respond_method_not_allowed(Exchange& exchange, const std::string& allowed);

// The first row that fits, among those of one path: the first that fits says which path is meant, so that a fixed word
// hides a `{name}` in its place for every method. Nothing, and `allowed` filled: the path takes other methods.
template <class Route>
const Route* find_route(std::span<const Route> routes, std::string_view method,
                        const std::vector<std::string_view>& parts, std::string& allowed) {
  const RouteParts* path = nullptr;
  for (const auto& route : routes) {
    if (path == nullptr ? !route_matches(route.parts, parts) : route.parts != *path) continue;
    path = &route.parts;
    if (route.method == method) return &route;
    add_allowed(allowed, route.method);
  }
  return nullptr;
}

}  // namespace parley::net
