// Names of keys, and slips of them. The keys: config_keys_node.cpp, config_keys_tables.cpp.

#include "server/config/config_keys.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace parley::server {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string environment_name(std::string_view key) {
  std::string name = "PARLEY_";
  for (const char c : key) {
    if (c == '.') {
      name.push_back('_');
    } else {
      name.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    }
  }
  return name;
}

std::string closest(std::string_view wrong, std::span<const std::string_view> candidates) {
  constexpr std::size_t kLongestKey = 80;  // a hostile key must not cost a quadratic comparison
  if (wrong.size() > kLongestKey) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  for (const auto candidate : candidates) {
    const auto distance = edit_distance(wrong, candidate);
    if (distance < best_distance && distance < std::max(wrong.size(), candidate.size())) {
      best = candidate;
      best_distance = distance;
    }
  }
  return std::string(best);
}

}  // namespace parley::server
