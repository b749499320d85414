#include "net/outbound/call_lane.h"

#include "core/check.h"

#include <algorithm>
#include <utility>

namespace parley::net {

void CallLane::bound(std::size_t places, std::size_t address_places) {
  places_max_ = std::max<std::size_t>(places, 1);
  address_places_max_ = address_places;
}

void CallLane::push(Id id, const std::string& address, std::uint64_t connection) {
  auto& group = addresses_[address];
  auto& line = group.lines[connection];
  if (line.empty()) {
    if (group.turns.empty()) turns_.push_back(address);
    group.turns.push_back(connection);
  }
  line.push_back(id);
}

std::optional<CallLane::Turn> CallLane::take() {
  if (places_ >= places_max_) return std::nullopt;
  for (auto left = turns_.size(); left > 0; --left) {
    auto address = std::move(turns_.front());
    turns_.pop_front();
    auto& group = addresses_.at(address);
    const bool full = !address.empty() && address_places_max_ > 0 && group.places >= address_places_max_;
    if (full) {
      turns_.push_back(std::move(address));
      continue;
    }
    const auto connection = group.turns.front();
    group.turns.pop_front();
    const auto line = group.lines.find(connection);
    const auto id = line->second.front();
    line->second.pop_front();
    if (line->second.empty()) {
      group.lines.erase(line);
    } else {
      group.turns.push_back(connection);
    }
    if (!group.turns.empty()) turns_.push_back(address);
    ++group.places;
    ++places_;
    return Turn{id, std::move(address)};
  }
  return std::nullopt;
}

void CallLane::release(const std::string& address) {
  const auto found = addresses_.find(address);
  CHECK(found != addresses_.end() && found->second.places > 0);
  --places_;
  if (--found->second.places == 0 && found->second.turns.empty()) addresses_.erase(found);
}

}  // namespace parley::net
