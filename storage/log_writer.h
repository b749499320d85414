#pragma once
// The one worker that writes, on a thread of its own or stepped by a simulation (core/worker.h); "the log
// thread" either way. It takes all that waits, makes one synced write of it, then runs the completions in
// order, on this thread: one fsync for all shards' waiting entries.
//
// submit() is thread-safe and never blocks. A completion may write to the store itself (the shard
// machine's results, unsynced): the thread is the store's only writer. After a failed write every
// waiting job completes with the error, and the thread tries Store::recover() with growing pauses
// until it succeeds; the same when Store::check() finds it lost while nothing is written. Meanwhile jobs are refused at
// once. Jobs that came before the end of a recovery are refused too, so that who numbers his jobs can begin anew in
// `recovered`.

#include "core/clock.h"
#include "core/metrics.h"
#include "core/worker.h"
#include "storage/store.h"

#include <functional>
#include <memory>

namespace parley::storage {

struct LogJob {
  WriteBatch batch;  // may be empty: then only `done` runs, after everything before it
  Sync sync = Sync::yes;
  std::size_t commands = 0;                 // for metrics
  std::function<void(const Status&)> done;  // on the log thread; must not throw
};

class LogWriter {
 public:
  // `recovered` runs on the log thread after a successful recover(): caches must be read again.
  LogWriter(Store& store, const Clock& clock, Metrics& metrics, std::function<void()> recovered);
  ~LogWriter();  // stop()s
  // Runs on the log thread after the completions of each write, when the thread turns to the next:
  // where completions leave work to be done once for all of them. Set before start().
  void on_turn_end(std::function<void()> run);
  void start(Executor& executor = threads());
  void stop();  // writes what waits, ends the worker
  void submit(LogJob job);
  // From a completion or a turn's end whose own write or read failed: as if the log write had.
  void fail(const Error& error);
  [[nodiscard]] bool available() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::storage
