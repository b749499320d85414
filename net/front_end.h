#pragma once
// The server's face: listeners, I/O threads with their hubs, and all that connections need. server/
// makes one, starts it when everything behind it stands, drains and stops it.
//
// start(), drain() and stop() are called from one thread that is not an I/O thread.

#include "actors/gateway.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/random.h"
#include "core/settings.h"
#include "net/http/handler.h"
#include "net/hub/application_asker.h"
#include "net/websocket/session_factory.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace parley::net {

struct FrontEndConfig {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6001;  // 0: a free one
  std::string metrics_host = "127.0.0.1";
  std::uint16_t metrics_port = 9601;
  bool metrics_enabled = true;
  std::size_t io_threads = 1;
  std::string path_prefix;                   // `/ws`: cut off where a path starts with it; empty: none
  std::vector<std::string> trusted_proxies;  // addresses and CIDR ranges
  std::string tls_certificate;               // PEM; empty: no TLS
  std::string tls_key;
  bool conformance = false;  // serves /conformance/echo, and a second listener for ConformanceServices
  std::uint16_t conformance_port = 0;
  milliseconds tick{250};  // how coarse deadlines are
  milliseconds request_timeout{10'000};
  milliseconds closing_timeout{5'000};
};

// What conformance mode serves on a port of its own, on the address of the clients' one.
struct ConformanceServices {
  std::vector<std::shared_ptr<HttpHandler>> handlers;
  std::vector<std::shared_ptr<SessionFactory>> sessions;
};

class FrontEnd {
 public:
  FrontEnd(FrontEndConfig config, const SettingsSource& settings, const Clock& clock, Random& random, Metrics& metrics,
           actors::Gateway& gateway, std::vector<std::shared_ptr<SessionFactory>> sessions,
           std::vector<std::shared_ptr<HttpHandler>> handlers, ApplicationAsker* asker = nullptr,
           ConformanceServices conformance = {});
  ~FrontEnd();  // stop()s

  // Attaches the hubs to the gateway, listens, runs. The error names what to change.
  Status start();
  [[nodiscard]] std::uint16_t port() const;              // after start()
  [[nodiscard]] std::uint16_t metrics_port() const;      // 0: none
  [[nodiscard]] std::uint16_t conformance_port() const;  // 0: none
  // Accepts nobody new, sends everybody away evenly over the duration; returns when all are gone or
  // soon after the duration.
  void drain(milliseconds duration);
  void stop();
  // Reads certificate and key again, for new connections; the old ones stay when it fails.
  Status reload_tls();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::net
