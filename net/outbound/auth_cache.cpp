#include "net/outbound/auth_cache.h"

namespace parley::net {

void AuthCache::bound(std::size_t entries_max) {
  entries_max_ = entries_max;
  while (entries_.size() > entries_max_) erase(entries_.find(ages_.front()));
}

AuthCache::Generation AuthCache::generation(std::string_view app) const {
  const auto found = generations_.find(app);
  return found == generations_.end() ? 0 : found->second;
}

const AuthDecision* AuthCache::find(std::string_view app, const std::string& key, MonoTime now) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  if (found->second.until > now && found->second.generation == generation(app)) return &found->second.decision;
  erase(found);
  return nullptr;
}

void AuthCache::keep(std::string_view app, const std::string& key, AuthDecision decision, Generation asked,
                     MonoTime now, MonoTime until) {
  if (entries_max_ == 0 || until <= now || asked != generation(app)) return;
  if (const auto old = entries_.find(key); old != entries_.end()) erase(old);
  while (!ages_.empty()) {
    const auto oldest = entries_.find(ages_.front());
    if (entries_.size() < entries_max_ && oldest->second.until > now) break;
    erase(oldest);
  }
  const auto age = ages_.insert(ages_.end(), key);
  entries_.emplace(key, Entry{std::move(decision), asked, until, age});
}

void AuthCache::forget(std::string_view app) { ++generations_[std::string(app)]; }

void AuthCache::erase(Entries::iterator at) {
  ages_.erase(at->second.age);
  entries_.erase(at);
}

}  // namespace parley::net
