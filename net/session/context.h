#pragma once
// What all sessions and the HTTP API of a node share: the settings in force, metric handles and
// how many connections each application has. Thread-safe; server/ owns the one, it outlives them all.

#include "core/metrics.h"
#include "core/mutex.h"
#include "core/revocations.h"
#include "core/settings.h"
#include "net/auth/token.h"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parley::net {

// One counted connection of an application; gives its place back when it goes.
class ConnectionSlot {
 public:
  ConnectionSlot() = default;
  explicit ConnectionSlot(std::atomic<std::size_t>& count) : count_(&count) {}
  ConnectionSlot(ConnectionSlot&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  ConnectionSlot& operator=(ConnectionSlot&& other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  ~ConnectionSlot() {
    if (count_ != nullptr) count_->fetch_sub(1);
  }

 private:
  std::atomic<std::size_t>* count_ = nullptr;
};

class SessionContext {
 public:
  SessionContext(const SettingsSource& settings, Metrics& metrics, const Revocations& revocations);

  [[nodiscard]] SettingsPtr settings() const { return settings_.current(); }
  // Nothing: the application has as many as it may.
  std::optional<ConnectionSlot> take_slot(const App& app);
  [[nodiscard]] std::size_t connections(std::string_view app_id) const;

  Metrics& metrics;
  const Revocations& revocations;  // who may not connect or subscribe now
  auth::TokenVerifiers tokens;
  // Handles with labels, fetched once: fetching takes a lock.
  const Counter unauthorized_channels;
  const Counter unauthorized_users;
  const Counter unauthorized_requests;
  const Counter unauthorized_tokens;
  const Counter limited_client_events;
  const Counter limited_publishes;
  const Counter limited_questions;
  const Counter limited_rosters;
  const Counter recovered;                                               // Socket.IO sessions that were kept
  void not_recovered(std::string_view app, std::string_view why) const;  // a client brought a pid and got a new session

 private:
  const SettingsSource& settings_;
  mutable Mutex mutex_;  // guards the map, not the counts; leaf
  // By app id; grows with the configured apps only.
  std::map<std::string, std::unique_ptr<std::atomic<std::size_t>>, std::less<>> counts_ PARLEY_GUARDED_BY(mutex_);
};

// Whether the application is asked about subscriptions that bring no proof.
[[nodiscard]] inline bool asks_application(const App& app) {
  return !app.auth.url.empty() || !app.auth.batch_url.empty();
}

}  // namespace parley::net
