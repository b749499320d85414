#include "bench/loadgen/loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "bench/loadgen/clock.h"

namespace loadgen {

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Loop::~Loop() { close(epoll_); }

void Loop::control(int operation, int fd, std::uint32_t events, Pollable* pollable) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = pollable;
  if (epoll_ctl(epoll_, operation, fd, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

void Loop::add(int fd, std::uint32_t events, Pollable& pollable) { control(EPOLL_CTL_ADD, fd, events, &pollable); }

void Loop::modify(int fd, std::uint32_t events, Pollable& pollable) { control(EPOLL_CTL_MOD, fd, events, &pollable); }

void Loop::remove(int fd) { control(EPOLL_CTL_DEL, fd, 0, nullptr); }

void Loop::turn(int timeout_ms) {
  std::array<epoll_event, 512> events;
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  if (count < 0 && errno != EINTR) { throw std::system_error(errno, std::generic_category(), "epoll_wait"); }
  if (count <= 0) return;
  const auto from = now_ns();
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    static_cast<Pollable*>(event.data.ptr)->on_events(event.events);
  }
  busy_ns_ += now_ns() - from;
}

}  // namespace loadgen
