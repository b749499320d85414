#include "net/hub/io_thread.h"

#include "core/log.h"
#include "core/mutex.h"
#include "core/thread_name.h"

#include <boost/asio/post.hpp>

#include <utility>

#include <unistd.h>

namespace parley::net {

namespace {
// A turn ends after so many handlers even when more are ready: what they want sent should not wait.
constexpr int kHandlersPerTurn = 128;
}  // namespace

// Outlives its thread: actors may push until the gateway is gone.
class Inbox final : public actors::HubInbox {
 public:
  explicit Inbox(boost::asio::io_context& context, Hub& hub) : context_(&context), hub_(hub) {}

  void push(actors::HubMessage message) override {
    const MutexLock lock(mutex_);
    if (context_ == nullptr) return;
    messages_.push_back(std::move(message));
    if (scheduled_) return;
    scheduled_ = true;
    boost::asio::post(*context_, [this] { drain(); });
  }

  void close() {
    const MutexLock lock(mutex_);
    context_ = nullptr;
    messages_.clear();
  }

 private:
  void drain() {
    {
      const MutexLock lock(mutex_);
      scheduled_ = false;
      batch_.swap(messages_);
    }
    for (auto& message : batch_) hub_.handle(message);
    batch_.clear();
  }

  Mutex mutex_;  // a leaf
  boost::asio::io_context* context_ PARLEY_GUARDED_BY(mutex_);
  std::vector<actors::HubMessage> messages_ PARLEY_GUARDED_BY(mutex_);
  bool scheduled_ PARLEY_GUARDED_BY(mutex_) = false;
  Hub& hub_;                               // I/O thread only
  std::vector<actors::HubMessage> batch_;  // I/O thread only; keeps its memory
};

IoThread::IoThread(HubWorld world)
    : context_(1),
      hub_(std::make_unique<Hub>(world)),
      inbox_(std::make_shared<Inbox>(context_, *hub_)),
      tick_(context_),
      tick_every_(world.tick) {
  hub_->set_post([this](std::function<void()> work) { post(std::move(work)); }, &context_);
}

IoThread::~IoThread() { stop(); }

void IoThread::attach() {
  hub_->set_address(hub_->world().gateway.attach(inbox_));
  hub_->set_inbox(inbox_);
}

void IoThread::start() {
  arm_tick();
  thread_ = std::thread([this] {
    name_this_thread("parley-io");
    run();
  });
}

void IoThread::stop() {
  stopping_ = true;
  if (thread_.joinable()) {
    boost::asio::post(context_, [] {});
    thread_.join();
  }
  inbox_->close();
}

void IoThread::post(std::function<void()> work) { boost::asio::post(context_, std::move(work)); }

void IoThread::arm_tick() {
  tick_.expires_after(tick_every_);
  tick_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    hub_->tick();
    arm_tick();
  });
}

void IoThread::run() {
  while (!stopping_.load(std::memory_order_relaxed)) {
    context_.run_one();
    for (int i = 1; i < kHandlersPerTurn && context_.poll_one() > 0; ++i) {}
    hub_->end_turn();
    links_.store(hub_->link_count(), std::memory_order_relaxed);
  }
  hub_->abort_all();
  tick_.cancel();
  // Cancelled waits still hold their connections.
  while (context_.poll() > 0) hub_->end_turn();
  links_ = 0;
}

void IoThread::adopt(Incoming incoming) {
  boost::asio::post(context_, [this, taken = std::move(incoming)]() mutable { make_connection(taken); });
}

void IoThread::make_connection(Incoming& incoming) {
  if (hub_->draining() || stopping_) {
    ::close(incoming.fd);
    return;
  }
  Transport::Socket socket(context_);
  boost::system::error_code error;
  socket.assign(incoming.ipv6 ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(), incoming.fd, error);
  if (error) {
    log_warn("connection dropped", {{"reason", error.message()}});
    ::close(incoming.fd);
    return;
  }
  SslPtr ssl;
  if (incoming.tls) {
    ssl = incoming.tls->accept_on(incoming.fd);
    if (!ssl) return;
  }
  incoming.greeter->greet(*hub_, Transport(std::move(socket), std::move(ssl)));
}

}  // namespace parley::net
