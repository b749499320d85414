#include "cluster/reads/read_queue.h"

#include <algorithm>

namespace parley::cluster {

void ReadQueue::start(Executor& executor, const Clock& clock, milliseconds interval, std::function<void()> regular) {
  clock_ = &clock;
  interval_ = interval;
  regular_ = std::move(regular);
  due_ = clock.now() + interval;
  running_ = executor.add("parley-reads", *this);
  running_->start();
}

void ReadQueue::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  if (running_ != nullptr) running_->stop();
}

bool ReadQueue::push(std::function<void()> job) {
  {
    const MutexLock lock(mutex_);
    if (stopping_ || jobs_.size() >= jobs_max_) return false;
    jobs_.push_back(std::move(job));
  }
  if (running_ != nullptr) running_->wake();
  return true;
}

std::chrono::nanoseconds ReadQueue::step(bool time_over) {
  std::function<void()> job;
  bool more = false;
  {
    const MutexLock lock(mutex_);
    if (!jobs_.empty()) {
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    more = !jobs_.empty();
  }
  if (job) job();
  // The clock as well: when reads come all the time no wait ever ends in vain.
  auto now = clock_->now();
  if (time_over || now >= due_) {
    regular_();
    now = clock_->now();
    due_ = now + interval_;
  }
  if (more) return std::chrono::nanoseconds(0);
  return std::max<std::chrono::nanoseconds>(due_ - now, std::chrono::nanoseconds(1));
}

}  // namespace parley::cluster
