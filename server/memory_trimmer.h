#pragma once
// Gives memory that was freed back to the system. The allocator keeps what a burst needed (a storm of reconnecting
// clients, a large roster) for the next one; on a machine with other programs that is theirs meanwhile. One thread that
// looks every few seconds. Owned by server/node.

#include "core/metrics.h"
#include "core/mutex.h"

#include <cstddef>
#include <thread>

namespace parley::server {

class MemoryTrimmer {
 public:
  explicit MemoryTrimmer(Counter trims) : trims_(trims) {}
  ~MemoryTrimmer() { stop(); }
  MemoryTrimmer(const MemoryTrimmer&) = delete;
  MemoryTrimmer& operator=(const MemoryTrimmer&) = delete;
  void start();
  void stop();

  // True: there was something worth it. `kept` is what the allocator could not give back then: pieces between others.
  static bool trim(std::size_t& kept);

 private:
  void run();

  const Counter trims_;
  Mutex mutex_;  // a leaf
  CondVar wake_;
  bool stopping_ PARLEY_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace parley::server
