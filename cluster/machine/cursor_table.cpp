#include "cluster/machine/cursor_table.h"

#include "schemas/codec.h"
#include "storage/keys.h"

#include <algorithm>
#include <deque>
#include <set>
#include <tuple>

namespace parley::cluster {

using storage::Family;
namespace keys = storage::keys;

std::uint64_t bytes_of_cursor(std::string_view key, std::string_view value) { return key.size() + value.size(); }

std::vector<StoredCursor> surplus(std::vector<StoredCursor>& cursors, std::uint64_t max, CursorsBy by) {
  const auto weight = [by](const StoredCursor& one) { return by == CursorsBy::number ? std::uint64_t{1} : one.bytes; };
  std::sort(cursors.begin(), cursors.end(), [](const StoredCursor& a, const StoredCursor& b) {
    return std::tie(a.time, a.key) < std::tie(b.time, b.key);
  });
  struct Share {
    std::uint64_t weight = 0;
    std::deque<std::size_t> oldest_first;
  };
  std::map<Origin, Share> shares;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < cursors.size(); ++i) {
    auto& share = shares[cursors[i].origin];
    share.weight += weight(cursors[i]);
    share.oldest_first.push_back(i);
    total += weight(cursors[i]);
  }
  std::set<std::pair<std::uint64_t, Origin>> by_weight;
  for (const auto& [origin, share] : shares) by_weight.emplace(share.weight, origin);
  std::vector<bool> goes(cursors.size(), false);
  while (total > max && !by_weight.empty()) {
    const auto origin = by_weight.rbegin()->second;
    by_weight.erase(std::prev(by_weight.end()));
    auto& share = shares[origin];
    const auto oldest = share.oldest_first.front();
    share.oldest_first.pop_front();
    goes[oldest] = true;
    share.weight -= weight(cursors[oldest]);
    total -= weight(cursors[oldest]);
    if (!share.oldest_first.empty()) by_weight.emplace(share.weight, origin);
  }
  std::vector<StoredCursor> gone;
  std::vector<StoredCursor> stay;
  for (std::size_t i = 0; i < cursors.size(); ++i) (goes[i] ? gone : stay).push_back(std::move(cursors[i]));
  cursors = std::move(stay);
  return gone;
}

Status CursorTable::load(const storage::Store& store) {
  bytes_ = 0;
  of_origin_.clear();
  forgotten_ = 0;
  Status outcome;
  const auto range = keys::cursors(shard_);
  const auto scanned = store.scan(Family::state, range.from, range.to, storage::ScanOrder::forward,
                                  [&](std::string_view key, std::string_view value) {
                                    const auto cursor = schemas::decode_cursor(value);
                                    if (!cursor) {
                                      outcome = cursor.error();
                                      return storage::Visit::stop;
                                    }
                                    add(cursor->origin, bytes_of_cursor(key, value));
                                    return storage::Visit::go_on;
                                  });
  return scanned ? outcome : scanned;
}

void CursorTable::add(Origin origin, std::uint64_t bytes) {
  bytes_ += bytes;
  of_origin_[origin] += bytes;
}

void CursorTable::remove(Origin origin, std::uint64_t bytes) {
  bytes_ -= std::min(bytes_, bytes);
  const auto share = of_origin_.find(origin);
  if (share == of_origin_.end()) return;
  share->second -= std::min(share->second, bytes);
  if (share->second == 0) of_origin_.erase(share);
}

bool CursorTable::over(const CursorBounds& bounds, Origin origin) const {
  if (bounds.bytes_max > 0 && bytes_ > bounds.bytes_max) return true;
  const auto share = of_origin_.find(origin);
  return bounds.origin_bytes_max > 0 && share != of_origin_.end() && share->second > bounds.origin_bytes_max;
}

Result<std::vector<StoredCursor>> CursorTable::over_bounds(const CursorBounds& bounds,
                                                           const storage::PendingWrites& writes) const {
  std::vector<StoredCursor> cursors;
  Status outcome;
  const auto range = keys::cursors(shard_);
  const auto scanned =
      writes.scan(Family::state, range.from, range.to, [&](std::string_view key, std::string_view value) {
        const auto cursor = schemas::decode_cursor(value);
        if (!cursor) {
          outcome = cursor.error();
          return storage::Visit::stop;
        }
        cursors.push_back({std::string(key), cursor->time, cursor->origin, bytes_of_cursor(key, value)});
        return storage::Visit::go_on;
      });
  if (!scanned) return scanned.error();
  if (!outcome) return outcome.error();
  std::vector<StoredCursor> gone;
  // Down to seven eighths of a bound, so that the next scan is far away.
  const auto shed = [&gone](std::vector<StoredCursor>& from, std::uint64_t bound) {
    for (auto& one : surplus(from, bound - bound / 8, CursorsBy::bytes)) gone.push_back(std::move(one));
  };
  for (const auto& [origin, bytes] : of_origin_) {
    if (bounds.origin_bytes_max == 0 || bytes <= bounds.origin_bytes_max) continue;
    const auto first = std::stable_partition(cursors.begin(), cursors.end(),
                                             [of = origin](const StoredCursor& one) { return one.origin != of; });
    std::vector<StoredCursor> own(std::make_move_iterator(first), std::make_move_iterator(cursors.end()));
    cursors.erase(first, cursors.end());
    shed(own, bounds.origin_bytes_max);
    for (auto& one : own) cursors.push_back(std::move(one));
  }
  std::uint64_t left = 0;
  for (const auto& one : cursors) left += one.bytes;
  if (bounds.bytes_max > 0 && left > bounds.bytes_max) shed(cursors, bounds.bytes_max);
  return gone;
}

}  // namespace parley::cluster
