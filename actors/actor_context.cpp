#include "actors/actor_context.h"

#include "actors/messages.h"
#include "actors/refusal.h"
#include "core/log.h"

#include <fmt/format.h>

namespace parley::actors {

const char* to_text(ActorKind kind) {
  switch (kind) {
    case ActorKind::router:
      return "router";
    case ActorKind::watchlists:
      return "watchlists";
    case ActorKind::webhooks:
      return "webhooks";
    case ActorKind::shard:
      return "shard";
    case ActorKind::user_status:
      return "user_status";
    case ActorKind::plain:
      return "plain";
    case ActorKind::user:
      return "user";
    case ActorKind::domain:
      return "domain";
    case ActorKind::admin:
      return "admin";
  }
  return "plain";
}

ActorKind actor_kind(ChannelKind kind) {
  switch (kind) {
    case ChannelKind::user:
      return ActorKind::user;
    case ChannelKind::domain:
      return ActorKind::domain;
    case ChannelKind::admin:
      return ActorKind::admin;
    case ChannelKind::plain:
      break;
  }
  return ActorKind::plain;
}

void ActorContext::reply(Reply reply) const {
  if (auto* hub = hub_at(reply.to)) return hub->push(std::move(reply));
  if (elsewhere(reply.to)) (void)peers->answer(std::move(reply));  // what does not leave is counted there
}

void ActorContext::tell(const SessionAddress& to, const ChannelEventPtr& event) const {
  if (auto* hub = hub_at(to)) return hub->push(event);
  if (elsewhere(to)) (void)peers->tell(to.node, {to.hub}, event);
}

void ActorContext::tell(const NodeAddress& node, std::vector<HubId> to_hubs, const ChannelEventPtr& event) const {
  if (elsewhere({{}, {}, node})) {
    (void)peers->tell(node, std::move(to_hubs), event);
  } else if (node.exists()) {
    metrics.stale_replies.add(static_cast<double>(to_hubs.size()));
  }
}

HubInbox* ActorContext::hub_at(const SessionAddress& to) const {
  if (to.node == self && to.hub.value < hubs.size()) return hubs[to.hub.value].get();
  if (to.node.exists() && !elsewhere(to)) metrics.stale_replies.add();
  return nullptr;
}

void ActorContext::refuse(const Request& request, const Error& error) const {
  // Counted before the answer: who reads the counter upon it finds itself counted.
  if (std::holds_alternative<KeepSession>(request.what)) { metrics.kept_sessions_refused(info(error.code).name).add(); }
  if (auto answer = refusal(request, error)) reply(std::move(*answer));
}

void ActorContext::submit(Request request) {
  Incoming message{{}, Credit(local_requests, 1)};
  message.requests.push_back(std::move(request));
  came_in(*router_stats);
  caf::anon_send(router, std::move(message));
}

void ActorContext::know(ShardId shard, const cluster::Unfinished& open) {
  alive_before[shard.value] = open.alive.ms;
  // Whoever led before knew visitors that we do not.
  if (open.alive.ms > 0) visits.unsure_until(open.alive + settings.current()->limits.cursor_lifetime);
  // What another leader took back meanwhile is not there any more.
  std::vector<std::pair<UserKey, UserBlocks>> blocks;
  for (const auto& [user, record] : open.users) blocks.emplace_back(user, record.blocks);
  const auto count = shards->count();
  revocations.replace([&](const UserKey& user) { return shard_of(user_place(user), count) == shard; },
                      std::move(blocks));
}

std::string ActorContext::notice_id() { return fmt::format("{:016x}{:016x}", random.next(), random.next()); }

void ActorContext::came_in(ActorStats& stats) {
  stats.mailbox.fetch_add(1, std::memory_order_relaxed);
  kinds[static_cast<std::size_t>(stats.kind)].mailbox.fetch_add(1, std::memory_order_relaxed);
}

void ActorContext::taken_out(ActorStats& stats) {
  stats.mailbox.fetch_sub(1, std::memory_order_relaxed);
  stats.messages.fetch_add(1, std::memory_order_relaxed);
  auto& kind = kinds[static_cast<std::size_t>(stats.kind)];
  kind.mailbox.fetch_sub(1, std::memory_order_relaxed);
  kind.messages.fetch_add(1, std::memory_order_relaxed);
}

void ActorContext::taken_out(ActorStats& stats, Credit& credit) {
  taken_out(stats);
  credit.give_back();
}

CreditLine& ActorContext::requests_of(NodeId peer) {
  const MutexLock lock(peers_mutex_);
  return peer_requests_[peer];
}

std::uint64_t ActorContext::requests_in_flight() const {
  auto count = local_requests.taken();
  const MutexLock lock(peers_mutex_);
  for (const auto& [peer, line] : peer_requests_) count += line.taken();
  return count;
}

std::uint64_t ActorContext::peer_requests_most() const {
  std::uint64_t most = 0;
  const MutexLock lock(peers_mutex_);
  for (const auto& [peer, line] : peer_requests_) most = std::max(most, line.taken());
  return most;
}

caf::error ActorContext::failed_by(ActorStats& stats, std::exception_ptr& failure) const {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) { failed(stats, error.what()); } catch (...) {
    failed(stats, "unknown exception");
  }
  return {};
}

void ActorContext::failed(ActorStats& stats, std::string_view what) const {
  log_warn("actor failed at a message", {{"kind", to_text(stats.kind)}, {"actor", stats.name}, {"error", what}});
  const MutexLock lock(stats.error_mutex);
  stats.last_error = what;
}

}  // namespace parley::actors
