#pragma once
// One node's process: the real backend (server/backend.h: log, shards, actors) with clock, randomness, disk and
// threads played by the simulator, and hubs that drive the real session objects without sockets. A crash is the
// end of this object.

#include "net/session/context.h"
#include "net/websocket/session_factory.h"
#include "server/backend.h"
#include "tests/sim/disk.h"
#include "tests/sim/hub.h"
#include "tests/sim/process.h"

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

namespace parley::sim {

// What the world gets to see at a node's doors; for the checkers.
class NodeWatch {
 public:
  virtual ~NodeWatch() = default;
  // In the order in which the channels will handle them.
  virtual void channel_asked(const Request& request) = 0;
  virtual void channel_answers(const Reply& reply) = 0;
  virtual void member_removed(const ChannelKey& channel, const std::string& user_id) = 0;
};

class Receiver;

class Node final : private actors::WebhookSender {
 public:
  Node(Scheduler& scheduler, const Plan& plan, Disk& disk, const Settings& settings, NodeWatch& watch,
       Receiver& receiver);
  ~Node() override;  // the process is killed
  Status start();

  void accept(const std::shared_ptr<Connection>& connection, std::string_view path);
  // As the HTTP API asks; the answer comes to `answered`, or never.
  void ask(decltype(Request::what) what, std::function<void(Reply&)> answered);

 private:
  class Inbox;

  void post(actors::WebhookPost post, std::function<void(actors::WebhookOutcome)> done) override;
  void submit(HubId hub, Request request);
  void push(HubId hub, actors::HubMessage message);
  void answer(Reply& reply);

  Scheduler& scheduler_;
  const Plan& plan_;
  NodeWatch& watch_;
  Receiver& receiver_;
  Process process_;
  server::Env env_;
  server::Backend backend_;
  net::SessionContext sessions_;
  std::shared_ptr<net::SessionFactory> factory_;
  struct Edge {
    std::unique_ptr<Hub> hub;
    Mail<Request> in;                  // to the gateway
    Mail<actors::HubMessage> out;      // from the actors
    Mail<actors::HubMessage> answers;  // Bug::answers_overtake only
  };
  std::deque<Edge> hubs_;
  // Posts whose answers are on their way, by number.
  std::unordered_map<std::uint64_t, std::function<void(actors::WebhookOutcome)>> posts_;
  std::uint64_t last_post_ = 0;
  std::unordered_map<std::uint64_t, std::function<void(Reply&)>> tickets_;
  std::uint64_t last_ticket_ = 0;
};

}  // namespace parley::sim
