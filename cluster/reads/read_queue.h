#pragma once
// The reader thread and what waits for it. Between reads it calls `regular` about every `interval`.
// push() is thread-safe; jobs run in order on the reader thread. Owned by LocalShards.

#include "core/clock.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
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
  std::mutex mutex_;  // guards `jobs_` and `stopping_`; a leaf
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace parley::cluster
