#include "server/backend.h"

#include "actors/system.h"
#include "cluster/charter.h"
#include "cluster/identity.h"
#include "cluster/peers.h"
#include "storage/rocks_store.h"

#include <utility>

namespace parley::server {
namespace {

SettingsPtr share(const Settings& settings) { return std::make_shared<const Settings>(settings); }

Result<std::unique_ptr<storage::Store>> open_rocks(const DataConfig& data) {
  storage::RocksOptions options;
  options.migrate = data.auto_migrate;
  // From 1: nothing lies elsewhere but the logs, which cluster/former_log.h takes over. The number keeps a release that
  // does not know the new ones away from them.
  options.migration = [](const storage::Store&, std::uint64_t, storage::WriteBatch&) { return Status(); };
  auto opened = storage::RocksStore::open(data.dir, std::move(options));
  if (!opened) return opened.error();
  return std::unique_ptr<storage::Store>(std::move(*opened));
}

cluster::LocalShardsConfig shards_config(const Settings& settings, const Env& env) {
  cluster::LocalShardsConfig config;
  config.executor = env.executor;
  config.random = env.random;
  config.boot = env.boot;
  config.shard_count = settings.shard_count;
  config.idempotency_window = settings.limits.idempotency_window;
  config.idempotency_keys_max = settings.limits.idempotency_keys_max;
  config.cursor_lifetime = settings.limits.cursor_lifetime;
  config.cursors_per_channel_max = settings.limits.cursors_per_channel_max;
  config.pending_commands_max = settings.limits.shard_pending_commands_max;
  config.log_bytes_max = settings.limits.log_bytes_max;
  return config;
}

}  // namespace

Backend::Backend(const Env& env, const Settings& settings) : env_(env), settings_(share(settings)) {}

Backend::~Backend() { end(); }

Status Backend::open(const DataConfig& data, actors::WebhookSender& sender) {
  auto opened = env_.open_store ? env_.open_store(data) : open_rocks(data);
  if (!opened) return opened.error();
  store_ = std::move(*opened);
  const auto self =
      env_.address ? Result(*env_.address) : cluster::begin_incarnation(*store_, *env_.clock, *env_.random);
  if (!self) return self.error();
  self_ = *self;
  transport_ = env_.transport;
  if (transport_ == nullptr && env_.open_transport) {
    auto transport = env_.open_transport(self_);
    if (!transport) return transport.error();
    own_transport_ = std::move(*transport);
    transport_ = own_transport_.get();
  }
  actors_ = std::make_unique<actors::ActorSystem>(0, *env_.clock, *env_.random, metrics_, settings_, revocations_,
                                                  self_, env_.executor != nullptr ? *env_.executor : threads());
  auto config = shards_config(*settings_.current(), env_);
  config.salt = self_.node.value;
  config.self = self_.node;
  config.before_first_write = before_first_write_;
  if (transport_ != nullptr) {
    peers_ = std::make_unique<cluster::Peers>(self_, *transport_, *env_.clock, metrics_, *actors_);
    actors_->meet(*peers_);
  }
  if (peers_ && placement_) {
    const auto founder = cluster::read_founder(*store_);
    if (!founder) return founder.error();
    config.founds = *founder;
    config.peers = peers_.get();
    config.placement = *placement_;
  }
  auto started = cluster::start_local_shards(*store_, *env_.clock, metrics_, std::move(config), *actors_);
  if (!started) return started.error();
  shards_ = std::move(*started);
  if (peers_) peers_->set_replica_listener(shards_->replica_listener());
  return actors_->begin(*shards_, sender);
}

void Backend::reload(const Settings& settings) {
  shards_->limit_pending(settings.limits.shard_pending_commands_max);
  settings_.replace(share(settings));
  actors_->reconfigure();
}

void Backend::meet_others() {
  if (!peers_) return;
  met_ = true;
  transport_->start(*peers_);
}

void Backend::leave_others() {
  if (std::exchange(met_, false)) transport_->stop();
}

void Backend::stop() {
  if (actors_) actors_->stop();
  if (shards_) shards_->end_in_order();
  end();
}

void Backend::end() {
  leave_others();  // they would be told to whom is gone
  if (actors_) actors_->stop();
  shards_.reset();  // writes what waits, ends the log thread; it still tells the actors' system
  actors_.reset();
  peers_.reset();
  transport_ = nullptr;
  own_transport_.reset();
  store_.reset();
}

actors::Gateway& Backend::gateway() { return *actors_; }

}  // namespace parley::server
