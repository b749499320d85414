#pragma once
// What all actors of a node share: the world they were given, the doors out, and counters of their
// mailboxes. Outlives every actor; set up before the first one runs and then constant, but for the
// atomics.

#include "actors/channel.h"
#include "actors/gateway.h"
#include "cluster/shard.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/random.h"
#include "core/settings.h"

#include <caf/all.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace parley::actors {

enum class ActorKind : std::uint8_t { router, user_registry, shard, plain, user, domain, admin };
inline constexpr std::size_t kActorKinds = 7;
const char* to_text(ActorKind kind);
ActorKind actor_kind(ChannelKind kind);

// One actor's counters. The sender counts into the mailbox, the receiver out of it.
struct ActorStats {
  ActorKind kind = ActorKind::plain;
  std::string name;
  std::atomic<std::uint64_t> mailbox{0};
  std::atomic<std::uint64_t> messages{0};
  std::mutex error_mutex;  // guards last_error; leaf
  std::string last_error;
};

struct KindStats {
  std::atomic<std::int64_t> mailbox{0};
  std::atomic<std::uint64_t> messages{0};
};

struct ActorContext {
  ActorContext(const Clock& clock_in, Random& random_in, Metrics& metrics_in, SettingsSource& settings_in)
      : clock(clock_in), random(random_in), metrics(metrics_in), settings(settings_in), channel_metrics(metrics_in) {}

  const Clock& clock;
  Random& random;
  Metrics& metrics;
  SettingsSource& settings;
  ChannelMetrics channel_metrics;
  cluster::Shards* shards = nullptr;  // set by begin(); outlives the actors
  std::vector<std::shared_ptr<HubInbox>> hubs;  // by HubId; complete before the first request
  caf::actor router;
  caf::actor users;
  std::vector<caf::actor> shard_actors;  // by ShardId
  std::vector<std::shared_ptr<ActorStats>> shard_stats;
  std::array<KindStats, kActorKinds> kinds;
  std::atomic<std::uint64_t> requests_in_flight{0};

  void reply(Reply reply) const;
  void came_in(ActorStats& stats);   // by the sender, before it sends
  void taken_out(ActorStats& stats); // by the receiver, when it handles
  void failed(ActorStats& stats, std::string_view what) const;
};

}  // namespace parley::actors
