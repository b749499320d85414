#include "actors/channel/subscribers.h"

#include "core/check.h"

#include <algorithm>
#include <utility>

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

ClientHash ChannelSubscribers::count_as(SocketId session, ClientHash client) {
  return std::exchange(sessions_.at(session).client, client);
}

ClientHash ChannelSubscribers::leave(SocketId session, MonoTime now, milliseconds hold) {
  const auto place = sessions_.find(session);
  CHECK(place != sessions_.end());
  const auto client = place->second.client;
  drop(place, now, hold);
  return client;
}

ChannelSubscribers::Left ChannelSubscribers::leave(const NodeAddress& node, MonoTime now, milliseconds hold) {
  Left left;
  const bool any = std::any_of(listeners_.begin(), listeners_.end(),
                               [&](const Listener& row) { return row.sessions > 0 && row.hub.node == node; });
  if (!any) return left;
  for (auto place = sessions_.begin(); place != sessions_.end();) {
    const auto& session = place->second;
    if (listeners_[session.listener].hub.node != node) {
      ++place;
      continue;
    }
    ++left.sessions;
    if (session.client != 0) left.clients.push_back(session.client);
    place = drop(place, now, hold);
  }
  return left;
}

ChannelSubscribers::Sessions::iterator ChannelSubscribers::drop(Sessions::iterator place, MonoTime now,
                                                                milliseconds hold) {
  const auto session = std::move(place->second);
  metrics_.subscriptions.add(-1);
  --listeners_[session.listener].sessions;
  if (!session.user_id.empty()) roster_.leave(session.user_id, now, now + hold);
  return sessions_.erase(place);
}

std::vector<RosterBook::Gone> ChannelSubscribers::expire(MonoTime now) {
  auto gone = roster_.expire(now);
  metrics_.presence_members.add(-static_cast<double>(gone.size()));
  return gone;
}

bool ChannelSubscribers::joined(const ReplyTo& from, SubscriptionId subscription) const {
  const auto place = sessions_.find(from.session);
  return place != sessions_.end() && place->second.subscription == subscription &&
         listeners_[place->second.listener].hub == from.of_hub();
}

std::vector<SessionAddress> ChannelSubscribers::hubs() const {
  std::vector<SessionAddress> hubs;
  for (const auto& listener : listeners_) {
    if (listener.sessions > 0) hubs.push_back(listener.hub);
  }
  return hubs;
}

void ChannelSubscribers::tell(ChannelEvent event) const {
  if (sessions_.empty()) return;
  const auto shared = std::make_shared<const ChannelEvent>(std::move(event));
  const auto here = port_.here();
  for (auto listener = listeners_.begin(); listener != listeners_.end(); ++listener) {
    if (listener->sessions == 0) continue;
    const auto& node = listener->hub.node;
    if (node == here) {
      port_.tell(listener->hub, shared);
      continue;
    }
    const auto of_node = [&](const Listener& other) { return other.sessions > 0 && other.hub.node == node; };
    if (std::any_of(listeners_.begin(), listener, of_node)) continue;  // told with that one
    std::vector<HubId> hubs;
    for (auto other = listener; other != listeners_.end(); ++other) {
      if (of_node(*other)) hubs.push_back(other->hub.hub);
    }
    port_.tell(node, std::move(hubs), shared);
  }
}

}  // namespace parley::actors
