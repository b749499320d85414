#pragma once
// Is this node alive, is it ready, and what would a person like to see at `/`.

#include "core/ids.h"
#include "core/settings.h"
#include "net/http/handler.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace parley::net {

// Why a node is not to be stopped now: shards that would be left without their majority.
struct NeedsNode {
  std::string reason;
  std::vector<ShardId> shards;
};

// Implemented by server/. Thread-safe.
class Readiness {
 public:
  virtual ~Readiness() = default;
  // Nothing: ready. Else a sentence: draining, storage unavailable.
  [[nodiscard]] virtual std::optional<std::string> reason_not_ready() const = 0;
  // Nothing: it may be stopped, and nobody misses it.
  [[nodiscard]] virtual std::optional<NeedsNode> reason_not_to_stop() const { return std::nullopt; }
};

// /health/live, /health/ready, /health/can-stop, /up, /ready, /accept-traffic.
std::shared_ptr<HttpHandler> make_health_handler(const Readiness& readiness);
// `/`: a page that says what runs here. Stands behind a demo's own `/` in the chain.
std::shared_ptr<HttpHandler> make_welcome_handler(const Readiness& readiness, std::string version);

}  // namespace parley::net
