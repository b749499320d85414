#include "net/front_end.h"

#include "core/check.h"
#include "core/log.h"
#include "core/mutex.h"
#include "net/http/listener.h"
#include "net/http/metrics_handler.h"
#include "net/hub/io_thread.h"
#include "net/pusher/encoder.h"
#include "net/socketio/encoder.h"

#include <atomic>
#include <csignal>
#include <future>
#include <utility>

namespace parley::net {

namespace {

// `ws/`, `/ws/` and `/ws` mean the same.
std::string normal_prefix(std::string prefix) {
  while (prefix.ends_with('/')) prefix.pop_back();
  if (!prefix.empty() && !prefix.starts_with('/')) prefix.insert(0, "/");
  return prefix;
}

constexpr milliseconds kDrainGrace{500};  // on top of what closing takes

// How many hubs are not drained yet. Thread-safe.
class DrainProgress {
 public:
  explicit DrainProgress(std::size_t hubs) : left_(hubs) {}

  void one_is_done() {
    const MutexLock lock(mutex_);
    --left_;
    changed_.notify_all();
  }
  // For all of them; returns how many are left then.
  std::size_t wait(milliseconds longest) {
    MutexLock lock(mutex_);
    changed_.wait_for(lock, longest, [this]() PARLEY_REQUIRES(mutex_) { return left_ == 0; });
    return left_;
  }

 private:
  Mutex mutex_;  // a leaf
  CondVar changed_;
  std::size_t left_ PARLEY_GUARDED_BY(mutex_);
};

}  // namespace

struct FrontEnd::Impl {
  Impl(FrontEndConfig c, const SettingsSource& settings, const Clock& clock, Random& r, Metrics& m,
       actors::Gateway& gateway)
      : config(std::move(c)),
        random(r),
        metrics(m),
        world{clock,
              m,
              gateway,
              settings,
              {&pusher_encoder, &socketio_encoder, &socketio_plain_encoder},
              config.tick,
              config.request_timeout,
              config.closing_timeout} {}

  Status listen();
  // Runs on the listeners' home thread and waits for it.
  void close_listeners();

  FrontEndConfig config;
  Random& random;
  Metrics& metrics;
  pusher::PusherEncoder pusher_encoder;
  socketio::SocketIoEncoder socketio_encoder{socketio::SocketIoEncoder::Offsets::told};
  socketio::SocketIoEncoder socketio_plain_encoder{socketio::SocketIoEncoder::Offsets::untold};
  HubWorld world;
  std::vector<std::shared_ptr<SessionFactory>> sessions;
  std::vector<std::shared_ptr<HttpHandler>> handlers;
  std::vector<std::unique_ptr<IoThread>> threads;
  std::shared_ptr<Listener> clients;
  std::shared_ptr<Listener> scrapes;
  ConformanceServices conformance;
  std::shared_ptr<Listener> fixture;
  std::atomic<std::shared_ptr<const TlsContext>> tls;
  bool running = false;
};

FrontEnd::FrontEnd(FrontEndConfig config, const SettingsSource& settings, const Clock& clock, Random& random,
                   Metrics& metrics, actors::Gateway& gateway, std::vector<std::shared_ptr<SessionFactory>> sessions,
                   std::vector<std::shared_ptr<HttpHandler>> handlers, ApplicationAsker* asker,
                   ConformanceServices conformance)
    : impl_(std::make_unique<Impl>(std::move(config), settings, clock, random, metrics, gateway)) {
  impl_->sessions = std::move(sessions);
  impl_->handlers = std::move(handlers);
  impl_->world.asker = asker;
  impl_->conformance = std::move(conformance);
}

FrontEnd::~FrontEnd() { stop(); }

Status FrontEnd::Impl::listen() {
  auto service = std::make_shared<HttpService>();
  service->shares.report_to(metrics);
  metrics.on_collect([told = std::weak_ptr(service), &metrics = metrics] {
    const auto alive = told.lock();
    if (!alive) return;
    metrics.http_bytes.set(static_cast<double>(alive->shares.http_bytes()));
    metrics.sessions_opening.set(static_cast<double>(alive->shares.opening()));
  });
  service->handlers = handlers;
  service->sessions = sessions;
  service->path_prefix = normal_prefix(config.path_prefix);
  service->conformance = config.conformance;
  service->random = &random;
  auto proxies = TrustedProxies::parse(config.trusted_proxies);
  if (!proxies) return proxies.error();
  service->proxies = std::move(*proxies);

  std::vector<IoThread*> all;
  for (const auto& thread : threads) all.push_back(thread.get());
  auto opened = Listener::open({config.host, config.port, "server.port"}, *threads.front(), all, service,
                               [this] { return tls.load(); });
  if (!opened) return opened.error();
  clients = std::move(*opened);
  if (!conformance.handlers.empty()) {
    auto suites = std::make_shared<HttpService>();
    suites->handlers = conformance.handlers;
    suites->sessions = conformance.sessions;
    suites->random = &random;
    auto suites_opened = Listener::open({config.host, config.conformance_port, "conformance.socketio_port"},
                                        *threads.front(), all, suites, nullptr);
    if (!suites_opened) return suites_opened.error();
    fixture = std::move(*suites_opened);
  }
  if (!config.metrics_enabled) return {};

  auto scrape = std::make_shared<HttpService>();
  scrape->handlers = {make_metrics_handler(metrics)};
  scrape->random = &random;
  auto metrics_opened = Listener::open({config.metrics_host, config.metrics_port, "metrics.port"}, *threads.front(),
                                       {threads.front().get()}, scrape, nullptr);
  if (!metrics_opened) return metrics_opened.error();
  scrapes = std::move(*metrics_opened);
  return {};
}

Status FrontEnd::start() {
  Impl& impl = *impl_;
  CHECK(!impl.running);
  // Writing to a socket that the peer closed is an error to handle, not a signal to die of. OpenSSL
  // writes without MSG_NOSIGNAL.
  std::signal(SIGPIPE, SIG_IGN);
  if (const auto status = reload_tls(); !status) return status;
  const std::size_t count = std::max<std::size_t>(1, impl.config.io_threads);
  for (std::size_t i = 0; i < count; ++i) impl.threads.push_back(std::make_unique<IoThread>(impl.world));
  if (const auto status = impl.listen(); !status) {
    impl.clients.reset();
    impl.scrapes.reset();
    impl.fixture.reset();
    impl.threads.clear();
    return status;
  }
  for (const auto& thread : impl.threads) thread->attach();
  for (const auto& thread : impl.threads) thread->start();
  impl.clients->start();
  if (impl.scrapes) impl.scrapes->start();
  if (impl.fixture) impl.fixture->start();
  impl.running = true;
  return {};
}

std::uint16_t FrontEnd::port() const { return impl_->clients ? impl_->clients->port() : 0; }
std::uint16_t FrontEnd::conformance_port() const { return impl_->fixture ? impl_->fixture->port() : 0; }
std::uint16_t FrontEnd::metrics_port() const { return impl_->scrapes ? impl_->scrapes->port() : 0; }

Status FrontEnd::reload_tls() {
  if (impl_->config.tls_certificate.empty()) return {};
  auto context = TlsContext::load(impl_->config.tls_certificate, impl_->config.tls_key);
  if (!context) return context.error();
  impl_->tls.store(std::move(*context));
  return {};
}

void FrontEnd::Impl::close_listeners() {
  std::promise<void> closed;
  threads.front()->post([this, &closed] {
    if (clients) clients->close();
    if (scrapes) scrapes->close();
    if (fixture) fixture->close();
    closed.set_value();
  });
  closed.get_future().wait();
}

void FrontEnd::drain(milliseconds duration) {
  Impl& impl = *impl_;
  if (!impl.running) return;
  impl.close_listeners();

  const auto progress = std::make_shared<DrainProgress>(impl.threads.size());
  for (const auto& thread : impl.threads) {
    Hub& hub = thread->hub();
    thread->post([&hub, duration, progress] { hub.begin_drain(duration, [progress] { progress->one_is_done(); }); });
  }
  const auto left = progress->wait(duration + impl.config.closing_timeout + kDrainGrace);
  if (left > 0) log_warn("drain: some connections did not go in time", {{"hubs", left}});
}

void FrontEnd::stop() {
  Impl& impl = *impl_;
  if (!impl.running) return;
  impl.running = false;
  impl.close_listeners();
  for (const auto& thread : impl.threads) thread->stop();
  impl.clients.reset();
  impl.scrapes.reset();
  impl.fixture.reset();
}

}  // namespace parley::net
