#pragma once
// Mutexes that say what they guard: `std::vector<Job> jobs_ PARLEY_GUARDED_BY(mutex_);`. Clang's -Wthread-safety holds
// all code to it (tests/layering/thread_safety.py); for other compilers the words vanish, and what is left costs what
// the standard's types cost.
//
// A private function that is called with the mutex held says so by PARLEY_REQUIRES, and so does a lambda that is handed
// to CondVar: `[this]() PARLEY_REQUIRES(mutex_) { return stopping_; }`. Constructors and destructors are not checked.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <utility>

#if defined(__clang__)
#define PARLEY_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define PARLEY_THREAD_SAFETY(attribute)
#endif

#define PARLEY_CAPABILITY(kind) PARLEY_THREAD_SAFETY(capability(kind))
#define PARLEY_SCOPED_CAPABILITY PARLEY_THREAD_SAFETY(scoped_lockable)
#define PARLEY_GUARDED_BY(mutex) PARLEY_THREAD_SAFETY(guarded_by(mutex))
#define PARLEY_REQUIRES(...) PARLEY_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define PARLEY_REQUIRES_SHARED(...) PARLEY_THREAD_SAFETY(requires_shared_capability(__VA_ARGS__))
#define PARLEY_ACQUIRE(...) PARLEY_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define PARLEY_ACQUIRE_SHARED(...) PARLEY_THREAD_SAFETY(acquire_shared_capability(__VA_ARGS__))
#define PARLEY_RELEASE(...) PARLEY_THREAD_SAFETY(release_capability(__VA_ARGS__))

namespace parley {

class PARLEY_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class MutexLock;
  std::mutex native_;
};

// Holds the mutex while it lives, but for the time between unlock() and lock().
class PARLEY_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) PARLEY_ACQUIRE(mutex) : native_(mutex.native_) {}
  ~MutexLock() PARLEY_RELEASE() {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void unlock() PARLEY_RELEASE() { native_.unlock(); }
  void lock() PARLEY_ACQUIRE() { native_.lock(); }

 private:
  friend class CondVar;
  std::unique_lock<std::mutex> native_;  // whether it holds is known where it is inlined: no flag is kept
};

// A std::condition_variable for MutexLock.
class CondVar {
 public:
  template <class Predicate>
  void wait(MutexLock& lock, Predicate predicate) {
    native_.wait(lock.native_, std::move(predicate));
  }
  // Whether the predicate holds, at once or after at most so long.
  template <class Rep, class Period, class Predicate>
  bool wait_for(MutexLock& lock, std::chrono::duration<Rep, Period> longest, Predicate predicate) {
    return native_.wait_for(lock.native_, longest, std::move(predicate));
  }
  void notify_one() { native_.notify_one(); }
  void notify_all() { native_.notify_all(); }

 private:
  std::condition_variable native_;
};

// Many readers, or one writer.
class PARLEY_CAPABILITY("shared mutex") SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

 private:
  friend class ReadLock;
  friend class WriteLock;
  std::shared_mutex native_;
};

class PARLEY_SCOPED_CAPABILITY ReadLock {
 public:
  explicit ReadLock(SharedMutex& mutex) PARLEY_ACQUIRE_SHARED(mutex) : native_(mutex.native_) {}
  ~ReadLock() PARLEY_RELEASE() {}
  ReadLock(const ReadLock&) = delete;
  ReadLock& operator=(const ReadLock&) = delete;

 private:
  std::shared_lock<std::shared_mutex> native_;
};

class PARLEY_SCOPED_CAPABILITY WriteLock {
 public:
  explicit WriteLock(SharedMutex& mutex) PARLEY_ACQUIRE(mutex) : native_(mutex.native_) {}
  ~WriteLock() PARLEY_RELEASE() {}
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  std::unique_lock<std::shared_mutex> native_;
};

}  // namespace parley
