#pragma once
// One thread with its event loop, its hub and its inbox. Actors push into the inbox from their threads:
// one lock and at most one wake-up for all that comes together.

#include "actors/gateway.h"
#include "net/hub/hub.h"
#include "net/hub/link.h"
#include "net/socket/tls.h"
#include "net/socket/transport.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace parley::net {

class Inbox;

// Makes the first thing that a new socket is: whoever listens knows what. Used once, on the I/O thread.
class Greeter {
 public:
  virtual ~Greeter() = default;
  virtual void greet(Hub& hub, Transport transport) = 0;  // adds a link to the hub
};

class IoThread {
 public:
  explicit IoThread(HubWorld world);
  ~IoThread();  // stop()s

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
    std::shared_ptr<const TlsContext> tls;  // null: plain
    std::unique_ptr<Greeter> greeter;
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
