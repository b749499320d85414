#include "core/worker.h"

#include "core/mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>

namespace parley {
namespace {

using std::chrono::nanoseconds;

// Does what it is told at each step, and tells who waits for it.
class Scripted final : public Worker {
 public:
  explicit Scripted(std::function<nanoseconds(int step, bool time_over)> script) : script_(std::move(script)) {}

  nanoseconds step(bool time_over) override {
    int number = 0;
    {
      const MutexLock lock(mutex_);
      number = ++steps_;
    }
    const auto wait = script_(number, time_over);
    const MutexLock lock(mutex_);
    done_ = number;
    changed_.notify_all();
    return wait;
  }
  bool wait_for(int steps) {
    MutexLock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&]() PARLEY_REQUIRES(mutex_) { return done_ >= steps; });
  }
  int steps() {
    const MutexLock lock(mutex_);
    return done_;
  }

 private:
  std::function<nanoseconds(int, bool)> script_;
  Mutex mutex_;
  CondVar changed_;
  int steps_ PARLEY_GUARDED_BY(mutex_) = 0;
  int done_ PARLEY_GUARDED_BY(mutex_) = 0;
};

TEST(Threads, AWorkerThatHasMoreIsSteppedAgainAtOnce) {
  Scripted worker([](int step, bool) { return step < 5 ? nanoseconds(0) : kUntilWoken; });
  const auto running = threads().add("test", worker);
  running->start();
  EXPECT_TRUE(worker.wait_for(5));
  running->stop();
}

TEST(Threads, WhoIsWokenIsSteppedAndIsNotTooLate) {
  std::atomic<int> over{0};
  Scripted worker([&](int, bool time_over) {
    if (time_over) ++over;
    return kUntilWoken;
  });
  const auto running = threads().add("test", worker);
  running->start();
  EXPECT_TRUE(worker.wait_for(1));
  for (int wakes = 1; wakes <= 200; ++wakes) {
    const auto before = worker.steps();
    running->wake();
    ASSERT_TRUE(worker.wait_for(before + 1)) << wakes;
  }
  running->stop();
  EXPECT_EQ(over, 0);
}

TEST(Threads, AWakeDuringAStepIsNotOverlooked) {
  Running* self = nullptr;
  Scripted worker([&](int step, bool) {
    if (step == 1) self->wake();
    return kUntilWoken;
  });
  const auto running = threads().add("test", worker);
  self = running.get();
  running->start();
  EXPECT_TRUE(worker.wait_for(2));
  running->stop();
}

TEST(Threads, WhenTheTimeIsOverItIsSaid) {
  Scripted worker([](int step, bool time_over) {
    if (step <= 3) {  // the end comes after that
      EXPECT_EQ(time_over, step > 1);
    }
    return step < 3 ? nanoseconds(1'000'000) : kUntilWoken;
  });
  const auto running = threads().add("test", worker);
  running->start();
  EXPECT_TRUE(worker.wait_for(3));
  running->stop();
}

TEST(Threads, AtTheEndWhatThereIsToDoAtOnceIsDone) {
  std::atomic<bool> may_end{false};
  std::atomic<int> left{3};
  Scripted worker([&](int, bool) {
    if (!may_end) return kUntilWoken;
    return --left > 0 ? nanoseconds(0) : kUntilWoken;
  });
  const auto running = threads().add("test", worker);
  running->start();
  EXPECT_TRUE(worker.wait_for(1));
  may_end = true;
  running->stop();
  EXPECT_EQ(left, 0);
  const auto steps = worker.steps();
  running->wake();
  EXPECT_EQ(worker.steps(), steps);
}

TEST(Threads, WhoWasNeverStartedEndsWithoutAStep) {
  Scripted worker([](int, bool) { return kUntilWoken; });
  threads().add("test", worker)->wake();
  EXPECT_EQ(worker.steps(), 0);
}

}  // namespace
}  // namespace parley
