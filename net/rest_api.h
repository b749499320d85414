#pragma once
// The signed HTTP API: everything under /apps/{id}/. Pusher's calls, and history. docs/http-api.md says
// what each answers. Finds the route, checks the signature in Pusher's order, refuses replays, and
// hands the call to the noun that serves it (rest_publish, rest_queries, rest_history).
// Thread-safe: one serves all I/O threads; server/ owns it.

#include "net/http_handler.h"
#include "net/pusher/context.h"
#include "net/pusher/rate_limit.h"
#include "net/replay_guard.h"
#include "net/rest_call.h"

#include <map>
#include <mutex>
#include <string>

namespace parley::net {

class RestApi final : public HttpHandler {
 public:
  explicit RestApi(pusher::PusherContext& context) : context_(context) {}
  bool handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) override;

 private:
  friend class RestPublish;

  // rest_publish.cpp
  void publish(const RestCallPtr& call);
  void publish_batch(const RestCallPtr& call);
  // rest_queries.cpp
  void list_channels(const RestCallPtr& call);
  void show_channel(const RestCallPtr& call);
  void list_users(const RestCallPtr& call);
  void count_connections(const RestCallPtr& call);
  void terminate_user(const RestCallPtr& call);
  // rest_history.cpp
  void read_history(const RestCallPtr& call);
  void delete_history(const RestCallPtr& call);
  void delete_publication(const RestCallPtr& call);

  struct Route;
  static const Route* find_route(std::string_view method, const std::vector<std::string_view>& parts,
                                 std::string& allowed);
  // Refuses what was used before; else it is used from now on.
  Status guard(const RestCall& call);
  // One state-changing request that is answered by Done.
  void change(const RestCallPtr& call, Request request, std::function<std::string(const Done&)> answer);
  bool take_rate(const App& app, std::size_t count, MonoTime now);

  pusher::PusherContext& context_;
  ReplayGuard replay_guard_;
  std::mutex rates_mutex_;  // guards rates_; leaf
  std::map<std::string, pusher::RateLimit, std::less<>> rates_;  // by app id; grows with the configured apps only
};

}  // namespace parley::net
