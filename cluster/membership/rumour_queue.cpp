#include "cluster/membership/rumour_queue.h"

#include <algorithm>
#include <tuple>

namespace parley::cluster {

void RumourQueue::put(NodeId node, About what, bool with_record) {
  auto& row = rows_[node];
  // A record that waits goes with the state, and a state that was not told enough stays one.
  row = {std::max(row.what, what), row.with_record || with_record, 0};
}

std::vector<RumourQueue::Item> RumourQueue::order() const {
  std::vector<const std::pair<const NodeId, Row>*> rows;
  rows.reserve(rows_.size());
  for (const auto& row : rows_) rows.push_back(&row);
  std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) {
    return std::tuple(a->second.what != About::state, a->second.told) <
           std::tuple(b->second.what != About::state, b->second.told);
  });
  std::vector<Item> items;
  items.reserve(rows.size());
  for (const auto* row : rows) items.push_back({row->first, row->second.with_record});
  return items;
}

void RumourQueue::told(NodeId node, unsigned times_state, unsigned times_record) {
  const auto place = rows_.find(node);
  if (place == rows_.end()) return;
  auto& row = place->second;
  if (++row.told >= (row.what == About::state ? times_state : times_record)) rows_.erase(place);
}

}  // namespace parley::cluster
