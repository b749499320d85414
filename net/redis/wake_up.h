#pragma once
// Ends another thread's poll(), and every later one. ring() is thread-safe and never blocks.

#include "core/check.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace parley::net {

class WakeUp {
 public:
  WakeUp() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(fd_ >= 0); }
  ~WakeUp() { close(fd_); }
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  void ring() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);  // full: it rings already
  }

 private:
  int fd_;
};

}  // namespace parley::net
