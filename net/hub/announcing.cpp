#include "net/hub/announcing.h"

#include <algorithm>
#include <utility>

namespace parley::net {
namespace {

constexpr std::size_t kAnnouncedBytes = 512;         // of one, with its ids and its member's head
constexpr std::size_t kAnnouncedAtOnce = 1'048'576;  // so that each fits into a message to another node
constexpr std::size_t kSessionsAtOnce = 1'000;       // of one slice: a few milliseconds
constexpr auto kAgainAfter = seconds(1);

}  // namespace

void Gathering::ask(const Session& session) {
  asked_ = &session;
  session.announce(*this);
}

void Gathering::announce(ChannelKey channel, Announce::Subscription one) {
  auto& subscriptions = channels_[std::move(channel)];
  subscriptions.push_back(std::move(one));
  bytes_ += kAnnouncedBytes;
  if (const auto& member = subscriptions.back().member) bytes_ += member->user_id.size() + member->user_info.size();
  if (bytes_ >= kAnnouncedAtOnce) send();
}

void Gathering::announce(AnnounceUser user) {
  const ReplyTo from{{hub_.hub, asked_->id(), hub_.node}, 0, asked_->life(), asked_->origin()};
  to_.push_back({.from = from, .what = std::move(user)});
}

void Gathering::send() {
  for (auto& [channel, subscriptions] : std::exchange(channels_, {})) {
    auto told = told_(channel);
    to_.push_back({.from = ReplyTo(hub_), .what = Announce{channel, std::move(subscriptions), told}});
  }
  bytes_ = 0;
}

void Announcing::begin(const LedAnew& led) {
  shard_count_ = led.shard_count;
  next_.insert(led.shards.begin(), led.shards.end());
}

void Announcing::again(const ChannelKey& place, MonoTime now) {
  if (shard_count_ > 0) again_.emplace(shard_of(place, shard_count_), now + kAgainAfter);
}

void Announcing::tick(MonoTime now) {
  std::erase_if(again_, [&](const auto& row) {
    if (row.second > now) return false;
    next_.insert(row.first);
    return true;
  });
}

void Announcing::slice(const Sessions& sessions, const SessionAddress& hub, const Gathering::Told& told,
                       std::vector<Request>& to) {
  if (walk_.empty()) {
    const auto shards = std::exchange(next_, {});
    walked_ = {{shards.begin(), shards.end()}, shard_count_};
    for (const auto& [id, session] : sessions) walk_.push_back(id);
  }
  std::vector<SocketId> asked;
  Gathering gathering(hub, walked_, told, to);
  while (!walk_.empty() && asked.size() < kSessionsAtOnce) {
    const auto id = walk_.back();
    walk_.pop_back();
    const auto session = sessions.find(id);
    if (session == sessions.end()) continue;  // gone meanwhile
    gathering.ask(*session->second);
    asked.push_back(id);
  }
  gathering.send();
  // What they ask for now comes behind what was said of them.
  Reply led{{}, walked_};
  for (const auto id : asked) {
    const auto session = sessions.find(id);
    if (session == sessions.end()) continue;
    led.to = ReplyTo{{hub.hub, id, hub.node}, 0, session->second->life()};
    session->second->on_reply(led);
  }
}

}  // namespace parley::net
