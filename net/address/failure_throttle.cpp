#include "net/address/failure_throttle.h"

#include "net/address/address.h"

#include <algorithm>

namespace parley::net {

FailureThrottle::Key FailureThrottle::key_of(std::string_view text) {
  const auto address = Address::parse(text);
  if (!address) return {};  // those that cannot be told apart count as one
  auto key = address->bytes;
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (!std::equal(kMapped.begin(), kMapped.end(), key.begin())) std::fill(key.begin() + 8, key.end(), std::uint8_t{0});
  return key;
}

bool FailureThrottle::refuses(std::string_view address, MonoTime now) {
  const MutexLock lock(mutex_);
  const auto place = places_.find(key_of(address));
  return place != places_.end() && now < place->second->refused_until;
}

void FailureThrottle::failed(std::string_view address, MonoTime now) {
  const auto key = key_of(address);
  const MutexLock lock(mutex_);
  auto place = places_.find(key);
  if (place == places_.end()) {
    if (entries_.size() >= bounds_.addresses_max) {
      places_.erase(entries_.back().key);
      entries_.pop_back();
    }
    entries_.push_front({.key = key, .failures = 0, .began = now, .refused_until = {}});
    place = places_.emplace(key, entries_.begin()).first;
  } else {
    entries_.splice(entries_.begin(), entries_, place->second);
  }
  auto& entry = *place->second;
  if (now - entry.began >= bounds_.window) {
    entry.began = now;
    entry.failures = 0;
  }
  if (++entry.failures < bounds_.failures_max) return;
  entry.refused_until = now + bounds_.penalty;
  entry.failures = 0;
  entry.began = entry.refused_until;
}

std::size_t FailureThrottle::size() const {
  const MutexLock lock(mutex_);
  return entries_.size();
}

}  // namespace parley::net
