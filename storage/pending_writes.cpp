#include "storage/pending_writes.h"

#include <algorithm>

namespace parley::storage {
namespace {
std::size_t at(Family family) { return static_cast<std::size_t>(family); }
}  // namespace

void PendingWrites::put(Family family, std::string key, std::string value) {
  tables_[at(family)].insert_or_assign(std::move(key), std::move(value));
}

void PendingWrites::remove(Family family, std::string key) {
  tables_[at(family)].insert_or_assign(std::move(key), std::nullopt);
}

void PendingWrites::remove_range(Family family, std::string from, std::string to) {
  auto& table = tables_[at(family)];
  table.erase(table.lower_bound(from), table.lower_bound(to));
  ranges_[at(family)].emplace_back(std::move(from), std::move(to));
}

bool PendingWrites::range_removed(Family family, std::string_view key) const {
  const auto& ranges = ranges_[at(family)];
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return range.first <= key && key < range.second; });
}

Result<std::optional<std::string>> PendingWrites::get(Family family, std::string_view key) const {
  const auto& table = tables_[at(family)];
  if (const auto found = table.find(key); found != table.end()) return found->second;
  if (range_removed(family, key)) return std::optional<std::string>();
  return store_.get(family, key);
}

Status PendingWrites::scan(Family family, std::string_view from, std::string_view to, const Visitor& visit) const {
  if (from >= to) return {};
  const auto& table = tables_[at(family)];
  auto next = table.lower_bound(from);
  const auto end = table.lower_bound(to);
  bool stopped = false;
  // Pending keys below `key`, then `key` itself where nothing pending replaces it.
  const auto visit_pending_below = [&](std::string_view key) {
    for (; next != end && !stopped && next->first < key; ++next) {
      if (next->second && visit(next->first, *next->second) == Visit::stop) stopped = true;
    }
  };
  const auto scanned =
      store_.scan(family, from, to, ScanOrder::forward, [&](std::string_view key, std::string_view value) {
        visit_pending_below(key);
        if (stopped) return Visit::stop;
        if (next != end && next->first == key) {
          if (next->second && visit(key, *next->second) == Visit::stop) stopped = true;
          ++next;
        } else if (!range_removed(family, key)) {
          stopped = visit(key, value) == Visit::stop;
        }
        return stopped ? Visit::stop : Visit::go_on;
      });
  if (!scanned) return scanned;
  visit_pending_below(to);
  return {};
}

void PendingWrites::take(WriteBatch& batch) {
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    for (auto& range : ranges_[i]) batch.remove_range(family, std::move(range.first), std::move(range.second));
    ranges_[i].clear();
    while (!tables_[i].empty()) {
      auto node = tables_[i].extract(tables_[i].begin());
      if (node.mapped()) {
        batch.put(family, std::move(node.key()), std::move(*node.mapped()));
      } else {
        batch.remove(family, std::move(node.key()));
      }
    }
  }
}

void PendingWrites::forget() {
  for (auto& table : tables_) table.clear();
  for (auto& ranges : ranges_) ranges.clear();
}

bool PendingWrites::empty() const {
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    if (!tables_[i].empty() || !ranges_[i].empty()) return false;
  }
  return true;
}

}  // namespace parley::storage
