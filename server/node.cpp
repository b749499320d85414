#include "server/node.h"

#include "core/log.h"
#include "net/engine/service.h"
#include "net/front_end.h"
#include "net/http/health.h"
#include "net/outbound/application_auth.h"
#include "net/outbound/http_caller.h"
#include "net/outbound/webhook_sender.h"
#include "net/rest/admin.h"
#include "net/rest/api.h"
#include "net/session/context.h"
#include "server/backend.h"
#include "server/config/redis_setup.h"
#include "server/demo/demo.h"
#include "server/memory_trimmer.h"
#include "server/other_nodes.h"
#include "server/process_memory.h"
#include "server/version.h"

#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <thread>

namespace parley::server {
namespace {

// Webhooks wait in the shards, questions of authorisation within each application's own bound: this one only holds
// against many applications at once.
constexpr std::size_t kCallsWaitingMax = 65'536;

// For leads at least, where clients are not to be waited for at all.
constexpr milliseconds kHandOver{1'000};

net::HttpCallerConfig caller_config(const Settings& settings) {
  net::HttpCallerConfig config;
  config.waiting_max = kCallsWaitingMax;
  config.allowed_hosts = settings.outbound_hosts;
  return config;
}

net::FrontEndConfig front_end_config(const Config& config) {
  net::FrontEndConfig front;
  front.host = config.server.host;
  front.port = config.server.port;
  front.metrics_host = config.metrics.host;
  front.metrics_port = config.metrics.port;
  front.io_threads =
      config.server.io_threads > 0 ? config.server.io_threads : std::max(1U, std::thread::hardware_concurrency());
  front.path_prefix = config.server.path_prefix;
  front.trusted_proxies = config.server.trusted_proxies;
  front.tls_certificate = config.server.tls.certificate;
  front.tls_key = config.server.tls.key;
  front.conformance = config.conformance.enabled;
  front.conformance_port = config.conformance.socketio_port;
  const auto& socketio = config.settings.socketio;
  // Deadlines are met to a tenth of the shortest of them.
  front.tick = std::clamp<milliseconds>(std::min(socketio.ping_interval, socketio.ping_timeout) / 10, milliseconds(10),
                                        front.tick);
  if (config.conformance.enabled) front.tick = milliseconds(10);
  return front;
}

// What to put into a browser: a wildcard address is no address to go to.
std::string url(std::string_view scheme, std::string_view host, std::uint16_t port) {
  if (host == "0.0.0.0" || host == "::" || host.empty()) host = "127.0.0.1";
  const bool v6 = host.find(':') != std::string_view::npos;
  return fmt::format("{}://{}{}{}:{}", scheme, v6 ? "[" : "", host, v6 ? "]" : "", port);
}

}  // namespace

// Members are in the order of the arrow, right to left: what is used stands before what uses it.
struct Node::Impl : net::Readiness {
  Impl(const Env& env_in, const Config& config_in)
      : env(env_in),
        config(config_in),
        backend(env, config.settings),
        others(env, config, backend),
        caller(caller_config(config_in.settings), calls_clock, backend.metrics()),
        webhooks(caller, fmt::format("Parley/{}", version())),
        application_auth(caller, *env.clock, backend.metrics()),
        pusher(backend.settings(), backend.metrics(), backend.revocations()) {}

  Env env;
  Config config;
  Backend backend;
  OtherNodes others;
  MemoryTrimmer memory{backend.metrics().memory_trims};
  std::atomic<bool> draining{false};
  SystemClock calls_clock;  // libcurl's, whatever the node's own clock is
  net::HttpCaller caller;
  net::WebhookCaller webhooks;
  net::ApplicationAuth application_auth;
  std::unique_ptr<net::RedisInput> redis;  // the actors answer it until stop() ends them
  net::SessionContext pusher;
  std::unique_ptr<net::FrontEnd> front_end;
  bool stopped = false;

  std::optional<std::string> reason_not_ready() const override {
    if (draining) return "draining: this node is going away";
    if (!backend.shards().available()) {
      if (!backend.store().check()) return "data directory gone: it was deleted or replaced while the server ran";
      return "storage unavailable: the disk refuses writes";
    }
    return others.reason_not_ready();
  }
  std::optional<net::NeedsNode> reason_not_to_stop() const override { return others.reason_not_to_stop(); }

  Status open();
  void collect_disk_metrics();
  void stop();
};

Status Node::Impl::open() {
  others.prepare(env);
  if (const auto opened = backend.open(config.data, webhooks); !opened) return opened.error();
  if (const auto opened = others.open(); !opened) return opened.error();

  std::vector<std::shared_ptr<net::HttpHandler>> handlers;
  const auto engine = std::make_shared<net::EngineService>(pusher, *env.random);
  handlers.push_back(engine);
  handlers.push_back(net::make_health_handler(*this));
  const auto rest = std::make_shared<net::RestApi>(
      pusher, [this](std::string_view app) { application_auth.forget(app); },
      net::ProcessAbout{env.clock->now(), memory_bytes});
  handlers.push_back(rest);
  handlers.push_back(std::make_shared<net::AdminApi>(
      rest, pusher, std::string(version()), env.clock->now(),
      net::NodeOrders{[this] { return others.list_json(); },
                      [this](std::string_view node) { return others.drain(node, true); },
                      [this](std::string_view node) { return others.drain(node, false); },
                      [this](std::string_view node) { return others.remove(node); }}));
  if (config.dev) handlers.push_back(make_demo_handler());
  handlers.push_back(net::make_welcome_handler(*this, std::string(version())));
  std::vector<std::shared_ptr<net::SessionFactory>> sessions{engine, net::make_pusher_sessions(pusher)};
  net::ConformanceServices conformance;
  if (config.conformance.enabled) {
    const net::socketio::EngineSettings timings{.ping_interval = milliseconds(300), .ping_timeout = milliseconds(200)};
    const auto echo = std::make_shared<net::EngineService>(
        pusher, *env.random, net::EngineFixture{.path = "/engine.io", .engine = timings, .echo = true});
    handlers.insert(handlers.begin(), echo);
    sessions.insert(sessions.begin(), echo);
    const auto fixture = std::make_shared<net::EngineService>(
        pusher, *env.random,
        net::EngineFixture{.path = "/socket.io", .engine = timings, .recovery = config.conformance.recovery});
    conformance = {.handlers = {fixture}, .sessions = {fixture}};
  }
  front_end = std::make_unique<net::FrontEnd>(front_end_config(config), backend.settings(), *env.clock, *env.random,
                                              backend.metrics(), backend.gateway(), std::move(sessions),
                                              std::move(handlers), &application_auth, std::move(conformance));
  if (config.redis.enabled) {
    redis = std::make_unique<net::RedisInput>(redis_input_config(config.redis), backend.settings(), *env.clock,
                                              *env.random, backend.metrics(), backend.gateway());
  }
  collect_disk_metrics();
  auto& metrics = backend.metrics();
  metrics.start_time_seconds.set(static_cast<double>(env.clock->wall().ms) / 1000.0);
  metrics.set_build_info(version(), __VERSION__);
  if (const auto started_front = front_end->start(); !started_front) return started_front;
  if (redis) redis->start();
  backend.meet_others();
  others.start();
  memory.start();
  return {};
}

void Node::Impl::collect_disk_metrics() {
  backend.metrics().on_collect([this] {
    auto& metrics = backend.metrics();
    if (backend.has_store()) {
      metrics.data_bytes.set(static_cast<double>(backend.store().size_bytes()));
      metrics.data_directory_present.set(backend.store().check() ? 1 : 0);
    }
    std::error_code failure;
    const auto space = std::filesystem::space(config.data.dir, failure);
    if (!failure) metrics.disk_free_bytes.set(static_cast<double>(space.available));
  });
}

void Node::Impl::stop() {
  if (stopped) return;
  stopped = true;
  draining = true;
  memory.stop();
  others.leave();
  backend.leave_others();
  others.stop();
  if (redis) redis->stop();
  if (front_end) front_end->stop();
  caller.stop();  // from here on nobody is told of an answer; what was not acknowledged is sent after the next start
  backend.stop();
}

Node::Node() = default;
Node::~Node() {
  if (impl_) impl_->stop();
}

Result<std::unique_ptr<Node>> Node::start(Env& env, const Config& config) {
  std::unique_ptr<Node> node(new Node);
  node->impl_ = std::make_unique<Impl>(env, config);
  if (const auto opened = node->impl_->open(); !opened) return opened.error();
  return node;
}

std::string Node::http_url() const {
  const auto& server = impl_->config.server;
  return url(server.tls.enabled() ? "https" : "http", server.host, impl_->front_end->port());
}

std::string Node::metrics_url() const {
  return url("http", impl_->config.metrics.host, impl_->front_end->metrics_port());
}

std::string Node::conformance_url() const {
  const auto port = impl_->front_end->conformance_port();
  return port == 0 ? std::string() : url("http", impl_->config.server.host, port);
}

Metrics& Node::metrics() { return impl_->backend.metrics(); }

Status Node::reload(const Config& config) {
  if (config.settings.shard_count != impl_->config.settings.shard_count) {
    return make_error(Errc::config_invalid, "data.shards is fixed when the data directory is created");
  }
  if (const auto reloaded = impl_->front_end->reload_tls(); !reloaded) return reloaded.error();
  impl_->caller.allow_hosts(config.settings.outbound_hosts);
  impl_->config.server.drain = config.server.drain;
  impl_->backend.reload(config.settings);
  impl_->others.reload(config);
  return {};
}

void Node::drain_and_stop() {
  impl_->draining = true;
  impl_->backend.metrics().draining.set(1);
  // Others lead what this node led before its clients look for another one. A lead changes hands in milliseconds; who
  // is not there to take it is not waited for longer than clients are.
  const auto begun = impl_->env.clock->now();
  const auto patience = std::max<milliseconds>(impl_->config.server.drain, kHandOver);
  impl_->others.hand_over(patience);
  const auto taken = std::chrono::duration_cast<milliseconds>(impl_->env.clock->now() - begun);
  const auto left = std::max<milliseconds>(impl_->config.server.drain - taken, milliseconds(0));
  impl_->front_end->drain(left);  // what Redis brings still goes to those who are here
  impl_->stop();
}

}  // namespace parley::server
