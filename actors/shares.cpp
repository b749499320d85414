#include "actors/shares.h"

#include <algorithm>

namespace parley::actors {
namespace {

double left_of(double written, MonoTime from, MonoTime to, std::uint64_t bytes_max, seconds window) {
  const auto elapsed = std::chrono::duration<double>(to - from).count();
  const auto rate = static_cast<double>(bytes_max) / static_cast<double>(std::max<std::int64_t>(window.count(), 1));
  return std::max(written - elapsed * rate, 0.0);
}

}  // namespace

std::optional<Errc> ChannelShares::refuses(Origin origin, bool open, const NodeLimits& limits) const {
  if (all_ >= limits.channels_max) return Errc::over_capacity;
  const auto share = shares_.find(origin.value);
  if (share == shares_.end()) return std::nullopt;
  const auto reached = [](std::size_t count, std::size_t max) { return max > 0 && count >= max; };
  if (reached(share->second.all, limits.channels_per_address_max)) return Errc::too_many_channels;
  if (open && reached(share->second.open, limits.public_channels_per_address_max)) return Errc::too_many_channels;
  return std::nullopt;
}

void ChannelShares::add(Origin origin, bool open) {
  auto& share = shares_[origin.value];
  ++share.all;
  if (open) ++share.open;
  ++all_;
}

void ChannelShares::remove(Origin origin, bool open) {
  const auto share = shares_.find(origin.value);
  if (share == shares_.end()) return;
  --all_;
  if (open) --share->second.open;
  if (--share->second.all == 0) shares_.erase(share);
}

bool WriteShares::take(Origin origin, std::uint64_t bytes, std::uint64_t bytes_max, seconds window, MonoTime now) {
  if (bytes_max == 0) return true;
  if (shares_.size() >= look_at_) forget_idle(bytes_max, window, now);
  auto& share = shares_[origin.value];
  share.written = left_of(share.written, share.at, now, bytes_max, window);
  share.at = now;
  if (share.written + static_cast<double>(bytes) > static_cast<double>(bytes_max)) return false;
  share.written += static_cast<double>(bytes);
  return true;
}

void WriteShares::forget_idle(std::uint64_t bytes_max, seconds window, MonoTime now) {
  std::erase_if(shares_, [&](const auto& row) {
    return left_of(row.second.written, row.second.at, now, bytes_max, window) <= 0;
  });
  look_at_ = std::max<std::size_t>(1'024, 2 * shares_.size());
}

}  // namespace parley::actors
