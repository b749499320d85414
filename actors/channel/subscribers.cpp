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
  // It may have stood for nobody: another node can say anything.
  if (member != nullptr && !session.user_id.empty() && session.user_id != member->user_id) {
    roster_.leave(session.user_id, now, now);  // the same socket under another name: the old one leaves at once
    session.user_id.clear();
  }
  if (member != nullptr && session.user_id.empty()) {
    user_came = roster_.join(member);
    session.user_id = member->user_id;
    if (user_came) metrics_.presence_members.add(1);
  }
  session.subscription = subscription;
  listen(session, from.of_hub(), fresh);
  return {fresh, user_came};
}

ChannelSubscribers::Joined ChannelSubscribers::announce(const ReplyTo& from, SubscriptionId subscription,
                                                        const MemberPtr& member, std::uint64_t came) {
  auto [place, fresh] = sessions_.try_emplace(from.session);
  if (!fresh) return {};
  auto& session = place->second;
  session.subscription = subscription;
  bool user_came = false;
  if (member != nullptr) {
    user_came = roster_.announce(member, came);
    session.user_id = member->user_id;
    if (user_came) metrics_.presence_members.add(1);
  }
  listen(session, from.of_hub(), fresh);
  return {fresh, user_came};
}

void ChannelSubscribers::listen(Session& session, const SessionAddress& hub, bool fresh) {
  if (fresh) metrics_.subscriptions.add(1);
  if (!fresh && listeners_[session.listener].hub == hub) return;
  if (!fresh) --listeners_[session.listener].sessions;  // taken up elsewhere, it is there now
  session.listener = place_of(hub);
  ++listeners_[session.listener].sessions;
}

std::uint32_t ChannelSubscribers::place_of(const SessionAddress& hub) {
  auto place = std::find_if(listeners_.begin(), listeners_.end(), [&](const Listener& row) { return row.hub == hub; });
  if (place == listeners_.end()) {
    place = std::find_if(listeners_.begin(), listeners_.end(), [](const Listener& row) { return row.sessions == 0; });
  }
  if (place == listeners_.end()) place = listeners_.emplace(place);
  place->hub = hub;
  return static_cast<std::uint32_t>(place - listeners_.begin());
}

void ChannelSubscribers::leave(SocketId session_id, MonoTime now, milliseconds hold) {
  const auto place = sessions_.find(session_id);
  CHECK(place != sessions_.end());
  const auto session = std::move(place->second);
  sessions_.erase(place);
  metrics_.subscriptions.add(-1);
  --listeners_[session.listener].sessions;
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
  if (sessions_.empty()) return;
  const auto shared = std::make_shared<const ChannelEvent>(std::move(event));
  for (const auto& listener : listeners_) {
    if (listener.sessions > 0) port_.tell(listener.hub, shared);
  }
}

}  // namespace parley::actors
