#pragma once
// Who listens to a channel on this node: sessions, the hubs that must be told, and the members that the
// sessions stand for. A plain value owned by its Channel.

#include "actors/channel/cursors.h"
#include "actors/channel/metrics.h"
#include "actors/channel/port.h"
#include "actors/channel/roster.h"

#include <unordered_map>
#include <utility>
#include <vector>

namespace parley::actors {

class ChannelSubscribers {
 public:
  ChannelSubscribers(const ChannelMetrics& metrics, ChannelPort& port) : metrics_(metrics), port_(port) {}
  ~ChannelSubscribers();
  ChannelSubscribers(const ChannelSubscribers&) = delete;
  ChannelSubscribers& operator=(const ChannelSubscribers&) = delete;

  struct Joined {
    bool fresh = false;      // the session did not listen before
    bool user_came = false;  // the member was not there before
  };
  // `member`: none where the channel has none.
  Joined join(const ReplyTo& from, SubscriptionId subscription, const MemberPtr& member, MonoTime now);
  // A session that the leader before knew. Known here already, it is as it is.
  Joined announce(const ReplyTo& from, SubscriptionId subscription, const MemberPtr& member, std::uint64_t came);
  // Under which client id the session is counted in ChannelCursors: 0, none. Gives back the one before.
  ClientHash count_as(SocketId session, ClientHash client);
  // The member, if the session stood for one, stays for the hold unless another session is or comes. Gives back as
  // which client the session was counted.
  ClientHash leave(SocketId session, MonoTime now, milliseconds hold);
  // All sessions of a node's process: as leave() each. How many there were, and as which clients they were counted.
  struct Left {
    std::size_t sessions = 0;
    std::vector<ClientHash> clients;
  };
  Left leave(const NodeAddress& node, MonoTime now, milliseconds hold);
  // Members whose hold ended.
  std::vector<RosterBook::Gone> expire(MonoTime now);
  [[nodiscard]] std::optional<MonoTime> deadline() const { return roster_.deadline(); }

  // As the hub says that asks: a session that was taken up elsewhere is there, and nobody else speaks for it any more.
  [[nodiscard]] bool joined(const ReplyTo& from, SubscriptionId subscription) const;
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }
  [[nodiscard]] bool empty() const { return sessions_.empty() && roster_.size() == 0; }
  [[nodiscard]] std::vector<SessionAddress> hubs() const;  // with listeners
  [[nodiscard]] const RosterBook& roster() const { return roster_; }

  void tell(ChannelEvent event) const;  // once to each hub here with listeners, and to each other node

 private:
  struct Session {
    SubscriptionId subscription;
    std::uint32_t listener = 0;  // its hub's place
    ClientHash client = 0;
    std::string user_id;  // presence channels
  };
  using Sessions = std::unordered_map<SocketId, Session>;
  Sessions::iterator drop(Sessions::iterator place, MonoTime now, milliseconds hold);

  const ChannelMetrics& metrics_;
  ChannelPort& port_;
  Sessions sessions_;
  struct Listener {
    SessionAddress hub;
    std::uint64_t sessions = 0;  // 0: the place is free
  };
  std::uint32_t place_of(const SessionAddress& hub);
  void listen(Session& session, const SessionAddress& hub, bool fresh);

  std::vector<Listener> listeners_;  // hubs with sessions here; a few, and places keep their number
  RosterBook roster_;
};

}  // namespace parley::actors
