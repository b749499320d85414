#pragma once
// One node's process: the real rules in shells that play the actors and threads around them. Router,
// channel, shard and users shells do what actors/*_actor.cpp and actors/router.cpp do; each message
// between two of them is late by chance, and in order. A crash is the end of this object.

#include "actors/channel/channel.h"
#include "actors/one_tick.h"
#include "actors/people/watchlists.h"
#include "net/session/context.h"
#include "net/websocket/session_factory.h"
#include "tests/sim/hub.h"
#include "tests/sim/shards.h"

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

namespace parley::sim {

// What the world gets to see of a node's inside; for the checkers.
class NodeWatch {
 public:
  virtual ~NodeWatch() = default;
  virtual void channel_handles(const Request& request) = 0;
  virtual void channel_answers(const Reply& reply) = 0;
  virtual void member_removed(const ChannelKey& channel, const std::string& user_id) = 0;
};

class Node final : public cluster::ShardListener, private actors::WatchlistPort {
 public:
  // `alive` expires with the process.
  Node(Scheduler& scheduler, const Plan& plan, Disk& disk, const SettingsSource& settings, NodeWatch& watch,
       Scheduler::Owner alive);
  ~Node() override;
  Status start();
  // Another process ran before: it may have known visitors of channels that were not published on.
  void comes_after_another() { visits_.unsure_until(scheduler_.wall() + kCursorLifetime); }

  void accept(const std::shared_ptr<Connection>& connection, std::string_view path);
  // A publish over the HTTP API; the answer comes to `answered`, or never.
  void publish(Publish publish, std::function<void(Reply&)> answered);

 private:
  friend class ChannelShell;
  struct Awake {
    std::shared_ptr<class ChannelShell> shell;
    Lane lane;  // all that the router sends it, in order
    std::uint64_t sent = 0;
  };
  struct Origin {
    std::weak_ptr<ChannelShell> channel;
    CommandToken token = 0;
  };
  struct Proposal {
    Origin origin;
    Command command;
    actors::WaitForDisk wait;
  };
  struct ShardShell {
    std::deque<Proposal> waiting;
    std::unordered_map<cluster::EntryToken, std::vector<Origin>> in_flight;
    cluster::EntryToken next_entry = 1;
    Lane from_log;
    Lane to_log;
    Lane to_router;
  };

  void on_applied(ShardId shard, cluster::EntryToken entry, std::vector<Effect> effects) override;
  void on_refused(ShardId shard, cluster::EntryToken entry, Error error) override;
  void reply(Reply reply) override;  // of the users

  void route(Request request);
  void to_channel(const ChannelKey& channel, Request request);
  void to_users(const Request& request);
  void untold(Effect effect);
  void may_sleep(const ChannelKey& channel, std::uint64_t handled);
  void propose(ShardId shard, Proposal proposal);
  void propose_waiting(ShardId shard);
  void push(Lane& lane, HubId hub, actors::HubMessage message);
  void schedule_users();
  nanoseconds hop();

  Scheduler& scheduler_;
  const Plan& plan_;
  const SettingsSource& settings_;
  NodeWatch& watch_;
  Scheduler::Owner alive_;
  Metrics metrics_;
  actors::ChannelMetrics channel_metrics_{metrics_};
  actors::VisitMemory visits_;
  Revocations revocations_;
  net::SessionContext pusher_{settings_, metrics_, revocations_};
  std::shared_ptr<net::SessionFactory> factory_;
  std::vector<std::unique_ptr<Hub>> hubs_;
  std::vector<std::unique_ptr<Lane>> to_router_;
  std::unordered_map<ChannelKey, Awake> channels_;
  Lane to_users_;
  std::vector<Lane> from_users_;
  actors::Watchlists users_{*this};
  actors::OneTick users_tick_;
  Shards shards_;
  std::vector<ShardShell> shard_shells_;
  std::unordered_map<std::uint64_t, std::function<void(Reply&)>> tickets_;
  std::uint64_t last_ticket_ = 0;
};

}  // namespace parley::sim
