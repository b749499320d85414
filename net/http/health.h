#pragma once
// Is this node alive, is it ready, and what would a person like to see at `/`.

#include "core/settings.h"
#include "net/http/handler.h"

#include <memory>
#include <optional>
#include <string>

namespace parley::net {

// Implemented by server/. Thread-safe.
class Readiness {
 public:
  virtual ~Readiness() = default;
  // Nothing: ready. Else a sentence: draining, storage unavailable.
  [[nodiscard]] virtual std::optional<std::string> reason_not_ready() const = 0;
};

// /health/live, /health/ready, /up, /ready, /accept-traffic.
std::shared_ptr<HttpHandler> make_health_handler(const Readiness& readiness);
// `/`: a page that says what runs here. Stands behind a demo's own `/` in the chain.
std::shared_ptr<HttpHandler> make_welcome_handler(const Readiness& readiness, std::string version);

}  // namespace parley::net
