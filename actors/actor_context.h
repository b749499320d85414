#pragma once
// What all actors of a node share: the world they were given, the doors out, and counters of their
// mailboxes. Outlives every actor; set up before the first one runs and then constant, but for the
// atomics.

#include "actors/channel/channel.h"
#include "actors/channel/visit_memory.h"
#include "actors/credit.h"
#include "actors/gateway.h"
#include "actors/people/user.h"
#include "cluster/peers.h"
#include "cluster/shard.h"
#include "core/byte_budget.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "core/random.h"
#include "core/revocations.h"
#include "core/settings.h"

#include <caf/all.hpp>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace parley::actors {

// plain, user, domain and admin are channels; user_status is a user.
enum class ActorKind : std::uint8_t { router, watchlists, webhooks, shard, user_status, plain, user, domain, admin };
inline constexpr std::size_t kActorKinds = 9;
const char* to_text(ActorKind kind);
ActorKind actor_kind(ChannelKind kind);

// One actor's counters. The sender counts into the mailbox, the receiver out of it.
struct ActorStats {
  ActorKind kind = ActorKind::plain;
  std::string name;
  std::atomic<std::uint64_t> mailbox{0};
  std::atomic<std::uint64_t> messages{0};
  Mutex error_mutex;  // a leaf
  std::string last_error PARLEY_GUARDED_BY(error_mutex);
};

struct KindStats {
  std::atomic<std::int64_t> mailbox{0};
  std::atomic<std::uint64_t> messages{0};
};

struct ActorContext {
  ActorContext(NodeAddress self_in, const Clock& clock_in, Random& random_in, Metrics& metrics_in,
               SettingsSource& settings_in, Revocations& revocations_in)
      : self(self_in),
        clock(clock_in),
        random(random_in),
        metrics(metrics_in),
        settings(settings_in),
        revocations(revocations_in),
        catch_up(std::make_shared<ByteBudget>(metrics_in.catch_up_bytes, metrics_in.catch_up_waiting)),
        channel_metrics(metrics_in),
        user_metrics(metrics_in) {}

  const NodeAddress self;
  const Clock& clock;
  Random& random;
  Metrics& metrics;
  SettingsSource& settings;
  Revocations& revocations;
  VisitMemory visits;
  std::shared_ptr<ByteBudget> catch_up;  // of missed publications on their way; outlives those who hold some
  ChannelMetrics channel_metrics;
  UserMetrics user_metrics;
  cluster::Shards* shards = nullptr;            // set by begin(); outlives the actors
  cluster::Peers* peers = nullptr;              // null: the node is alone. Set before begin(); outlives the actors
  std::vector<std::shared_ptr<HubInbox>> hubs;  // by HubId; complete before the first request
  caf::actor router;
  caf::actor watchlists;
  caf::actor webhooks;
  WebhookSender* sender = nullptr;       // outlives the actors
  std::vector<caf::actor> shard_actors;  // by ShardId
  std::vector<std::shared_ptr<ActorStats>> shard_stats;
  // By ShardId, in milliseconds: until when whoever led the shard before this node did was surely there. 0: nobody did.
  std::vector<std::atomic<std::int64_t>> alive_before;
  std::shared_ptr<ActorStats> router_stats;
  std::array<KindStats, kActorKinds> kinds;
  CreditLine local_requests;  // of this node's hubs and actors

  void reply(Reply reply) const;
  void tell(const SessionAddress& to, const ChannelEventPtr& event) const;                             // to a hub
  void tell(const NodeAddress& node, std::vector<HubId> to_hubs, const ChannelEventPtr& event) const;  // another node's
  void refuse(const Request& request, const Error& error) const;  // answers what has an answer, counts
  void submit(Request request);                                   // an actor asks, as if it were a client
  // This node leads the shard from now on: what must be known of it before the first request.
  void know(ShardId shard, const cluster::Unfinished& open);
  [[nodiscard]] std::string notice_id();
  void came_in(ActorStats& stats);                    // by the sender, before it sends
  void taken_out(ActorStats& stats);                  // by the receiver, when it handles
  void taken_out(ActorStats& stats, Credit& credit);  // a request: it counts as handled before it is answered
  CreditLine& requests_of(NodeId peer);
  [[nodiscard]] std::uint64_t requests_in_flight() const;  // of all
  [[nodiscard]] std::uint64_t peer_requests_most() const;  // of the node that has most
  void failed(ActorStats& stats, std::string_view what) const;
  caf::error failed_by(ActorStats& stats, std::exception_ptr& failure) const;  // for exception handlers: goes on

 private:
  mutable Mutex peers_mutex_;  // a leaf
  std::map<NodeId, CreditLine> peer_requests_
      PARLEY_GUARDED_BY(peers_mutex_);  // of each node that ever asked: lines outlive their credits

  // Null: the address is nobody's, another node's, or stale (another process's, a hub that there is not): counted.
  [[nodiscard]] HubInbox* hub_at(const SessionAddress& to) const;
  [[nodiscard]] bool elsewhere(const SessionAddress& to) const {
    return peers != nullptr && to.node.exists() && to.node.node != self.node;
  }
};

}  // namespace parley::actors
