#include "cluster/caf_transport/caf_transport.h"

#include "cluster/caf_transport/dialer.h"
#include "cluster/caf_transport/door.h"
#include "cluster/caf_transport/links.h"
#include "core/check.h"
#include "core/log.h"
#include "core/mutex.h"
#include "core/thread_name.h"

#include <caf/all.hpp>
#include <caf/io/broker.hpp>
#include <caf/io/middleman.hpp>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include <signal.h>

namespace parley::cluster {
namespace {

struct SystemConfig : caf::actor_system_config {
  SystemConfig() {
    load<caf::io::middleman>();
    // All work is the broker's, on the multiplexer's thread: the rest of CAF idles.
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
    set("scheduler.max-throughput", std::size_t{50});
    set("middleman.workers", std::size_t{0});
    set("middleman.attach-utility-actors", true);
    set("logger.inline-output", true);
  }
};

// What other threads want of the broker.
struct Dialed {
  std::uint64_t attempt;
  Result<OwnedSocket> connected;
};
struct Places {
  std::vector<PeerPlace> places;
};
struct Waiting {
  NodeId to;
};
struct Dropped {
  NodeId to;
  std::shared_ptr<Outbox> outbox;  // of the link that is meant
};
using Order = std::variant<Dialed, Places, Waiting, Dropped>;

}  // namespace

struct CafTransport::Impl {
  Impl(CafTransportConfig config_in, OwnedSocket listening_in, std::shared_ptr<const TlsContext> tls,
       const Clock& clock, Random& random, Metrics& metrics)
      : config(std::move(config_in)),
        listening(std::move(listening_in)),
        port(local_port(listening.get())),
        clock_ref(clock),
        self{{schemas::kLinkVersion, config.name, config.cluster, config.self, config.advertised_host,
              config.advertised_port != 0 ? config.advertised_port : port},
             {config.cluster}},
        links(
            self, config.links, config.peers, std::move(tls), {clock, random, metrics},
            [this](std::uint64_t attempt, const PeerPlace& place) { dialer->dial(attempt, place.host, place.port); }) {}

  // Any thread. The broker is woken once for all that is ordered until it comes; with the mutex held, so that it is
  // still there.
  void order(Order one) {
    const MutexLock lock(mutex);
    if (stopping) return;
    orders.push_back(std::move(one));
    if (!std::exchange(woken, true)) caf::anon_send(broker, caf::flush_atom_v);
  }

  // ---- on the multiplexer's thread ----
  caf::behavior run(caf::io::broker* actor) {
    name_this_thread("parley-peers");
    // OpenSSL writes without MSG_NOSIGNAL.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    thread = std::this_thread::get_id();
    auto& loop = dynamic_cast<caf::io::network::default_multiplexer&>(actor->parent().backend());
    links.start(loop, *listener);
    door = std::make_unique<Door>(loop, std::move(listening),
                                  [this](OwnedSocket socket) { links.on_accepted(std::move(socket)); });
    door->open();
    caf::anon_send(actor, caf::tick_atom_v);  // with itself as sender, one that is left over would never be freed
    return {
        [this](caf::flush_atom) { take_orders(); },
        [this, actor](caf::tick_atom) { tick(actor); },
    };
  }
  void take_orders() {
    std::vector<Order> taken;
    {
      const MutexLock lock(mutex);
      woken = false;
      if (stopping) return;
      taken.swap(orders);
    }
    for (auto& one : taken) {
      if (auto* waiting = std::get_if<Waiting>(&one)) {
        links.send_waiting(waiting->to);
      } else if (auto* dialed = std::get_if<Dialed>(&one)) {
        links.on_dialed(dialed->attempt, std::move(dialed->connected));
      } else if (auto* dropped = std::get_if<Dropped>(&one)) {
        links.drop(dropped->to, *dropped->outbox);
      } else {
        links.set_places(std::move(std::get<Places>(one).places));
      }
    }
  }
  void tick(caf::io::broker* actor) {
    bool stop = false;
    {
      const MutexLock lock(mutex);
      stop = stopping;
    }
    if (!stop) {
      door->open();
      links.tick();
      caf::delayed_anon_send(caf::actor(actor), tick_every(), caf::tick_atom_v);
      return;
    }
    door->close();
    links.close_all();
    if (!links.finish() || !door->may_be_freed()) {
      caf::delayed_anon_send(caf::actor(actor), milliseconds(1), caf::tick_atom_v);  // after the multiplexer's turn
      return;
    }
    door.reset();
    actor->quit();
    const MutexLock lock(mutex);
    ended = true;
    has_ended.notify_all();
  }
  [[nodiscard]] milliseconds tick_every() const {
    return std::clamp<milliseconds>(config.links.heartbeat / 5, milliseconds(5), milliseconds(50));
  }

  const CafTransportConfig config;
  OwnedSocket listening;  // the door's from start() on
  const std::uint16_t port;
  const Clock& clock_ref;
  LinkSelf self;
  Links links;
  std::unique_ptr<Door> door;
  PeerListener* listener = nullptr;
  std::atomic<std::thread::id> thread{};

  Mutex mutex;
  CondVar has_ended;
  std::vector<Order> orders PARLEY_GUARDED_BY(mutex);
  bool woken PARLEY_GUARDED_BY(mutex) = true;  // until there is a broker
  bool stopping PARLEY_GUARDED_BY(mutex) = false;
  bool ended PARLEY_GUARDED_BY(mutex) = false;

  SystemConfig system_config;
  std::optional<caf::actor_system> system;
  caf::actor broker;
  std::optional<Dialer> dialer;
};

CafTransport::CafTransport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CafTransport::~CafTransport() { stop(); }

Result<std::unique_ptr<CafTransport>> CafTransport::open(CafTransportConfig config, const Clock& clock, Random& random,
                                                         Metrics& metrics) {
  CHECK(config.self.exists());
  std::shared_ptr<const TlsContext> tls;
  if (!config.tls.none()) {
    auto loaded = TlsContext::load(config.tls);
    if (!loaded) return loaded.error();
    tls = std::move(*loaded);
  }
  auto listening = listen_on(config.listen_host, config.listen_port);
  if (!listening) return listening.error();
  auto impl = std::make_unique<Impl>(std::move(config), std::move(*listening), std::move(tls), clock, random, metrics);
  return std::unique_ptr<CafTransport>(new CafTransport(std::move(impl)));
}

void CafTransport::start(PeerListener& listener) {
  auto& impl = *impl_;
  CHECK(impl.listener == nullptr);
  impl.listener = &listener;
  impl.dialer.emplace(impl.config.links, impl.clock_ref, [&impl](std::uint64_t attempt, Result<OwnedSocket> connected) {
    impl.order(Dialed{attempt, std::move(connected)});
  });
  impl.system.emplace(impl.system_config);
  impl.broker = impl.system->middleman().spawn_broker([&impl](caf::io::broker* actor) { return impl.run(actor); });
  caf::anon_send(impl.broker, caf::flush_atom_v);  // what was ordered before there was a broker
  log_info("listening for other nodes",
           {{"host", impl.config.listen_host}, {"port", impl.port}, {"tls", impl.config.tls.none() ? "no" : "yes"}});
}

void CafTransport::dial(std::vector<PeerPlace> places) { impl_->order(Places{std::move(places)}); }

Sent CafTransport::send(NodeId to, std::string bytes, Lane lane) {
  const auto outbox = impl_->links.routes().find(to);
  if (outbox == nullptr) return Sent::unreachable;
  const auto pushed = outbox->push(std::move(bytes), lane);
  if (pushed.wake) impl_->order(Waiting{to});
  return pushed.sent;
}

void CafTransport::drop(NodeId to) {
  auto outbox = impl_->links.routes().find(to);
  if (outbox != nullptr && outbox->close()) impl_->order(Dropped{to, std::move(outbox)});
}

void CafTransport::stop() {
  auto& impl = *impl_;
  CHECK(impl.thread.load() != std::this_thread::get_id());
  {
    const MutexLock lock(impl.mutex);
    if (std::exchange(impl.stopping, true)) return;
    impl.orders.clear();
  }
  if (!impl.system) return;
  impl.dialer->stop();
  caf::anon_send(impl.broker, caf::tick_atom_v);
  {
    MutexLock lock(impl.mutex);
    impl.has_ended.wait(lock, [&impl]() PARLEY_REQUIRES(impl.mutex) { return impl.ended; });
  }
  impl.broker = nullptr;
  impl.system.reset();  // joins its threads
}

std::uint16_t CafTransport::port() const { return impl_->port; }
void CafTransport::set_cluster(std::uint64_t cluster) { impl_->self.cluster = cluster; }

}  // namespace parley::cluster
