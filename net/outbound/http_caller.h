#pragma once
// Calls the application over HTTP(S): webhooks, and asking it to authorise subscriptions. server/ owns
// the one HttpCaller; any thread calls; all transfers, and `done` of all but refused calls, run on its
// own thread `parley-calls`. libcurl's only home.
//
// Connections are kept and used again. Redirects are not followed, proxies of the environment not used:
// a call goes to the host that its URL names, and only if that host is allowed.

#include "core/call.h"
#include "core/clock.h"
#include "core/metrics.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parley::net {

struct HttpCallerConfig {
  std::size_t waiting_max = 10'000;        // calls accepted and not answered yet; then: refused at once
  std::size_t lane_concurrency_max = 4;    // calls of a lane in flight; the others wait (net/outbound/call_lane.h)
  std::size_t idle_connections_max = 256;  // the oldest is closed first
  std::string ca_file;                     // PEM; empty: the system's certificates
  std::vector<std::string> allowed_hosts;  // see host_allowed
};

// Patterns as in core/host_pattern.h. What is no http(s) URL is never allowed, whatever the patterns.
bool host_allowed(const std::vector<std::string>& patterns, std::string_view url);

class HttpCaller final : public Caller {
 public:
  // `clock` must be the system's: libcurl's timeouts are measured by it.
  HttpCaller(HttpCallerConfig config, const Clock& clock, Metrics& metrics);
  ~HttpCaller() override;
  HttpCaller(const HttpCaller&) = delete;
  HttpCaller& operator=(const HttpCaller&) = delete;

  // `done` runs on the calls thread and must only hand over. With `waiting_max` calls unanswered it runs at once, on
  // the thread that called, with the failure `too many calls waiting`. Calls made after stop() are dropped.
  void call(Call call, std::function<void(Answer)> done) override;
  // Of calls that start from now on. Thread-safe.
  void allow_hosts(std::vector<std::string> patterns);
  // Aborts what is in flight and forgets what waits; no `done` runs on the calls thread after it returned. Not from
  // within `done`.
  void stop();

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace parley::net
