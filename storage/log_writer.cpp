#include "storage/log_writer.h"

#include "core/log.h"
#include "core/mutex.h"

#include <algorithm>
#include <atomic>
#include <optional>

namespace parley::storage {
namespace {

// One turn takes no more than this, so that the first of many waiting jobs is not acknowledged last.
constexpr std::size_t kTurnJobsMax = 2'048;
constexpr std::size_t kTurnOperationsMax = 16'384;

constexpr milliseconds kFirstPause{20};
constexpr milliseconds kLongestPause{5'000};
constexpr milliseconds kLookPause{2'000};  // between looks at what lies below, when nothing is written

}  // namespace

struct LogWriter::Impl final : Worker {
  Store& store;
  const Clock& clock;
  Metrics& metrics;
  std::function<void()> recovered;
  std::function<void()> turn_end;

  Mutex mutex;  // a leaf
  std::vector<LogJob> queue PARLEY_GUARDED_BY(mutex);
  std::atomic<bool> up{true};
  std::unique_ptr<Running> running;

  // The log thread's own.
  std::vector<LogJob> jobs;  // taken from the queue; those before `next` are done
  std::size_t next = 0;
  std::optional<Error> failure;
  bool down = false;  // with the failure, and everything is refused
  milliseconds pause = kFirstPause;
  MonoTime try_at{};

  Impl(Store& s, const Clock& c, Metrics& m, std::function<void()> r)
      : store(s), clock(c), metrics(m), recovered(std::move(r)) {}

  std::chrono::nanoseconds step(bool time_over) override {
    if (!down) {
      if (next == jobs.size()) take();
      if (next < jobs.size()) {
        next = turn(jobs, next);
      } else if (time_over) {  // nothing is written: is the store still there?
        if (const auto there = store.check(); !there) fail(there.error());
      }
      if (!failure) return jobs.empty() ? kLookPause : std::chrono::nanoseconds(0);
      if (next < jobs.size()) return std::chrono::nanoseconds(0);
      down = true;
      pause = kFirstPause;
      time_over = true;
    }
    return stay_down(time_over);
  }

  void take() {
    jobs.clear();
    next = 0;
    const MutexLock lock(mutex);
    jobs.swap(queue);
  }

  // One write and the completions that hang on it. Returns where the next turn begins.
  std::size_t turn(std::vector<LogJob>& taken, std::size_t from) {
    WriteBatch batch;
    Sync sync = Sync::no;
    std::size_t commands = 0;
    std::size_t to = from;
    for (; to < taken.size() && to - from < kTurnJobsMax && batch.operations().size() < kTurnOperationsMax; ++to) {
      auto& job = taken[to];
      commands += job.commands;
      if (job.batch.empty()) continue;
      if (job.sync == Sync::yes) sync = Sync::yes;
      batch.append(std::move(job.batch));
    }
    Status written;
    if (failure) {
      written = *failure;
    } else if (!batch.empty()) {
      written = write(batch, sync, commands);
    }
    metrics.log_queue_commands.add(-static_cast<double>(commands));
    if (!written && !failure) fail(written.error());
    for (auto at = from; at < to; ++at) {
      if (taken[at].done) taken[at].done(written);
    }
    if (turn_end) turn_end();
    return to;
  }

  Status write(const WriteBatch& batch, Sync sync, std::size_t commands) {
    const auto before = clock.now();
    auto written = store.write(batch, sync);
    if (sync == Sync::yes) {
      metrics.log_fsync_seconds.observe(std::chrono::duration<double>(clock.now() - before).count());
      metrics.log_batch_commands.observe(static_cast<double>(commands));
    }
    return written;
  }

  void fail(const Error& error) {
    metrics.storage_errors.add();
    if (failure) return;
    failure = make_error(Errc::storage_unavailable, error.message);
    up = false;
    metrics.storage_available.set(0);
    log_error("storage failed", {{"error", error.message}});
  }

  // Refuses what comes until the store is back.
  std::chrono::nanoseconds stay_down(bool time_over) {
    refuse_queue();
    const auto now = clock.now();
    // The clock as well: with busy callers no wait ever ends in vain.
    if (!time_over && now < try_at) return try_at - now;
    if (const auto recovery = store.recover(); recovery.ok()) {
      if (come_back()) return std::chrono::nanoseconds(0);
    } else {
      metrics.storage_errors.add();
      log_warn("storage not recovered", {{"error", recovery.error().message}});
    }
    const auto wait = pause;
    try_at = clock.now() + wait;
    pause = std::min(pause * 2, kLongestPause);
    return wait;
  }

  bool come_back() {
    failure.reset();
    if (recovered) recovered();
    if (failure) return false;  // reading the caches anew failed
    std::vector<LogJob> stale;
    {
      const MutexLock lock(mutex);
      stale.swap(queue);
      up = true;
    }
    refuse(stale);
    down = false;
    metrics.storage_available.set(1);
    log_info("storage recovered");
    return true;
  }

  void refuse_queue() {
    std::vector<LogJob> refused;
    {
      const MutexLock lock(mutex);
      refused.swap(queue);
    }
    refuse(refused);
  }

  void refuse(std::vector<LogJob>& waiting) {
    if (waiting.empty()) return;
    const Status refused = failure ? *failure : make_error(Errc::storage_unavailable, "the store was just recovered");
    double commands = 0;
    for (auto& job : waiting) {
      commands += static_cast<double>(job.commands);
      if (job.done) job.done(refused);
    }
    metrics.log_queue_commands.add(-commands);
    if (turn_end) turn_end();
  }
};

LogWriter::LogWriter(Store& store, const Clock& clock, Metrics& metrics, std::function<void()> recovered)
    : impl_(std::make_unique<Impl>(store, clock, metrics, std::move(recovered))) {}

LogWriter::~LogWriter() { stop(); }

void LogWriter::on_turn_end(std::function<void()> run) { impl_->turn_end = std::move(run); }

void LogWriter::start(Executor& executor) {
  CHECK(impl_->running == nullptr);
  impl_->metrics.storage_available.set(1);
  impl_->running = executor.add("parley-log", *impl_);
  impl_->running->start();
}

void LogWriter::stop() {
  if (impl_->running != nullptr) impl_->running->stop();
}

void LogWriter::submit(LogJob job) {
  if (job.commands > 0) impl_->metrics.log_queue_commands.add(static_cast<double>(job.commands));
  {
    const MutexLock lock(impl_->mutex);
    impl_->queue.push_back(std::move(job));
  }
  if (impl_->running != nullptr) impl_->running->wake();
}

void LogWriter::fail(const Error& error) { impl_->fail(error); }

bool LogWriter::available() const { return impl_->up; }

}  // namespace parley::storage
