// floor: what one bare send() to a loopback socket costs, so that figures of different machines and days
// can be told apart from figures of different servers.

#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "bench/loadgen/clock.h"
#include "bench/loadgen/loop.h"
#include "bench/loadgen/report.h"
#include "bench/loadgen/scenarios.h"
#include "bench/loadgen/socket.h"

namespace loadgen {
namespace {

void pin_to(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) {
    throw std::runtime_error("cannot run on CPU " + std::to_string(cpu));
  }
}

double thread_cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
  }
  ~Fd() { close(fd_); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

class Drain final : public Pollable {
 public:
  Drain(Loop& loop, int fd) : fd_(fd) { loop.add(fd, EPOLLIN, *this); }
  void on_events(std::uint32_t) override {
    char buffer[64 * 1024];
    while (recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT) == sizeof buffer) {}
  }

 private:
  int fd_;
};

struct Pairs {
  std::vector<std::unique_ptr<Fd>> writers;
  std::vector<std::unique_ptr<Fd>> readers;
};

Pairs connect_pairs(std::size_t count) {
  Endpoint endpoint = Endpoint::parse("127.0.0.1", 0);
  const Fd listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  socklen_t size = sizeof endpoint.address;
  auto* address = reinterpret_cast<sockaddr*>(&endpoint.address);
  if (bind(listener.get(), address, size) != 0 || listen(listener.get(), 64) != 0 ||
      getsockname(listener.get(), address, &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "listen");
  }
  Pairs pairs;
  for (std::size_t i = 0; i < count; ++i) {
    pairs.readers.push_back(std::make_unique<Fd>(start_connect(endpoint, 0)));
    pairs.writers.push_back(std::make_unique<Fd>(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));
    // As servers do; with Nagle's algorithm most sends would only be queued.
    const int on = 1;
    setsockopt(pairs.writers.back()->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return pairs;
}

}  // namespace

void run_floor(const Options& options, const FloorOptions& what) {
  require_open_files(2 * what.connections + 64);
  const Pairs pairs = connect_pairs(what.connections);
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    pin_to(what.loadgen_cpu);
    Loop loop;
    std::vector<std::unique_ptr<Drain>> drains;
    for (const auto& fd : pairs.readers) drains.push_back(std::make_unique<Drain>(loop, fd->get()));
    while (!stop) loop.turn(options.wait_ms());
  });
  pin_to(what.server_cpu);
  const std::string message(options.payload_bytes + 70, 'x');  // a frame with such a payload
  std::uint64_t sends = 0;
  const auto from = now_ns();
  const auto end = from + static_cast<std::int64_t>(options.measure_s * 1e9);
  const double cpu_before = thread_cpu_seconds();
  while (now_ns() < end) {
    for (const auto& fd : pairs.writers) {
      if (send(fd->get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) ++sends;
    }
  }
  const double cpu_s = thread_cpu_seconds() - cpu_before;
  const double seconds = seconds_between(from, now_ns());
  stop = true;
  reader.join();

  Report report("floor", options.label);
  report.number("cpu_us_per_send", sends == 0 ? 0 : cpu_s * 1e6 / static_cast<double>(sends));
  report.number("sends_per_s", static_cast<double>(sends) / seconds);
  report.print();
}

}  // namespace loadgen
