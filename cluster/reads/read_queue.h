#pragma once
// What waits for the reader, and the worker that reads: on a thread of its own or stepped by a simulation
// (core/worker.h); "the reader thread" either way. Between reads it calls `regular` about every `interval`.
// push() is thread-safe; jobs run in order on the reader thread. Owned by LocalShards.

#include "core/clock.h"
#include "core/mutex.h"
#include "core/worker.h"

#include <deque>
#include <functional>
#include <memory>

namespace parley::cluster {

class ReadQueue final : private Worker {
 public:
  explicit ReadQueue(std::size_t jobs_max) : jobs_max_(jobs_max) {}
  ~ReadQueue() override { stop(); }
  void start(Executor& executor, const Clock& clock, milliseconds interval, std::function<void()> regular);
  void stop();                                         // runs what waits, ends the worker
  [[nodiscard]] bool push(std::function<void()> job);  // false: full, or stopped

 private:
  std::chrono::nanoseconds step(bool time_over) override;

  std::size_t jobs_max_;
  Mutex mutex_;  // a leaf
  std::deque<std::function<void()>> jobs_ PARLEY_GUARDED_BY(mutex_);
  bool stopping_ PARLEY_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Running> running_;

  // Set by start(); then the reader thread's.
  const Clock* clock_ = nullptr;
  milliseconds interval_{0};
  std::function<void()> regular_;
  MonoTime due_{};
};

}  // namespace parley::cluster
