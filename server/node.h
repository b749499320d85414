#pragma once
// The whole server as one object: store, shards, actors and front-end, put together and taken apart
// in the right order. Several may live in one process. Its functions are called by one thread.

#include "core/metrics.h"
#include "core/result.h"
#include "server/config.h"
#include "server/env.h"

#include <memory>
#include <string>

namespace parley::server {

class Node {
 public:
  // Opens the data, replays the log, listens; what cannot be done is an Error with a readable cause.
  static Result<std::unique_ptr<Node>> start(Env& env, const Config& config);
  ~Node();  // stops; on the thread that started it: CAF's logger belongs to it until it ends

  [[nodiscard]] std::string http_url() const;
  [[nodiscard]] std::string metrics_url() const;
  [[nodiscard]] Metrics& metrics();
  // Applications, channel rules, limits and the certificate; no client is dropped for it.
  Status reload(const Config& config);
  // Not ready, no new connections, closes spread over the configured time. On any thread; blocks.
  void drain();

 private:
  Node();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::server
