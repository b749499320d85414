#include "server/other_nodes.h"

#include "cluster/caf_transport/caf_transport.h"
#include "cluster/replicas.h"
#include "core/log.h"
#include "server/config/config_print.h"
#include "server/config/node_place.h"
#include "server/version.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace parley::server {
namespace {

constexpr milliseconds kGoodbye{2'000};  // until all others have answered that this node leaves

constexpr std::string_view kWasRemoved =
    "this data directory is of a node that was removed from its cluster (parley nodes remove), and others have what it "
    "had: start it with an empty one";

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name.front() == '\0') return "localhost";
  return name.data();
}

std::string node_name(const ClusterConfig& config) {
  auto name = config.name.empty() ? machine_name() : config.name;
  return name.substr(0, ClusterLimits{}.name_bytes_max);
}

bool is_every_address(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

// Where others are told to look.
NodePlace advertised(const ClusterConfig& config, std::uint16_t port) {
  if (!config.advertise.empty()) return *parse_node_place(config.advertise, port);
  return {is_every_address(config.host) ? machine_name() : config.host, port};
}

}  // namespace

OtherNodes::OtherNodes(const Env& env, const Config& config, Backend& backend)
    : env_(env),
      config_(config.cluster),
      backend_(backend),
      digest_(shared_digest(config)),
      shard_count_(config.settings.shard_count) {}

OtherNodes::~OtherNodes() { stop(); }

void OtherNodes::prepare(Env& env) {
  if (!config_.on() || env.transport != nullptr) return;
  if (!env.open_transport) env.open_transport = [this](const NodeAddress& self) { return open_transport(self); };
  backend_.before_first_write([this] { return before_first_write(); });
  cluster::placement::Rules rules;
  rules.replicas = config_.replicas;
  rules.moves_max = config_.moves_max;
  rules.replace_after = config_.replace_after;
  rules.settle_after = config_.settle_after;
  backend_.replicate(rules);
}

Result<std::unique_ptr<cluster::Transport>> OtherNodes::open_transport(const NodeAddress& self) {
  cluster::CafTransportConfig config;
  config.self = self;
  config.name = node_name(config_);
  config.listen_host = config_.host;
  config.listen_port = config_.port;
  if (!config_.advertise.empty()) {
    const auto place = *parse_node_place(config_.advertise, config_.port);
    config.advertised_host = place.host;
    config.advertised_port = place.port;
  }
  config.tls = {config_.tls_certificate, config_.tls_key, config_.tls_authority};
  auto opened = cluster::CafTransport::open(std::move(config), *env_.clock, *env_.random, backend_.metrics());
  if (!opened) return opened.error();
  return std::unique_ptr<cluster::Transport>(std::move(*opened));
}

Status OtherNodes::open() {
  if (!config_.on() || backend_.transport() == nullptr) return {};
  transport_ = backend_.transport();
  auto removed = cluster::read_removed(backend_.store());
  if (!removed) return removed.error();
  for (const auto& one : *removed) {
    if (one.node == backend_.self().node) return make_error(Errc::config_invalid, std::string(kWasRemoved));
  }
  {
    const MutexLock lock(intents_mutex_);
    removed_ = std::move(*removed);
  }
  auto charter = cluster::read_charter(backend_.store());
  if (!charter) return charter.error();
  const auto founder = cluster::read_founder(backend_.store());
  if (!founder) return founder.error();
  {
    const MutexLock lock(charter_mutex_);
    cluster_ = charter->cluster;
    own_data_ = own_data_ || charter->data;
    founder_ = *founder;
  }
  charter->expect = static_cast<std::uint16_t>(config_.expect_nodes);
  // Clusters that hold data are never merged: their nodes have nothing to say to each other.
  transport_->set_cluster(charter->data ? charter->cluster.value : 0);
  auto own = record();
  own.charter = *charter;
  cluster::MembershipConfig config;
  config.look = [this](NodeRecord& record) { look(record); };
  for (const auto& text : config_.join) {
    const auto place = *parse_node_place(text, config_.port);
    config.seeds.push_back({{}, place.host, place.port});
  }
  members_ = std::make_unique<cluster::Membership>(
      backend_.self(), std::move(own), std::move(config), *backend_.peers(), *transport_, *env_.clock, *env_.random,
      backend_.metrics(), env_.executor != nullptr ? *env_.executor : threads());
  members_->add_listener(*this);
  backend_.peers()->set_gossip_listener(members_.get());
  ready_ = members_.get();
  if (wrote_early_) (void)members_->set_data();
  const auto now = members_->charter();
  transport_->set_cluster(now.data ? now.cluster.value : 0);
  return {};
}

void OtherNodes::start() {
  if (members_ != nullptr) members_->start();
}

void OtherNodes::leave() {
  if (members_ != nullptr && !members_->leave(kGoodbye)) {
    log_info("not every other node has heard that this one leaves");
  }
}

void OtherNodes::stop() {
  if (members_ != nullptr) members_->stop();
}

void OtherNodes::reload(const Config& config) { digest_ = shared_digest(config); }

// ---- what is said of this node ----

NodeRecord OtherNodes::record() const {
  NodeRecord own;
  own.name = node_name(config_);
  if (transport_ != nullptr) {
    const auto place = advertised(config_, transport_->port());
    own.host = place.host;
    own.port = place.port;
  }
  own.zone = config_.zone;
  own.version = version();
  own.config_digest = digest_;
  {
    const MutexLock lock(intents_mutex_);
    own.draining = draining_;
    own.removed = removed_;
    own.orders = orders_;
  }
  const auto& metrics = backend_.metrics();
  const auto count = [](const Gauge& gauge) { return static_cast<std::uint32_t>(std::max(gauge.value(), 0.0)); };
  own.connections = count(metrics.connections_pusher) + count(metrics.connections_socketio);
  own.channels_awake = count(metrics.channels);
  auto* replicas = backend_.shards().replicas();
  own.shards_led = replicas != nullptr ? static_cast<std::uint16_t>(replicas->shards_led()) : shard_count_;
  return own;
}

void OtherNodes::look(NodeRecord& own) {
  auto now = record();
  now.revision = own.revision;
  now.charter = own.charter;
  now.clock_offset_ms = own.clock_offset_ms;
  own = std::move(now);
  show_members();
  keep_removed();
  const MutexLock lock(charter_mutex_);
  if (unwritten_) (void)keep(members_->charter());
}

std::string OtherNodes::list_json() const {
  if (members_ != nullptr) return cluster::to_json(cluster::list_nodes(members_->members()));
  cluster::MemberView alone;
  alone.self.address = backend_.self();
  alone.self.record = record();
  return cluster::to_json(cluster::list_nodes(alone));
}

std::optional<std::string> OtherNodes::reason_not_ready() const {
  if (members_ == nullptr) return std::nullopt;
  {
    const MutexLock lock(intents_mutex_);
    if (draining_) return "draining: this node is about to stop";
  }
  const auto view = members_->members();
  if (view.self.record.charter.cluster.value != 0) {
    auto* replicas = backend_.shards().replicas();
    const auto unled = replicas == nullptr ? 0 : replicas->shards_without_leader();
    if (unled == 0) return std::nullopt;
    return fmt::format("{} of {} shards have no leader that this node knows of", unled, shard_count_);
  }
  const auto here =
      1 + std::count_if(view.others.begin(), view.others.end(), [](const auto& seen) { return seen.member.lives(); });
  return fmt::format("no cluster yet: {} of the {} nodes that are expected are here", here, config_.expect_nodes);
}

// ---- which cluster ----

// An event may be older than what before_first_write() has stored: what counts is what the rules say now.
void OtherNodes::on_own_charter(const Charter&) {
  const MutexLock lock(charter_mutex_);
  const auto charter = members_->charter();
  const bool gives_up = begin_cluster(charter);
  (void)keep(charter, gives_up);
  if (gives_up) backend_.shards().replicas()->give_up();
  transport_->set_cluster(charter.data ? charter.cluster.value : 0);
}

// Who made the cluster founds its shards. Who joins one gets replicas of them; what it has founded before, without
// anything in it, goes.
bool OtherNodes::begin_cluster(const Charter& charter) {
  if (charter.cluster == cluster_ || charter.cluster == ClusterId{}) return false;
  cluster_ = charter.cluster;
  founder_ = members_->made_cluster();
  auto* replicas = backend_.shards().replicas();
  if (replicas == nullptr) return false;
  if (founder_) replicas->found();
  return !founder_ && !own_data_;
}

void OtherNodes::show_members() {
  auto* replicas = backend_.shards().replicas();
  if (replicas == nullptr || members_ == nullptr) return;
  const auto view = members_->members();
  if (view.self.record.charter.cluster == ClusterId{}) return;
  using cluster::placement::Intent;
  const auto intent = [](bool drains) { return drains ? Intent::drain : Intent::stay; };
  cluster::placement::Picture picture;
  {
    const MutexLock lock(intents_mutex_);
    picture.nodes.push_back({view.self.address.node, view.self.record.zone, view.self.state, intent(draining_)});
    for (const auto& one : removed_) picture.removed.push_back(one.node);
  }
  for (const auto& seen : view.others) {
    const auto& [address, refutation, state, record] = seen.member;
    picture.nodes.push_back({address.node, record.zone, state, intent(record.draining)});
  }
  replicas->see(std::move(picture));
}

Status OtherNodes::before_first_write() {
  const MutexLock lock(charter_mutex_);
  auto* members = ready_.load();
  if (members == nullptr) wrote_early_ = true;
  if (members == nullptr) members = ready_.load();
  auto charter = members != nullptr ? Result(members->charter()) : cluster::read_charter(backend_.store());
  if (!charter) return charter.error();
  // With data and without a cluster it could join none: it waits for those with whom it is to found one.
  if (config_.expect_nodes > 1 && charter->cluster.value == 0 && !charter->data) {
    return make_error(Errc::no_quorum, "there is no cluster yet: nodes that are expected are missing");
  }
  if (members != nullptr) {
    *charter = members->set_data();
    transport_->set_cluster(charter->cluster.value);
  }
  charter->data = true;
  own_data_ = true;
  return keep(*charter);
}

// What cannot be written now is written when look() comes by.
Status OtherNodes::keep(const Charter& charter, bool gives_up) {
  const auto written = cluster::write_charter(backend_.store(), charter, founder_, gives_up);
  if (!written && !unwritten_) {
    log_error("the node's cluster cannot be stored", {{"error", written.error().message}});
  }
  unwritten_ = !written;
  return written;
}

void OtherNodes::on_superseded() { end_process(); }

void OtherNodes::end_process() const {
  if (env_.end_process) return env_.end_process();
  ::kill(::getpid(), SIGTERM);
}

}  // namespace parley::server
