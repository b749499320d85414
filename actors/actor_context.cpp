#include "actors/actor_context.h"

#include "actors/messages.h"
#include "actors/refusal.h"
#include "core/check.h"
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
  CHECK(reply.to.hub.value < hubs.size());
  hubs[reply.to.hub.value]->push(std::move(reply));
}

void ActorContext::refuse(const Request& request, const Error& error) const {
  // Counted before the answer: who reads the counter upon it finds itself counted.
  if (std::holds_alternative<KeepSession>(request.what)) { metrics.kept_sessions_refused(info(error.code).name).add(); }
  if (auto answer = refusal(request, error)) reply(std::move(*answer));
}

void ActorContext::submit(Request request) {
  requests_in_flight.fetch_add(1, std::memory_order_relaxed);
  Incoming message;
  message.requests.push_back(std::move(request));
  came_in(*router_stats);
  caf::anon_send(router, std::move(message));
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
