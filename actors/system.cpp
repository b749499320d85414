#include "actors/system.h"

#include "actors/actor_context.h"
#include "actors/actor_steps.h"
#include "actors/messages.h"
#include "actors/people/watchlists_actor.h"
#include "actors/refusal.h"
#include "actors/router.h"
#include "actors/shard_actor.h"
#include "actors/webhooks/webhook_actor.h"
#include "core/mutex.h"
#include "core/thread_class.h"
#include "core/thread_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

namespace parley::actors {
namespace {

class NamedThreads final : public caf::thread_hook {
  void init(caf::actor_system&) override {}
  void thread_started() override {
    name_this_thread("parley-actors");
    work_in_batches();
  }
  void thread_terminates() override {}
};

struct Config : caf::actor_system_config {
  Config(std::size_t workers, bool steps) {
    // A shared FIFO: waking thousands of channels at once makes CAF's default (stealing) collapse.
    set("scheduler.policy", steps ? caf::atom("testing") : caf::atom("sharing"));
    set("logger.inline-output", steps);  // else a thread of its own
    set("scheduler.max-threads", workers);
    set("scheduler.max-throughput", std::size_t{50});
    // CAF names none of its threads; the first line of each is here.
    add_thread_hook<NamedThreads>();
  }
};

std::size_t worker_count(std::size_t asked) {
  if (asked > 0) return asked;
  return std::clamp<std::size_t>(std::thread::hardware_concurrency() / 2, 1, 8);
}

std::shared_ptr<ActorStats> make_stats(ActorKind kind, std::string name) {
  auto stats = std::make_shared<ActorStats>();
  stats->kind = kind;
  stats->name = std::move(name);
  return stats;
}

}  // namespace

struct ActorSystem::Impl {
  Impl(std::size_t workers, const Clock& clock, Random& random, Metrics& metrics, SettingsSource& settings,
       Revocations& revocations, NodeAddress self, Executor& executor)
      : config(worker_count(workers), executor.single_thread()),
        context(std::make_shared<ActorContext>(self, clock, random, metrics, settings, revocations)),
        system(config) {
    if (executor.single_thread()) steps.emplace(system, clock, random, executor);
  }

  // Beyond the bound of the line's origin what may be refused is.
  void submit(std::vector<Request>&& requests, CreditLine& line) const;

  Config config;
  std::shared_ptr<ActorContext> context;
  // While begin() has the shards say what is led: on that thread, and what was left open is known before it returns.
  std::atomic<std::thread::id> beginner{};
  Mutex taken_up_mutex;  // a leaf but for the router's mailbox: who follows a shard after all does so in order
  TakenUp taken_up PARLEY_GUARDED_BY(taken_up_mutex);
  std::optional<Error> not_begun;
  caf::actor_system system;  // after the context: its destructor waits for actors that use it
  std::optional<ActorSteps> steps;
  bool stopped = false;
};

ActorSystem::ActorSystem(std::size_t workers, const Clock& clock, Random& random, Metrics& metrics,
                         SettingsSource& settings, Revocations& revocations, NodeAddress self, Executor& executor)
    : impl_(std::make_unique<Impl>(workers, clock, random, metrics, settings, revocations, self, executor)) {}

ActorSystem::~ActorSystem() {
  stop();
  // The handles are a cycle (actor -> context -> actor). The shards, which still told them their last entries and who
  // leads, are gone: cut it.
  auto& context = *impl_->context;
  context.router = nullptr;
  context.watchlists = nullptr;
  context.webhooks = nullptr;
  context.shard_actors.clear();
}

SessionAddress ActorSystem::attach(std::shared_ptr<HubInbox> inbox) {
  auto& hubs = impl_->context->hubs;
  hubs.push_back(std::move(inbox));
  return {HubId{static_cast<std::uint16_t>(hubs.size() - 1)}, {}, impl_->context->self};
}

void ActorSystem::meet(cluster::Peers& peers) { impl_->context->peers = &peers; }

Status ActorSystem::begin(cluster::Shards& shards, WebhookSender& sender) {
  auto& context = *impl_->context;
  auto& system = impl_->system;
  context.shards = &shards;
  context.sender = &sender;
  context.alive_before = std::vector<std::atomic<std::int64_t>>(shards.count());
  context.router_stats = make_stats(ActorKind::router, "router");
  const auto webhooks_stats = make_stats(ActorKind::webhooks, "webhooks");
  context.webhooks = system.spawn<WebhookActor>(impl_->context, webhooks_stats);
  for (std::uint16_t i = 0; i < shards.count(); ++i) {
    context.shard_stats.push_back(make_stats(ActorKind::shard, fmt::format("shard {}", i)));
    context.shard_actors.push_back(system.spawn<ShardActor>(impl_->context, ShardId{i}, context.shard_stats.back()));
  }
  const auto watchlists_stats = make_stats(ActorKind::watchlists, "watchlists");
  context.watchlists = system.spawn<WatchlistsActor>(impl_->context, watchlists_stats);
  context.router = system.spawn<Router>(impl_->context, context.router_stats, watchlists_stats, webhooks_stats);
  impl_->beginner = std::this_thread::get_id();
  shards.begin_leading();
  impl_->beginner = std::thread::id();
  if (impl_->not_begun) return *impl_->not_begun;
  {
    const MutexLock lock(impl_->taken_up_mutex);
    caf::anon_send(context.router, std::exchange(impl_->taken_up, {}));
  }
  // The collector may run after this object is gone: it holds the context, not us.
  context.metrics.on_collect(
      [context = impl_->context, told = std::make_shared<std::array<std::uint64_t, kActorKinds>>()] {
        context->metrics.requests_in_flight.set(static_cast<double>(context->requests_in_flight()));
        context->metrics.peer_requests_waiting.set(static_cast<double>(context->peer_requests_most()));
        for (std::size_t i = 0; i < kActorKinds; ++i) {
          const auto* kind = to_text(static_cast<ActorKind>(i));
          context->metrics.mailbox_messages(kind).set(static_cast<double>(context->kinds[i].mailbox.load()));
          const auto messages = context->kinds[i].messages.load();
          context->metrics.actor_messages(kind).add(static_cast<double>(messages - (*told)[i]));
          (*told)[i] = messages;
        }
      });
  return {};
}

void ActorSystem::submit(std::vector<Request>&& requests) {
  if (!requests.empty()) impl_->submit(std::move(requests), impl_->context->local_requests);
}

void ActorSystem::Impl::submit(std::vector<Request>&& requests, CreditLine& line) const {
  Credit credit(line, static_cast<std::uint32_t>(requests.size()));
  if (line.taken() > context->settings.current()->limits.requests_in_flight_max) {
    const auto overloaded = make_error(Errc::overloaded);
    std::erase_if(requests, [&](const Request& request) {
      if (!may_be_refused(request)) return false;
      context->refuse(request, overloaded);
      credit.split().give_back();
      return true;
    });
    if (requests.empty()) return;
  }
  context->came_in(*context->router_stats);
  caf::anon_send(context->router, Incoming{std::move(requests), std::move(credit)});
}

void ActorSystem::reconfigure() {
  caf::anon_send(impl_->context->router, Reconfigured{impl_->context->settings.current()});
}

void ActorSystem::stop() {
  if (impl_->stopped) return;
  impl_->stopped = true;
  auto& context = *impl_->context;
  if (context.shards == nullptr) return;
  const auto reason = caf::exit_reason::user_shutdown;
  caf::anon_send_exit(context.router, reason);  // takes the channels with it
  caf::anon_send_exit(context.watchlists, reason);
  caf::anon_send_exit(context.webhooks, reason);
  for (const auto& shard : context.shard_actors) caf::anon_send_exit(shard, reason);
  context.catch_up->close();  // who waits there is held there
  if (impl_->steps) impl_->steps->finish();
  impl_->system.await_all_actors_done();
}

void ActorSystem::on_applied(ShardId shard, cluster::EntryToken entry, std::vector<Effect> effects) {
  caf::anon_send(impl_->context->shard_actors.at(shard.value), EntryApplied{entry, std::move(effects)});
}

void ActorSystem::on_refused(ShardId shard, cluster::EntryToken entry, Error error) {
  caf::anon_send(impl_->context->shard_actors.at(shard.value), EntryRefused{entry, std::move(error)});
}

void ActorSystem::on_leading(ShardId shard, Term term) {
  auto& context = *impl_->context;
  const Leading leading{shard, term};
  // First who must not miss what comes of the shard's first entries.
  caf::anon_send(context.webhooks, leading);
  caf::anon_send(context.shard_actors.at(shard.value), leading);
  if (impl_->beginner != std::this_thread::get_id()) return caf::anon_send(context.router, leading);
  {
    const MutexLock lock(impl_->taken_up_mutex);
    impl_->taken_up.shards.push_back({shard, term, {}});  // first: it may be lost while it is read
  }
  auto open = context.shards->unfinished(shard);
  if (!open) {
    impl_->not_begun = open.error();
    return;
  }
  const MutexLock lock(impl_->taken_up_mutex);
  auto& shards = impl_->taken_up.shards;
  const auto place = std::find_if(shards.begin(), shards.end(), [&](const auto& one) { return one.shard == shard; });
  if (place == shards.end()) return;
  context.know(shard, *open);
  place->open = std::move(*open);
}

void ActorSystem::on_following(ShardId shard, std::optional<cluster::ShardLeader> leader) {
  auto& context = *impl_->context;
  const Following following{shard, leader};
  {
    const MutexLock lock(impl_->taken_up_mutex);
    std::erase_if(impl_->taken_up.shards, [&](const auto& one) { return one.shard == shard; });
    caf::anon_send(context.router, following);
  }
  caf::anon_send(context.shard_actors.at(shard.value), following);
  caf::anon_send(context.webhooks, following);
}

// ---- other nodes, on the transport's thread ----

void ActorSystem::on_peer_request(std::optional<cluster::ShardTerm> /*at*/, Request request) {
  auto& line = impl_->context->requests_of(request.from.node.node);
  std::vector<Request> requests;
  requests.push_back(std::move(request));
  impl_->submit(std::move(requests), line);
}

void ActorSystem::on_peer_reply(Reply reply) { impl_->context->reply(std::move(reply)); }

void ActorSystem::on_peer_delivery(const std::vector<HubId>& hubs, const ChannelEventPtr& event) {
  const auto& context = *impl_->context;
  std::vector<bool> told(context.hubs.size());
  for (const auto hub : hubs) {
    if (hub.value < told.size()) {
      if (told[hub.value]) continue;  // a list may name it twice
      told[hub.value] = true;
    }
    context.tell({hub, {}, context.self}, event);
  }
}

void ActorSystem::on_peer_up(const NodeAddress& peer) { caf::anon_send(impl_->context->router, NodeUp{peer}); }

// Behind all that it said. What it has here it says anew if it comes back.
void ActorSystem::on_peer_down(const NodeAddress& peer) { caf::anon_send(impl_->context->router, NodeGone{peer}); }

}  // namespace parley::actors
