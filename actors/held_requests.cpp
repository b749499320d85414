#include "actors/held_requests.h"

#include "core/limits.h"

#include <utility>

namespace parley::actors {
namespace {

constexpr std::size_t kRequestBytes = 512;  // of one, or of one announced subscription, beside its texts

std::size_t size_of(const Member* member) {
  return member == nullptr ? 0 : member->user_id.size() + member->user_info.size();
}
std::size_t size_of(const ConnectionAbout& about) { return about.address.size() + about.client.size(); }
std::size_t size_of(const std::vector<std::string>& texts) {
  std::size_t bytes = 0;
  for (const auto& text : texts) bytes += sizeof text + text.size();
  return bytes;
}

std::size_t size_of(const Announce& what) {
  std::size_t bytes = 0;
  for (const auto& one : what.subscriptions) {
    bytes += kRequestBytes + one.user_id.size() + one.client_id.size() + size_of(one.member.get());
  }
  return bytes;
}
std::size_t size_of(const SignIn& what) {
  return what.user_info.size() + size_of(what.watchlist) + size_of(what.about) +
         (what.domains ? size_of(*what.domains) : 0);
}
std::size_t size_of(const SignOut& what) { return size_of(what.watchlist); }
std::size_t size_of(const JoinedAs& what) { return what.user_info.size() + size_of(what.about); }
std::size_t size_of(const AnnounceUser& what) {
  return what.user_info.size() + size_of(what.channels) + size_of(what.about);
}
std::size_t size_of(const KeepSession& what) { return what.key.size() + what.record.size(); }
template <class Other>
std::size_t size_of(const Other&) {
  return 0;  // names alone
}

bool is_last_word(const Request& request) {
  return std::holds_alternative<KeepSession>(request.what) || std::holds_alternative<DropSession>(request.what);
}

}  // namespace

template <class Which>
void HeldRequests::drop(OfShard& shard, Which&& which) {
  std::erase_if(shard.held, [&](const Held& one) {
    if (!which(one.request)) return false;
    shard.bytes -= one.bytes;
    return true;
  });
}

bool HeldRequests::hold(ShardId shard, Request&& request) {
  auto& of_shard = shards_[shard];
  const auto bytes = kRequestBytes + std::visit([](const auto& what) { return size_of(what); }, request.what);
  if (of_shard.bytes + bytes > kHeldBytesPerShardMax) {
    const auto hub = request.from.of_hub();
    if (!is_last_word(request)) {
      drop(of_shard, [&](const Request& one) { return one.from.of_hub() == hub && !is_last_word(one); });
    }
    return false;
  }
  of_shard.bytes += bytes;
  of_shard.held.push_back({std::move(request), bytes});
  return true;
}

std::vector<Request> HeldRequests::take(ShardId shard) {
  std::vector<Request> taken;
  const auto found = shards_.extract(shard);
  if (found.empty()) return taken;
  taken.reserve(found.mapped().held.size());
  for (auto& one : found.mapped().held) taken.push_back(std::move(one.request));
  return taken;
}

void HeldRequests::node_gone(const NodeAddress& node) {
  for (auto& [shard, held] : shards_) {
    drop(held, [&](const Request& one) { return one.from.node == node && !is_last_word(one); });
  }
}

}  // namespace parley::actors
