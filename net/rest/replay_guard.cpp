#include "net/rest/replay_guard.h"

#include <charconv>
#include <functional>

namespace parley::net {

std::size_t ReplayGuard::KeyHash::operator()(const KeyName& name) const noexcept {
  std::size_t sum = 0;
  for (const std::string_view part :
       {std::string_view(name.app), name.scope, std::string_view(name.key), std::string_view(name.channel)}) {
    sum = sum * 31 + std::hash<std::string_view>{}(part);
  }
  return sum;
}

ReplayGuard::Digest ReplayGuard::digest(std::string_view signature_hex) {
  Digest out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto part = signature_hex.substr(std::min(i * 16, signature_hex.size()), 16);
    std::from_chars(part.data(), part.data() + part.size(), out[i], 16);
  }
  return out;
}

ReplayGuard::Verdict ReplayGuard::take(std::string_view signature_hex, std::int64_t timestamp_seconds, WallTime now,
                                       Bounds bounds) {
  const MutexLock lock(mutex_);
  // What is out of the window is refused by its timestamp before it comes here.
  const auto oldest = now.ms / 1'000 - bounds.window.count();
  while (!seconds_.empty() && seconds_.begin()->first < oldest) {
    count_ -= seconds_.begin()->second.size();
    seconds_.erase(seconds_.begin());
  }
  if (timestamp_seconds <= forgotten_until_) return Verdict::too_old;
  const auto [use, added] = seconds_[timestamp_seconds].try_emplace(digest(signature_hex), Use{now, 1});
  if (!added) {
    const auto age = milliseconds(now.ms - use->second.first.ms);
    if (age >= bounds.repeat || age <= -bounds.repeat) return Verdict::seen;  // the clock may have jumped back
    ++use->second.count;
    return Verdict::again;
  }
  ++count_;
  while (count_ > bounds.signatures_max && seconds_.size() > 1) {
    forgotten_until_ = seconds_.begin()->first;
    count_ -= seconds_.begin()->second.size();
    seconds_.erase(seconds_.begin());
  }
  if (count_ > bounds.signatures_max) {  // all of one second: refuse the newcomer rather than grow
    seconds_.begin()->second.erase(digest(signature_hex));
    --count_;
    return Verdict::too_old;
  }
  return timestamp_seconds <= forgotten_until_ ? Verdict::too_old : Verdict::fresh;
}

void ReplayGuard::forget(std::string_view signature_hex, std::int64_t timestamp_seconds) {
  const MutexLock lock(mutex_);
  const auto second = seconds_.find(timestamp_seconds);
  if (second == seconds_.end()) return;
  const auto use = second->second.find(digest(signature_hex));
  if (use != second->second.end() && --use->second.count == 0) {
    second->second.erase(use);
    --count_;
  }
  if (second->second.empty()) seconds_.erase(second);
}

bool ReplayGuard::take_key(const KeyName& key, WallTime now, Bounds bounds) {
  const MutexLock lock(mutex_);
  while (!key_order_.empty()) {
    const auto& [number, name] = key_order_.front();
    const auto found = keys_.find(name);
    const bool current = found != keys_.end() && found->second.number == number;
    if (current && keys_.size() < bounds.signatures_max && found->second.time >= now - bounds.window) break;
    if (current) keys_.erase(found);
    key_order_.pop_front();
  }
  const auto [at, added] = keys_.try_emplace(key, Key{now, next_key_});
  if (!added) return false;
  key_order_.emplace_back(next_key_++, key);
  return true;
}

void ReplayGuard::forget_key(const KeyName& key) {
  const MutexLock lock(mutex_);
  keys_.erase(key);
}

bool ReplayGuard::knows_key(const KeyName& key, WallTime now, Bounds bounds) const {
  const MutexLock lock(mutex_);
  const auto found = keys_.find(key);
  return found != keys_.end() && found->second.time >= now - bounds.window;
}

std::size_t ReplayGuard::size() const {
  const MutexLock lock(mutex_);
  return count_;
}

}  // namespace parley::net
