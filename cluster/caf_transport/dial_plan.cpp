#include "cluster/caf_transport/dial_plan.h"

#include <algorithm>
#include <utility>

namespace parley::cluster {

void DialPlan::set(std::vector<PeerPlace> places, MonoTime now) {
  std::map<PeerPlace, Row> rows;
  for (auto& place : places) {
    if (rows.size() == limits_.places_max) break;
    auto known = rows_.extract(place);
    if (known.empty()) {
      Row row;
      if (place.node.value != 0 && place.node < self_) row.not_before = now + limits_.higher_waits;
      rows.emplace(std::move(place), std::move(row));
    } else {
      rows.insert(std::move(known));
    }
  }
  rows_ = std::move(rows);
}

MonoTime DialPlan::after(MonoTime now, milliseconds pause) {
  return now + pause - milliseconds(random_.below(static_cast<std::uint64_t>(pause.count()) / 2 + 1));
}

std::vector<PeerPlace> DialPlan::due(MonoTime now, const std::function<bool(NodeId)>& linked) {
  std::vector<PeerPlace> places;
  for (auto& [place, row] : rows_) {
    const auto node = place.node.value != 0 ? place.node : row.found;
    if (row.dialing || row.self || now < row.not_before) continue;
    if (place.node == self_) continue;
    if (node.value != 0 && linked(node)) continue;
    row.dialing = true;
    places.push_back(place);
  }
  return places;
}

void DialPlan::failed(const PeerPlace& place, MonoTime now) {
  const auto found = rows_.find(place);
  if (found == rows_.end()) return;
  auto& row = found->second;
  row.dialing = false;
  row.pause = std::clamp(2 * row.pause, limits_.redial_min, limits_.redial_max);
  row.not_before = after(now, row.pause);
}

void DialPlan::answered(const PeerPlace& place, NodeId node, MonoTime now) {
  const auto found = rows_.find(place);
  if (found == rows_.end()) return;
  auto& row = found->second;
  row.dialing = false;
  row.found = node;
  row.pause = {};
  row.reason.clear();
  row.not_before = after(now, limits_.redial_min);
}

void DialPlan::is_self(const PeerPlace& place) {
  const auto found = rows_.find(place);
  if (found == rows_.end()) return;
  found->second.dialing = false;
  found->second.self = true;
}

void DialPlan::lost(NodeId node, MonoTime now) {
  for (auto& [place, row] : rows_) {
    if (place.node != node && row.found != node) continue;
    const bool waits = place.node.value != 0 && place.node < self_;
    row.not_before = std::max(row.not_before, after(now, waits ? limits_.higher_waits : limits_.redial_min));
  }
}

bool DialPlan::is_known(const PeerPlace& place, const std::string& reason) {
  const auto found = rows_.find(place);
  return found != rows_.end() && std::exchange(found->second.reason, reason) == reason;
}

}  // namespace parley::cluster
