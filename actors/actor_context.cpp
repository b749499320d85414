#include "actors/actor_context.h"

#include "core/check.h"
#include "core/log.h"

namespace parley::actors {

const char* to_text(ActorKind kind) {
  switch (kind) {
    case ActorKind::router: return "router";
    case ActorKind::user_registry: return "user_registry";
    case ActorKind::shard: return "shard";
    case ActorKind::plain: return "plain";
    case ActorKind::user: return "user";
    case ActorKind::domain: return "domain";
    case ActorKind::admin: return "admin";
  }
  return "plain";
}

ActorKind actor_kind(ChannelKind kind) {
  switch (kind) {
    case ChannelKind::user: return ActorKind::user;
    case ChannelKind::domain: return ActorKind::domain;
    case ChannelKind::admin: return ActorKind::admin;
    case ChannelKind::plain: break;
  }
  return ActorKind::plain;
}

void ActorContext::reply(Reply reply) const {
  CHECK(reply.to.hub.value < hubs.size());
  hubs[reply.to.hub.value]->push(std::move(reply));
}

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

void ActorContext::failed(ActorStats& stats, std::string_view what) const {
  log_warn("actor failed at a message", {{"kind", to_text(stats.kind)}, {"actor", stats.name}, {"error", what}});
  const std::lock_guard lock(stats.error_mutex);
  stats.last_error = what;
}

}  // namespace parley::actors
