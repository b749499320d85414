#include "storage/log_writer.h"

#include "core/log.h"
#include "core/mutex.h"
#include "core/thread_name.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

namespace parley::storage {
namespace {

// One turn takes no more than this, so that the first of many waiting jobs is not acknowledged last.
constexpr std::size_t kTurnJobsMax = 2'048;
constexpr std::size_t kTurnOperationsMax = 16'384;

constexpr milliseconds kFirstPause{20};
constexpr milliseconds kLongestPause{5'000};
constexpr milliseconds kLookPause{2'000};  // between looks at what lies below, when nothing is written

}  // namespace

struct LogWriter::Impl {
  Store& store;
  const Clock& clock;
  Metrics& metrics;
  std::function<void()> recovered;
  std::function<void()> turn_end;

  Mutex mutex;  // a leaf
  CondVar wake;
  std::vector<LogJob> queue PARLEY_GUARDED_BY(mutex);
  bool asleep PARLEY_GUARDED_BY(mutex) = false;
  bool stopping PARLEY_GUARDED_BY(mutex) = false;
  std::atomic<bool> up{true};

  // The log thread's own.
  std::optional<Error> failure;
  std::thread thread;

  Impl(Store& s, const Clock& c, Metrics& m, std::function<void()> r)
      : store(s), clock(c), metrics(m), recovered(std::move(r)) {}

  void run() {
    std::vector<LogJob> jobs;
    while (take(jobs)) {
      for (std::size_t from = 0; from < jobs.size();) from = turn(jobs, from);
      jobs.clear();
      if (failure) stay_down();
    }
  }

  // Waits for jobs, or for the store to be lost under an idle node; false: stopping and no job is left.
  bool take(std::vector<LogJob>& jobs) {
    const auto due = [this]() PARLEY_REQUIRES(mutex) { return stopping || !queue.empty(); };
    MutexLock lock(mutex);
    asleep = true;
    while (!wake.wait_for(lock, kLookPause, due)) {
      lock.unlock();
      const auto there = store.check();
      if (!there) fail(there.error());
      lock.lock();
      if (failure) break;
      asleep = true;
    }
    asleep = false;
    jobs.swap(queue);
    return !jobs.empty() || (failure && !stopping);
  }

  // One write and the completions that hang on it. Returns where the next turn begins.
  std::size_t turn(std::vector<LogJob>& jobs, std::size_t from) {
    WriteBatch batch;
    Sync sync = Sync::no;
    std::size_t commands = 0;
    std::size_t to = from;
    for (; to < jobs.size() && to - from < kTurnJobsMax && batch.operations().size() < kTurnOperationsMax; ++to) {
      auto& job = jobs[to];
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
      if (jobs[at].done) jobs[at].done(written);
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
  void stay_down() {
    auto pause = kFirstPause;
    while (true) {
      if (const auto recovery = store.recover(); recovery.ok()) {
        if (come_back()) return;
      } else {
        metrics.storage_errors.add();
        log_warn("storage not recovered", {{"error", recovery.error().message}});
      }
      if (!refuse_for(pause)) return;
      pause = std::min(pause * 2, kLongestPause);
    }
  }

  bool come_back() {
    failure.reset();
    if (recovered) recovered();
    if (failure) return false;  // reading the caches anew failed
    std::vector<LogJob> stale;
    {
      MutexLock lock(mutex);
      stale.swap(queue);
      up = true;
    }
    refuse(stale);
    metrics.storage_available.set(1);
    log_info("storage recovered");
    return true;
  }

  // Refuses jobs as they come for about `pause`; stop() cuts it short. false: stopping.
  bool refuse_for(milliseconds pause) {
    const auto end = clock.now() + pause;
    MutexLock lock(mutex);
    while (!stopping) {
      asleep = true;
      const bool over =
          !wake.wait_for(lock, pause, [this]() PARLEY_REQUIRES(mutex) { return stopping || !queue.empty(); });
      asleep = false;
      std::vector<LogJob> refused;
      refused.swap(queue);
      lock.unlock();
      refuse(refused);
      if (over || clock.now() >= end) return true;  // the clock, because busy callers never let the wait run out
      lock.lock();
    }
    return false;
  }

  void refuse(std::vector<LogJob>& jobs) {
    if (jobs.empty()) return;
    const Status refused = failure ? *failure : make_error(Errc::storage_unavailable, "the store was just recovered");
    double commands = 0;
    for (auto& job : jobs) {
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

void LogWriter::start() {
  CHECK(!impl_->thread.joinable());
  impl_->metrics.storage_available.set(1);
  impl_->thread = std::thread([this] {
    name_this_thread("parley-log");
    impl_->run();
  });
}

void LogWriter::stop() {
  {
    MutexLock lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_one();
  if (impl_->thread.joinable()) impl_->thread.join();
}

void LogWriter::submit(LogJob job) {
  if (job.commands > 0) impl_->metrics.log_queue_commands.add(static_cast<double>(job.commands));
  bool sleeping = false;
  {
    MutexLock lock(impl_->mutex);
    impl_->queue.push_back(std::move(job));
    sleeping = impl_->asleep;
    impl_->asleep = false;  // who comes next need not wake it again
  }
  if (sleeping) impl_->wake.notify_one();
}

void LogWriter::fail(const Error& error) { impl_->fail(error); }

bool LogWriter::available() const { return impl_->up; }

}  // namespace parley::storage
