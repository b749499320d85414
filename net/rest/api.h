#pragma once
// The signed HTTP API: everything under /apps/{id}/. Pusher's calls, and history; and laravel-echo-server's,
// by an API key instead of a signature. docs/http-api.md says what each answers. Finds the route, checks the signature
// in Pusher's order, refuses replays, and hands the call to the noun that serves it (rest_publish, rest_queries,
// rest_history, rest_users). The admin API serves the same calls without a signature. Thread-safe: one serves all I/O
// threads; server/ owns it.

#include "core/mutex.h"
#include "net/http/handler.h"
#include "net/http/route.h"
#include "net/rest/call.h"
#include "net/rest/replay_guard.h"
#include "net/session/context.h"
#include "net/session/rate_limit.h"

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace parley::net {

// What the process says of itself.
struct ProcessAbout {
  MonoTime started;
  std::function<std::uint64_t()> memory_bytes;  // resident; absent: nobody knows
};

class RestApi final : public HttpHandler {
 public:
  // `rights_changed`: somebody was kicked, banned or terminated in this application; on an I/O thread.
  explicit RestApi(SessionContext& context, std::function<void(std::string_view app)> rights_changed = {},
                   ProcessAbout process = {})
      : context_(context), rights_changed_(std::move(rights_changed)), process_(std::move(process)) {}
  bool handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) override;
  // `below`: the path behind `apps/`. From an operator who has shown who it is: no signature is asked for,
  // and applications that are disabled are served too.
  void handle_trusted(const HttpRequest& request, std::string_view below, const std::shared_ptr<Exchange>& exchange);
  static std::vector<RouteText> route_table();

 private:
  friend class RestPublish;

  // publish.cpp
  void publish(const RestCallPtr& call);
  void publish_batch(const RestCallPtr& call);
  // queries.cpp
  void list_channels(const RestCallPtr& call);
  void show_channel(const RestCallPtr& call);
  void list_users(const RestCallPtr& call);
  void count_connections(const RestCallPtr& call);
  // by_key.cpp
  Status check_key(const RestCall& call, const HttpRequest& request);
  void show_status(const RestCallPtr& call);
  void list_channels_by_key(const RestCallPtr& call);
  void show_channel_by_key(const RestCallPtr& call);
  void list_users_by_key(const RestCallPtr& call);
  // users.cpp
  void user_status(const RestCallPtr& call);
  void show_user(const RestCallPtr& call);
  void show_sessions(const RestCallPtr& call);
  void list_app_users(const RestCallPtr& call);
  void list_domain_members(const RestCallPtr& call);
  void kick_user(const RestCallPtr& call);
  void ban_user(const RestCallPtr& call);
  void lift_ban(const RestCallPtr& call);
  void forget_user(const RestCallPtr& call);
  void terminate_user(const RestCallPtr& call);
  // history.cpp
  void read_history(const RestCallPtr& call);
  void delete_history(const RestCallPtr& call);
  void delete_publication(const RestCallPtr& call);

  struct Route;
  static std::span<const Route> routes();
  void serve(const HttpRequest& request, std::string_view below, const std::shared_ptr<Exchange>& exchange,
             bool trusted);
  // Fills what the path and headers say.
  static Status read_path(RestCall& call, const Route& route, const std::vector<std::string_view>& parts);
  // Refuses what was used before, longer ago than a repetition may be; else this is a use of it.
  Status guard(const RestCall& call);
  // One state-changing request that is answered by Done.
  void change(const RestCallPtr& call, Request request, std::function<std::string(const Done&)> answer);
  bool take_rate(const App& app, std::size_t count, MonoTime now);

  SessionContext& context_;
  std::function<void(std::string_view app)> rights_changed_;
  ProcessAbout process_;
  ReplayGuard replay_guard_;
  Mutex rates_mutex_;  // a leaf
  // By app id; grows with the configured apps only.
  std::map<std::string, RateLimit, std::less<>> rates_ PARLEY_GUARDED_BY(rates_mutex_);
};

}  // namespace parley::net
