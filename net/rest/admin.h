#pragma once
// The operators' HTTP API: everything under /admin/, with `Authorization: Bearer {admin.key}`. Serves the
// calls of the signed API without a signature (/admin/apps/{app}/…), and what concerns the whole node:
// applications, webhooks and their dead letters, actors. docs/http-api.md says what each answers.
// Thread-safe: one serves all I/O threads; server/ owns it.

#include "net/address/failure_throttle.h"
#include "net/http/handler.h"
#include "net/rest/api.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace parley::net {

// What is asked of the cluster's nodes; thread-safe. Each answers JSON; the node is named by its name or its id.
struct NodeOrders {
  std::function<std::string()> list;
  std::function<Result<std::string>(std::string_view node)> drain, undrain, remove;
};

class AdminApi final : public HttpHandler {
 public:
  // `started`: when the node was, for /admin/info.
  AdminApi(std::shared_ptr<RestApi> rest, SessionContext& context, std::string version, MonoTime started,
           NodeOrders nodes);
  bool handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) override;
  static std::vector<RouteText> route_table();

 private:
  struct Call {
    std::shared_ptr<Exchange> exchange;
    std::string_view route;
    std::string target;  // a webhook's or a node's name, from the path, decoded
    Query query;
    std::string body;
  };
  struct Route;
  static std::span<const Route> routes();

  // Answers itself when somebody may not pass.
  bool admit(const HttpRequest& request, Exchange& exchange);
  void serve(const HttpRequest& request, std::string_view below, const std::shared_ptr<Exchange>& exchange);
  void list_apps(const Call& call) const;
  void show_info(const Call& call) const;
  void list_actors(const Call& call) const;
  void list_nodes(const Call& call) const;
  void drain_node(const Call& call) const;
  void undrain_node(const Call& call) const;
  void remove_node(const Call& call) const;
  // admin_webhooks.cpp
  void list_webhooks(const Call& call) const;
  void list_dead(const Call& call) const;
  void replay_dead(const Call& call) const;
  void drop_dead(const Call& call) const;

  const std::shared_ptr<RestApi> rest_;
  SessionContext& context_;
  const std::string version_;
  const MonoTime started_;
  const NodeOrders nodes_;
  const Counter unauthorized_;
  const Counter throttled_;
  FailureThrottle failures_;
};

}  // namespace parley::net
