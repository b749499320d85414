#pragma once
// One epoll, one thread. Everything in the load generator runs on it.

#include <cstdint>

namespace loadgen {

class Pollable {
 public:
  virtual ~Pollable() = default;
  virtual void on_events(std::uint32_t events) = 0;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The pollable is borrowed and must stay where it is until remove() and the end of the turn.
  void add(int fd, std::uint32_t events, Pollable& pollable);
  void modify(int fd, std::uint32_t events, Pollable& pollable);
  void remove(int fd);

  // Waits up to timeout_ms and handles what is ready. 0 does not wait.
  void turn(int timeout_ms);

  // Time spent handling events so far: close to the wall time, the generator is the bottleneck.
  std::int64_t busy_ns() const { return busy_ns_; }

 private:
  void control(int operation, int fd, std::uint32_t events, Pollable* pollable);

  int epoll_;
  std::int64_t busy_ns_ = 0;
};

}  // namespace loadgen
