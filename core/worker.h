#pragma once
// Work that goes on beside the rest (the log, the reads, the actors), apart from who runs it. A node runs
// each worker on a thread of its own; a simulation steps all of them on one thread, in virtual time, in an
// order that its seed chooses.
//
// A Worker is owned by whoever has the work, and outlives its Running. Running is owned by the same; wake()
// is thread-safe, everything else belongs to the owner's thread.

#include <chrono>
#include <memory>

namespace parley {

inline constexpr std::chrono::nanoseconds kUntilWoken = std::chrono::nanoseconds::max();

class Worker {
 public:
  virtual ~Worker() = default;
  // Does some of what there is to do; never on two threads at once. Returns how long it may be left alone unless it
  // is woken: 0 when there is more. `time_over`: the time it asked for last has passed and nobody woke it.
  virtual std::chrono::nanoseconds step(bool time_over) = 0;
};

class Running {
 public:
  virtual ~Running() = default;  // as stop()
  virtual void start() = 0;      // once
  // There is something to do. Before start(), and after stop(), it does nothing. Cheap where it is awake already.
  virtual void wake() = 0;
  // Steps the worker until it has nothing more to do at once, and never again.
  virtual void stop() = 0;
};

class Executor {
 public:
  virtual ~Executor() = default;
  // `name`: for threads, at most 15 bytes; lives as long as the program. The result does nothing before start().
  virtual std::unique_ptr<Running> add(const char* name, Worker& worker) = 0;
  // Everything it runs is run by one thread, the caller's.
  [[nodiscard]] virtual bool single_thread() const = 0;
};

// A thread for each worker. Stateless.
Executor& threads();

}  // namespace parley
