#pragma once
// One thread with its event loop, its hub and its inbox. Actors push into the inbox from their threads:
// one lock and at most one wake-up for all that comes together.

#include "actors/gateway.h"
#include "net/http_connection.h"
#include "net/hub.h"
#include "net/tls.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace parley::net {

class Inbox;

class IoThread {
 public:
  explicit IoThread(HubWorld world);
  ~IoThread();  // after stop()

  void attach();  // to the world's gateway
  void start();
  void stop();                            // aborts all connections, joins
  void post(std::function<void()> work);  // thread-safe

  [[nodiscard]] Hub& hub() { return *hub_; }
  [[nodiscard]] boost::asio::io_context& context() { return context_; }

  // Thread-safe: the socket becomes a connection of this thread.
  struct Incoming {
    int fd;
    bool ipv6;
    std::string peer;
    std::shared_ptr<const TlsContext> tls;  // null: plain
    std::shared_ptr<HttpService> service;
    AddressShares::Place place;  // of the service's shares
  };
  void adopt(Incoming incoming);
  [[nodiscard]] std::size_t links() const { return links_.load(std::memory_order_relaxed); }

 private:
  void run();
  void make_connection(Incoming& incoming);
  void arm_tick();

  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  boost::asio::io_context context_;
  std::unique_ptr<Hub> hub_;
  std::shared_ptr<Inbox> inbox_;
  Timer tick_;
  milliseconds tick_every_;
  std::atomic<std::size_t> links_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace parley::net
