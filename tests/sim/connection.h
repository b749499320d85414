#pragma once
// One client's connection: in order and late in both directions, until it is closed or cut. A cut
// loses what is in flight both ways; each end notices in its own time.

#include "tests/sim/plan.h"
#include "tests/sim/scheduler.h"

#include <memory>
#include <string>
#include <string_view>

namespace parley::sim {

// Where a client connects to.
struct Address {
  std::string path;
  std::string query;
};

class ClientEnd {
 public:
  virtual ~ClientEnd() = default;
  virtual void on_frame(std::string_view payload) = 0;
  virtual void on_closed() = 0;
};

enum class Gone : std::uint8_t { closed_by_client, lost };

class ServerEnd {
 public:
  virtual ~ServerEnd() = default;
  virtual void on_frame(std::string_view payload) = 0;
  virtual void on_gone(Gone how) = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Scheduler& scheduler, const Plan& plan, std::weak_ptr<ClientEnd> client)
      : scheduler_(scheduler), plan_(plan), client_(std::move(client)) {}

  // `process`: the server's, which may stand still.
  void attach(std::weak_ptr<ServerEnd> server, Scheduler::Owner process) {
    server_ = std::move(server);
    process_ = std::move(process);
  }

  void to_client(std::string payload) {
    down_.post(scheduler_, latency(), weak_from_this(), [this, payload = std::move(payload)] {
      const auto end = client_.lock();
      if (!cut_ && end != nullptr) end->on_frame(payload);
    });
  }
  void to_server(std::string payload) {
    post_up(latency(), [this, payload = std::move(payload)] {
      const auto end = server_.lock();
      if (!cut_ && end != nullptr) end->on_frame(payload);
    });
  }
  // The client hears nothing more.
  void abandon() { client_.reset(); }
  // An orderly end: what was sent before arrives.
  void close_by_server() {
    down_.post(scheduler_, latency(), weak_from_this(), [this] { client_notices(); });
  }
  void close_by_client() {
    post_up(latency(), [this] { server_notices(Gone::closed_by_client); });
  }
  // The ends notice after these times.
  void cut(nanoseconds client_after, nanoseconds server_after) {
    if (cut_) return;
    cut_ = true;
    const auto self = shared_from_this();  // the server's end may be the only one that still knows us
    scheduler_.after(client_after, self, [self] { self->client_notices(); });
    scheduler_.after(server_after, self, [self] { self->when_awake([self] { self->server_notices(Gone::lost); }); });
  }
  [[nodiscard]] bool is_cut() const { return cut_; }

 private:
  nanoseconds latency() {
    if (scheduler_.chance(plan_.slow_network)) return scheduler_.between(milliseconds(50), milliseconds(1'500));
    return scheduler_.between(microseconds(100), milliseconds(20));
  }
  void post_up(nanoseconds delay, Scheduler::Task task) {
    up_.post(scheduler_, delay, weak_from_this(),
             [this, task = std::move(task)]() mutable { when_awake(std::move(task)); });
  }
  // What comes to a process that stands still waits, in its order.
  void when_awake(Scheduler::Task task) {
    const auto until = scheduler_.frozen_until(process_);
    if (until <= scheduler_.now()) return task();
    post_up(until - scheduler_.now(), std::move(task));
  }
  void client_notices() {
    const auto end = client_.lock();
    client_.reset();
    if (end != nullptr) end->on_closed();
  }
  void server_notices(Gone how) {
    const auto end = server_.lock();
    server_.reset();
    if (end != nullptr) end->on_gone(how);
  }

  Scheduler& scheduler_;
  const Plan& plan_;
  std::weak_ptr<ClientEnd> client_;
  std::weak_ptr<ServerEnd> server_;
  Scheduler::Owner process_;
  Lane up_;
  Lane down_;
  bool cut_ = false;
};

}  // namespace parley::sim
