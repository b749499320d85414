#pragma once
// One node's process: the real backend (server/backend.h: log, shards, actors) with clock, randomness, disk and
// threads played by the simulator, and the real hubs, sessions and Engine.IO registry (net/) without sockets. One of
// several has the real membership and replicas on the others, over links that the simulator plays. A crash is the end
// of this object.

#include "net/engine/service.h"
#include "net/pusher/encoder.h"
#include "net/session/context.h"
#include "net/socketio/encoder.h"
#include "net/websocket/session_factory.h"
#include "server/backend.h"
#include "server/other_nodes.h"
#include "tests/sim/disk.h"
#include "tests/sim/hub.h"
#include "tests/sim/peer_network.h"
#include "tests/sim/process.h"

#include <deque>
#include <functional>
#include <map>
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
  virtual void channel_tells(const ChannelKey& channel, const Publication& publication) = 0;  // to a hub, or a session
  virtual void member_removed(const ChannelKey& channel, const std::string& user_id) = 0;
};

class Receiver;

// Of a node that has others.
struct Among {
  PeerNetwork& network;
  std::size_t machine;
  server::ClusterConfig config;
};

class Node final : private actors::WebhookSender {
 public:
  Node(Scheduler& scheduler, const Plan& plan, Disk& disk, const Settings& settings, NodeWatch& watch,
       Receiver& receiver, std::optional<Among> among = {});
  ~Node() override;  // the process is killed
  Status start();

  // A WebSocket, on one of the I/O threads.
  void accept(const std::shared_ptr<Connection>& connection, const Address& to);
  void stand_still(nanoseconds how_long) { scheduler_.freeze(process_.life(), scheduler_.now() + how_long); }
  [[nodiscard]] bool stands_still() const { return scheduler_.frozen_until(process_.life()) > scheduler_.now(); }
  // Another process of this node has taken its place.
  [[nodiscard]] bool superseded() const { return superseded_; }
  [[nodiscard]] server::Backend& backend() { return backend_; }
  // The hubs say anew who listens to channels of that shard, as they do when it has another leader.
  void announce_anew(ShardId shard);
  // As if its leader could not be reached, and somebody else could: what it tells does not come here. Then the same.
  void lose(ShardId shard, milliseconds how_long);
  // As the HTTP API asks; the answer comes to `answered`, or never.
  void ask(decltype(Request::what) what, std::function<void(Reply&)> answered);

 private:
  class Inbox;
  class Door;

  void post(actors::WebhookPost post, std::function<void(actors::WebhookOutcome)> done) override;
  void submit(std::vector<Request>&& requests);
  void push(HubId hub, actors::HubMessage message);
  void watch(const actors::HubMessage& message);
  [[nodiscard]] bool is_lost(const actors::HubMessage& message) const;

  Scheduler& scheduler_;
  const Plan& plan_;
  NodeWatch& watch_;
  Receiver& receiver_;
  Process process_;
  bool superseded_ = false;
  server::Env env_;
  server::Config config_;
  server::Backend backend_;
  std::unique_ptr<server::OtherNodes> others_;  // null: it is alone
  std::unique_ptr<actors::Gateway> door_;
  net::SessionContext sessions_;
  std::shared_ptr<net::SessionFactory> pusher_;
  std::shared_ptr<net::EngineService> socketio_;
  net::pusher::PusherEncoder pusher_encoder_;
  net::socketio::SocketIoEncoder socketio_encoder_{net::socketio::SocketIoEncoder::Offsets::told};
  net::socketio::SocketIoEncoder socketio_plain_encoder_{net::socketio::SocketIoEncoder::Offsets::untold};
  struct Edge {
    std::unique_ptr<Hub> hub;
    Mail<actors::HubMessage> out;      // from the actors
    Mail<actors::HubMessage> answers;  // Bug::answers_overtake only
  };
  std::deque<Edge> hubs_;
  std::map<ShardId, MonoTime> lost_until_;
  // Posts whose answers are on their way, by number.
  std::unordered_map<std::uint64_t, std::function<void(actors::WebhookOutcome)>> posts_;
  std::uint64_t last_post_ = 0;
};

}  // namespace parley::sim
