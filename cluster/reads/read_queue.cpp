#include "cluster/reads/read_queue.h"

#include "core/thread_name.h"

namespace parley::cluster {

void ReadQueue::start(const Clock& clock, milliseconds interval, std::function<void()> regular) {
  thread_ = std::thread([this, &clock, interval, regular = std::move(regular)] {
    name_this_thread("parley-reads");
    run(clock, interval, regular);
  });
}

void ReadQueue::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool ReadQueue::push(std::function<void()> job) {
  {
    MutexLock lock(mutex_);
    if (stopping_ || jobs_.size() >= jobs_max_) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void ReadQueue::run(const Clock& clock, milliseconds interval, const std::function<void()>& regular) {
  auto due = clock.now() + interval;
  MutexLock lock(mutex_);
  while (!stopping_ || !jobs_.empty()) {
    bool waited_in_vain = false;
    if (jobs_.empty()) {
      waited_in_vain =
          !wake_.wait_for(lock, interval, [this]() PARLEY_REQUIRES(mutex_) { return stopping_ || !jobs_.empty(); });
    }
    std::function<void()> job;
    if (!jobs_.empty()) {
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    lock.unlock();
    if (job) job();
    // The clock, because when reads come all the time no wait ever ends in vain.
    if (waited_in_vain || clock.now() >= due) {
      regular();
      due = clock.now() + interval;
    }
    lock.lock();
  }
}

}  // namespace parley::cluster
