#pragma once
// The reader thread and what waits for it. Between reads it calls `regular` about every `interval`.
// push() is thread-safe; jobs run in order on the reader thread. Owned by LocalShards.

#include "core/clock.h"
#include "core/mutex.h"

#include <deque>
#include <functional>
#include <thread>

namespace parley::cluster {

class ReadQueue {
 public:
  explicit ReadQueue(std::size_t jobs_max) : jobs_max_(jobs_max) {}
  ~ReadQueue() { stop(); }
  void start(const Clock& clock, milliseconds interval, std::function<void()> regular);
  void stop();                                         // runs what waits, joins the thread
  [[nodiscard]] bool push(std::function<void()> job);  // false: full, or stopped

 private:
  void run(const Clock& clock, milliseconds interval, const std::function<void()>& regular);

  std::size_t jobs_max_;
  Mutex mutex_;  // a leaf
  CondVar wake_;
  std::deque<std::function<void()>> jobs_ PARLEY_GUARDED_BY(mutex_);
  bool stopping_ PARLEY_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace parley::cluster
