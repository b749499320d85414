#include "core/worker.h"

#include "core/check.h"
#include "core/mutex.h"
#include "core/thread_name.h"

#include <atomic>
#include <thread>

namespace parley {
namespace {

class RunningThread final : public Running {
 public:
  RunningThread(const char* name, Worker& worker) : name_(name), worker_(worker) {}
  ~RunningThread() override { stop(); }

  void start() override {
    CHECK(!thread_.joinable());
    thread_ = std::thread([this] {
      name_this_thread(name_);
      run();
    });
  }

  void wake() override {
    if (woken_.exchange(true)) return;
    { const MutexLock lock(mutex_); }  // it has not looked yet, or it waits: in between it holds this
    changed_.notify_one();
  }

  void stop() override {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    bool time_over = false;
    while (true) {
      woken_ = false;  // before the step: who comes during it is not overlooked
      const auto wait = worker_.step(time_over);
      time_over = false;
      if (wait.count() <= 0) continue;
      MutexLock lock(mutex_);
      const auto due = [this]() PARLEY_REQUIRES(mutex_) { return stopping_ || woken_; };
      if (wait == kUntilWoken) {
        changed_.wait(lock, due);
      } else {
        time_over = !changed_.wait_for(lock, wait, due);
      }
      if (stopping_) break;
    }
    while (worker_.step(false).count() <= 0) continue;
  }

  const char* name_;
  Worker& worker_;
  std::atomic<bool> woken_{false};
  Mutex mutex_;  // held from looking at `woken_` to waiting as well; a leaf
  CondVar changed_;
  bool stopping_ PARLEY_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

class Threads final : public Executor {
  std::unique_ptr<Running> add(const char* name, Worker& worker) override {
    return std::make_unique<RunningThread>(name, worker);
  }
  [[nodiscard]] bool single_thread() const override { return false; }
};

}  // namespace

Executor& threads() {
  static Threads all;
  return all;
}

}  // namespace parley
