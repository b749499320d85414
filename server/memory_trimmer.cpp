#include "server/memory_trimmer.h"

#include "core/clock.h"
#include "core/thread_name.h"

#include <malloc.h>

namespace parley::server {
namespace {

constexpr seconds kEvery{5};
constexpr std::size_t kWorthIt = 16 * 1024 * 1024;  // free beyond what the last time left
// From here on an allocation has pages of its own, which go back when it is freed. Said once, or glibc moves it up.
constexpr int kOwnPagesFrom = 512 * 1024;

std::size_t free_bytes() { return mallinfo2().fordblks; }

}  // namespace

bool MemoryTrimmer::trim(std::size_t& kept) {
  const auto free = free_bytes();
  if (free < kept) kept = free;
  if (free < kept + kWorthIt) return false;
  malloc_trim(0);
  kept = free_bytes();
  return true;
}

void MemoryTrimmer::start() {
  mallopt(M_MMAP_THRESHOLD, kOwnPagesFrom);
  thread_ = std::thread([this] {
    name_this_thread("parley-memory");
    run();
  });
}

void MemoryTrimmer::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void MemoryTrimmer::run() {
  std::size_t kept = 0;
  MutexLock lock(mutex_);
  while (!wake_.wait_for(lock, kEvery, [this]() PARLEY_REQUIRES(mutex_) { return stopping_; })) {
    lock.unlock();
    if (trim(kept)) trims_.add();
    lock.lock();
  }
}

}  // namespace parley::server
