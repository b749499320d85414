#pragma once
// The whole server as one object: store, shards, actors and front-end, put together and taken apart
// in the right order. Several may live in one process. Its functions are called by one thread.

#include "core/metrics.h"
#include "core/result.h"
#include "server/config/config.h"
#include "server/env.h"

#include <memory>
#include <string>

namespace parley::server {

class Node {
 public:
  // Opens the data, replays the log, listens; what cannot be done is an Error with a readable cause.
  static Result<std::unique_ptr<Node>> start(Env& env, const Config& config);
  ~Node();  // as drain_and_stop(), without the patience

  [[nodiscard]] std::string http_url() const;
  [[nodiscard]] std::string metrics_url() const;
  [[nodiscard]] std::string conformance_url() const;  // of the Socket.IO fixture; empty: not served
  [[nodiscard]] Metrics& metrics();
  // Applications, channel rules, limits and the certificate; no client is dropped for it.
  Status reload(const Config& config);
  // Not ready, no new connections, closes spread over the configured time, then stop. On the thread that
  // started the node: CAF's logger belongs to that thread, and its end waits for it.
  void drain_and_stop();

 private:
  Node();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::server
