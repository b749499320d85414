#include "actors/channel/subscribers.h"

#include "core/check.h"

#include <algorithm>

namespace parley::actors {

ChannelSubscribers::~ChannelSubscribers() {
  metrics_.subscriptions.add(-static_cast<double>(sessions_.size()));
  metrics_.presence_members.add(-static_cast<double>(roster_.size()));
}

ChannelSubscribers::Joined ChannelSubscribers::join(const ReplyTo& from, SubscriptionId subscription,
                                                    const MemberPtr& member, MonoTime now) {
  auto [place, fresh] = sessions_.try_emplace(from.session);
  auto& session = place->second;
  bool user_came = false;
  if (!fresh && member != nullptr && session.user_id != member->user_id) {
    roster_.leave(session.user_id, now, now);  // the same socket under another name: the old one leaves at once
    session.user_id.clear();
  }
  if (member != nullptr && session.user_id.empty()) {
    user_came = roster_.join(member);
    session.user_id = member->user_id;
    if (user_came) metrics_.presence_members.add(1);
  }
  session.subscription = subscription;
  session.hub = from.hub;
  if (fresh) {
    metrics_.subscriptions.add(1);
    const auto hub =
        std::find_if(listeners_.begin(), listeners_.end(), [&](auto& row) { return row.first == from.hub; });
    if (hub == listeners_.end()) {
      listeners_.emplace_back(from.hub, 1);
    } else {
      ++hub->second;
    }
  }
  return {fresh, user_came};
}

void ChannelSubscribers::leave(SocketId session_id, MonoTime now, milliseconds hold) {
  const auto place = sessions_.find(session_id);
  CHECK(place != sessions_.end());
  const auto session = std::move(place->second);
  sessions_.erase(place);
  metrics_.subscriptions.add(-1);
  const auto hub =
      std::find_if(listeners_.begin(), listeners_.end(), [&](auto& row) { return row.first == session.hub; });
  CHECK(hub != listeners_.end());
  if (--hub->second == 0) listeners_.erase(hub);
  if (!session.user_id.empty()) roster_.leave(session.user_id, now, now + hold);
}

std::vector<RosterBook::Gone> ChannelSubscribers::expire(MonoTime now) {
  auto gone = roster_.expire(now);
  metrics_.presence_members.add(-static_cast<double>(gone.size()));
  return gone;
}

bool ChannelSubscribers::joined(SocketId session, SubscriptionId subscription) const {
  const auto place = sessions_.find(session);
  return place != sessions_.end() && place->second.subscription == subscription;
}

void ChannelSubscribers::tell(ChannelEvent event) const {
  if (listeners_.empty()) return;
  const auto shared = std::make_shared<const ChannelEvent>(std::move(event));
  for (const auto& [hub, count] : listeners_) port_.tell(hub, shared);
}

}  // namespace parley::actors
