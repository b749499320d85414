#include "core/revocations.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace parley {
namespace {

std::string until_text(WallTime until) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(until.ms / 1'000)));
}

}  // namespace

Error ban_error(const UserBlocks& blocks) {
  auto text = fmt::format("the user is banned until {}", until_text(blocks.banned_until));
  if (!blocks.ban_reason.empty()) text += ": " + blocks.ban_reason;
  return make_error(Errc::banned, std::move(text));
}

void Revocations::set(const UserKey& user, UserBlocks blocks) {
  const WriteLock lock(mutex_);
  if (blocks.empty()) {
    blocks_.erase(user);
  } else {
    blocks_[user] = std::move(blocks);
  }
  size_.store(blocks_.size(), std::memory_order_release);
}

void Revocations::replace(const std::function<bool(const UserKey&)>& whose,
                          std::vector<std::pair<UserKey, UserBlocks>> blocks) {
  const WriteLock lock(mutex_);
  std::erase_if(blocks_, [&](const auto& row) { return whose(row.first); });
  for (auto& [user, of_user] : blocks) {
    if (!of_user.empty()) blocks_[user] = std::move(of_user);
  }
  size_.store(blocks_.size(), std::memory_order_release);
}

Status Revocations::check_user(const UserKey& user, WallTime now) const {
  if (size_.load(std::memory_order_acquire) == 0) return {};
  const ReadLock lock(mutex_);
  const auto found = blocks_.find(user);
  if (found == blocks_.end() || found->second.banned_until <= now) return {};
  return ban_error(found->second);
}

Status Revocations::check_channel(const UserKey& user, std::string_view channel, WallTime now) const {
  if (size_.load(std::memory_order_acquire) == 0) return {};
  const ReadLock lock(mutex_);
  const auto found = blocks_.find(user);
  if (found == blocks_.end()) return {};
  if (found->second.banned_until > now) return ban_error(found->second);
  for (const auto& block : found->second.channels) {
    if (block.channel == channel && block.until > now) {
      return make_error(Errc::kicked,
                        fmt::format("the user is kept off this channel until {}", until_text(block.until)));
    }
  }
  return {};
}

Status Revocations::check_token(const UserKey& user, WallTime issued_at, WallTime now) const {
  if (auto allowed = check_user(user, now); !allowed) return allowed;
  if (size_.load(std::memory_order_acquire) == 0) return {};
  const ReadLock lock(mutex_);
  const auto found = blocks_.find(user);
  if (found == blocks_.end() || issued_at >= found->second.tokens_since) return {};
  return make_error(Errc::terminated, "the token was issued before the user's tokens were revoked");
}

}  // namespace parley
