#pragma once
// What of a node has no socket: settings, metrics, store, shards and actors, put together and taken apart in
// the right order. Front ends attach their hubs to its gateway. tests/sim runs several of these, with everything
// that comes from outside (server/env.h) played by the simulator. Its functions are called by one thread.

#include "actors/gateway.h"
#include "cluster/shard.h"
#include "core/metrics.h"
#include "core/revocations.h"
#include "core/settings.h"
#include "server/env.h"
#include "storage/store.h"

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace parley::actors {
class ActorSystem;
}

namespace parley::cluster {
class Peers;
}

namespace parley::server {

class Backend {
 public:
  Backend(const Env& env, const Settings& settings);
  ~Backend();  // as when the process is killed: what waits is written where that is still possible, no more is said
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // Opens the data, replays the log, starts the actors; what cannot be done is an Error with a readable cause.
  // `sender` is not called any more after stop().
  Status open(const DataConfig& data, actors::WebhookSender& sender);
  // Before open(): see LocalShardsConfig.
  void before_first_write(std::function<Status()> run) { before_first_write_ = std::move(run); }
  // The same: shards have replicas on other nodes, by these rules.
  void replicate(const cluster::placement::Rules& rules) { placement_ = rules; }
  void reload(const Settings& settings);  // with the same count of shards
  void meet_others();                     // where there is a transport: other nodes may send from now on
  void leave_others();                    // and from here on not any more
  void stop();                            // in order; nothing may be submitted any more

  [[nodiscard]] Metrics& metrics() { return metrics_; }
  [[nodiscard]] SettingsSource& settings() { return settings_; }
  [[nodiscard]] Revocations& revocations() { return revocations_; }
  [[nodiscard]] bool has_store() const { return store_ != nullptr; }
  // From open() to stop():
  [[nodiscard]] actors::Gateway& gateway();
  [[nodiscard]] cluster::Shards& shards() const { return *shards_; }
  [[nodiscard]] storage::Store& store() const { return *store_; }
  [[nodiscard]] NodeAddress self() const { return self_; }
  [[nodiscard]] cluster::Peers* peers() const { return peers_.get(); }  // null: the node is alone; so is the next
  [[nodiscard]] cluster::Transport* transport() const { return transport_; }

 private:
  void end();

  const Env& env_;
  Metrics metrics_;
  SettingsSource settings_;
  Revocations revocations_;
  std::unique_ptr<storage::Store> store_;
  NodeAddress self_;
  std::function<Status()> before_first_write_;
  std::optional<cluster::placement::Rules> placement_;  // none: this node has all of each shard
  std::unique_ptr<cluster::Transport> own_transport_;
  cluster::Transport* transport_ = nullptr;
  std::unique_ptr<cluster::Peers> peers_;  // null: the node is alone
  bool met_ = false;                       // the transport tells peers_
  std::unique_ptr<actors::ActorSystem> actors_;
  std::shared_ptr<cluster::Shards> shards_;
};

}  // namespace parley::server
