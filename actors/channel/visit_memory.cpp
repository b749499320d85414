#include "actors/channel/visit_memory.h"

#include <algorithm>

namespace parley::actors {
namespace {

constexpr std::size_t kUnsurePlaces = 65'536;
constexpr std::uint64_t kVisitBytes = 320;     // nodes of two tables and of a list
constexpr std::uint64_t kShareOfCursors = 16;  // of the bytes that stored positions may have

}  // namespace

VisitMemory::VisitMemory() : unsure_(kUnsurePlaces) {}

VisitMemory::Bounds visit_bounds(const Settings& settings) {
  const auto& limits = settings.limits;
  const auto share = [](std::uint64_t bytes) {
    return bytes == 0 ? 0 : std::max<std::uint64_t>(bytes / kShareOfCursors, 1);
  };
  return {share(limits.cursor_bytes_max), share(limits.cursor_bytes_per_address_max), limits.cursor_lifetime};
}

bool VisitMemory::visit(const ChannelKey& channel, const std::string& client_id, Origin origin, const Bounds& bounds,
                        WallTime now) {
  const MutexLock lock(mutex_);
  drop_expired(bounds.lifetime, now);
  bool known = false;
  if (const auto clients = channels_.find(channel); clients != channels_.end()) {
    if (const auto before = clients->second.find(client_id); before != clients->second.end()) {
      known = true;
      drop(before->second);
    }
  }
  const auto bytes = kVisitBytes + 2 * (channel.text().size() + client_id.size());
  const auto share = of_origin_.find(origin);
  const auto of_origin = share == of_origin_.end() ? 0 : share->second;
  const bool full = (bounds.bytes_max > 0 && bytes_ + bytes > bounds.bytes_max) ||
                    (bounds.origin_bytes_max > 0 && of_origin + bytes > bounds.origin_bytes_max);
  if (full) {
    auto& unsure = unsure_[stable_hash(channel.text()) % unsure_.size()];
    unsure = std::max(unsure, now + bounds.lifetime);
    return known;
  }
  order_.push_back({channel, client_id, origin, now, bytes});
  channels_[channel].emplace(client_id, std::prev(order_.end()));
  bytes_ += bytes;
  of_origin_[origin] += bytes;
  return known;
}

void VisitMemory::forget(const ChannelKey& channel, const std::string& client_id) {
  const MutexLock lock(mutex_);
  const auto clients = channels_.find(channel);
  if (clients == channels_.end()) return;
  if (const auto visit = clients->second.find(client_id); visit != clients->second.end()) drop(visit->second);
}

bool VisitMemory::knows(const ChannelKey& channel, const std::string& client_id) const {
  const MutexLock lock(mutex_);
  const auto clients = channels_.find(channel);
  return clients != channels_.end() && clients->second.contains(client_id);
}

VisitMemory::Visits VisitMemory::take(const ChannelKey& channel, WallTime now) {
  const MutexLock lock(mutex_);
  Visits visits;
  visits.unsure_until = std::max(all_unsure_until_, unsure_[stable_hash(channel.text()) % unsure_.size()]);
  if (visits.unsure_until <= now) visits.unsure_until = {};
  while (true) {
    const auto clients = channels_.find(channel);
    if (clients == channels_.end()) return visits;
    const auto visit = clients->second.begin()->second;
    visits.cursors.push_back({visit->client_id, Offset{0}, false, Epoch{}, visit->origin});
    drop(visit);
  }
}

void VisitMemory::unsure_until(WallTime until) {
  const MutexLock lock(mutex_);
  all_unsure_until_ = std::max(all_unsure_until_, until);
}

std::uint64_t VisitMemory::bytes() const {
  const MutexLock lock(mutex_);
  return bytes_;
}

void VisitMemory::drop_expired(seconds lifetime, WallTime now) {
  while (!order_.empty() && order_.front().time + lifetime <= now) drop(order_.begin());
}

void VisitMemory::drop(Order::iterator visit) {
  bytes_ -= visit->bytes;
  const auto share = of_origin_.find(visit->origin);
  if ((share->second -= visit->bytes) == 0) of_origin_.erase(share);
  const auto clients = channels_.find(visit->channel);
  clients->second.erase(visit->client_id);
  if (clients->second.empty()) channels_.erase(clients);
  order_.erase(visit);
}

}  // namespace parley::actors
