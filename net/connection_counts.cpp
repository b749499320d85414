#include "net/connection_counts.h"

namespace parley::net {

ConnectionCounts::Place ConnectionCounts::take(std::string_view address, const NodeLimits& limits) {
  if (total_.fetch_add(1) >= limits.connections_max) {
    total_.fetch_sub(1);
    return {};
  }
  if (limits.connections_per_address_max == 0 || address.empty()) return Place(*this, {});
  const std::lock_guard lock(mutex_);
  const auto place = by_address_.try_emplace(std::string(address), 0).first;
  if (place->second >= limits.connections_per_address_max) {
    total_.fetch_sub(1);
    return {};
  }
  ++place->second;
  return Place(*this, std::string(address));
}

void ConnectionCounts::give_back(const std::string& address) {
  total_.fetch_sub(1);
  if (address.empty()) return;
  const std::lock_guard lock(mutex_);
  const auto place = by_address_.find(address);
  if (place != by_address_.end() && --place->second == 0) by_address_.erase(place);
}

}  // namespace parley::net
