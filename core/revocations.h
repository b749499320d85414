#pragma once
// Who may not connect or subscribe now: the few users with blocks, in memory, for checks at the edge.
//
// User actors put in what their records say, whoever comes to lead a shard puts in what was stored. Checks cost
// one atomic read while nobody is blocked. Thread-safe; server/ owns the one of a node.

#include "core/mutex.h"
#include "core/result.h"
#include "core/user.h"

#include <atomic>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace parley {

class Revocations {
 public:
  void set(const UserKey& user, UserBlocks blocks);  // empty: forgets the user
  // Those of whom `whose` is true have these blocks from here on, and no others. It is asked under the lock.
  void replace(const std::function<bool(const UserKey&)>& whose, std::vector<std::pair<UserKey, UserBlocks>> blocks);

  // banned: with the time until which.
  [[nodiscard]] Status check_user(const UserKey& user, WallTime now) const;
  // banned or kicked.
  [[nodiscard]] Status check_channel(const UserKey& user, std::string_view channel, WallTime now) const;
  // terminated: the token was issued before the user's tokens were revoked.
  [[nodiscard]] Status check_token(const UserKey& user, WallTime issued_at, WallTime now) const;
  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> size_{0};
  mutable SharedMutex mutex_;  // a leaf
  std::unordered_map<UserKey, UserBlocks> blocks_ PARLEY_GUARDED_BY(mutex_);
};

Error ban_error(const UserBlocks& blocks);

}  // namespace parley
