#pragma once
// The node's actors as one object: starts and ends them, and is the gateway. Hides CAF from server/.
//
// With an executor that has a single thread (a simulation), the actors run on that one too: one message of one
// actor at a time, whichever the node's randomness picks, and their timers by the node's clock.
//
// Life: construct, attach() the hubs, begin() with the shards, submit() from I/O threads, stop() after
// the I/O threads have ended and before the shards go. As the shards' listener it is called on the log
// thread and only hands over.

#include "actors/gateway.h"
#include "cluster/peers.h"
#include "cluster/shard.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/random.h"
#include "core/revocations.h"
#include "core/settings.h"
#include "core/worker.h"

#include <memory>

namespace parley::actors {

class ActorSystem final : public Gateway, public cluster::ShardListener, public cluster::PeerInbox {
 public:
  // `workers`: CAF threads; 0 chooses by the machine. `self`: this process, as answers and events are addressed to it.
  // `executor` outlives this object.
  ActorSystem(std::size_t workers, const Clock& clock, Random& random, Metrics& metrics, SettingsSource& settings,
              Revocations& revocations, NodeAddress self = {}, Executor& executor = threads());
  ~ActorSystem() override;

  SessionAddress attach(std::shared_ptr<HubInbox> inbox) override;
  // Of a node that is not alone; before begin(). `peers` outlives this object.
  void meet(cluster::Peers& peers);
  // Reads what the process before left open. `sender` outlives this object's stop().
  Status begin(cluster::Shards& shards, WebhookSender& sender);
  void submit(std::vector<Request>&& requests) override;
  void reconfigure();  // after SettingsSource::replace
  void stop();

  void on_applied(ShardId shard, cluster::EntryToken entry, std::vector<Effect> effects) override;
  void on_refused(ShardId shard, cluster::EntryToken entry, Error error) override;
  void on_leading(ShardId shard, Term term) override;
  void on_following(ShardId shard, std::optional<cluster::ShardLeader> leader) override;

  void on_peer_request(std::optional<cluster::ShardTerm> at, Request request) override;
  void on_peer_reply(Reply reply) override;
  void on_peer_delivery(const std::vector<HubId>& hubs, const ChannelEventPtr& event) override;
  void on_peer_up(const NodeAddress& peer) override;
  void on_peer_down(const NodeAddress& peer) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::actors
