#include "net/session/context.h"

#include "core/log.h"

namespace parley::net {

SessionContext::SessionContext(const SettingsSource& settings, Metrics& the_metrics, const Revocations& the_revocations)
    : metrics(the_metrics),
      revocations(the_revocations),
      unauthorized_channels(the_metrics.authorizations_refused("channel")),
      unauthorized_users(the_metrics.authorizations_refused("user")),
      unauthorized_requests(the_metrics.authorizations_refused("request")),
      unauthorized_tokens(the_metrics.authorizations_refused("token")),
      limited_client_events(the_metrics.rate_limited("client_events")),
      limited_publishes(the_metrics.rate_limited("publishes")),
      limited_questions(the_metrics.rate_limited("authorization_questions")),
      limited_rosters(the_metrics.rate_limited("rosters")),
      recovered(the_metrics.recoveries("recovered")),
      settings_(settings) {}

std::optional<ConnectionSlot> SessionContext::take_slot(const App& app) {
  std::atomic<std::size_t>* count = nullptr;
  {
    const MutexLock lock(mutex_);
    auto& entry = counts_[app.id];
    if (entry == nullptr) entry = std::make_unique<std::atomic<std::size_t>>(0);
    count = entry.get();
  }
  const auto before = count->fetch_add(1);
  ConnectionSlot slot(*count);
  if (app.limits.connections_max != 0 && before >= app.limits.connections_max) return std::nullopt;
  return slot;
}

std::size_t SessionContext::connections(std::string_view app_id) const {
  const MutexLock lock(mutex_);
  const auto found = counts_.find(app_id);
  return found == counts_.end() ? 0 : found->second->load();
}

void SessionContext::not_recovered(std::string_view app, std::string_view why) const {
  metrics.recoveries(why).add();
  log_debug("a session is not recovered", {{"app", app}, {"why", why}});
}

}  // namespace parley::net
