#include "storage/log_writer.h"
#include "tests/support/faulty_store.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace parley::storage {
namespace {

using testing::FaultyStore;

class LogWriterTest : public ::testing::Test {
 protected:
  LogWriterTest() : writer_(store_, clock_, metrics_, [this] { on_recovered(); }) {}
  ~LogWriterTest() override { writer_.stop(); }

  void on_recovered() {
    std::unique_lock lock(mutex_);
    ++recovered_;
    changed_.notify_all();
  }
  LogJob job(const std::string& key, Sync sync = Sync::yes) {
    LogJob made;
    made.batch.put(Family::log, key, "value");
    made.sync = sync;
    made.commands = 1;
    made.done = [this, key](const Status& written) {
      std::unique_lock lock(mutex_);
      outcomes_.push_back(key + (written ? ":ok" : ":failed"));
      changed_.notify_all();
    };
    return made;
  }
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return outcomes_.size() >= count; });
    return outcomes_;
  }
  void wait_available() {
    while (!writer_.available()) std::this_thread::yield();
  }
  // Holds the log thread inside a completion, so that jobs pile up behind it.
  std::promise<void> hold() {
    std::promise<void> release;
    std::promise<void> held;
    LogJob holder;
    holder.done = [&held, wait = std::make_shared<std::future<void>>(release.get_future())](const Status&) {
      held.set_value();
      wait->wait();
    };
    writer_.submit(std::move(holder));
    held.get_future().wait();
    return release;
  }

  FaultyStore store_;
  SystemClock clock_;
  Metrics metrics_;
  LogWriter writer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> outcomes_;
  int recovered_ = 0;
};

TEST_F(LogWriterTest, AllThatWaitsSharesOneSyncedWrite) {
  writer_.start();
  auto release = hold();
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    writer_.submit(job(std::to_string(i), i % 3 == 0 ? Sync::yes : Sync::no));
    expected.push_back(std::to_string(i) + ":ok");
  }
  EXPECT_EQ(metrics_.log_queue_commands.value(), 100);
  release.set_value();
  EXPECT_EQ(wait_for(100), expected);
  EXPECT_EQ(store_.writes(), 1u);
  EXPECT_EQ(store_.synced_writes(), 1u);
  EXPECT_EQ(store_.unsynced_writes(), 0u);
  EXPECT_EQ(metrics_.log_queue_commands.value(), 0);
}

TEST_F(LogWriterTest, UnsyncedJobsAloneCauseNoSync) {
  writer_.start();
  writer_.submit(job("a", Sync::no));
  wait_for(1);
  EXPECT_EQ(store_.synced_writes(), 0u);
  EXPECT_EQ(store_.unsynced_writes(), 1u);
}

TEST_F(LogWriterTest, AnEmptyJobRunsAfterAllBeforeIt) {
  writer_.start();
  auto release = hold();
  writer_.submit(job("a"));
  LogJob empty = job("empty");
  empty.batch.clear();
  writer_.submit(std::move(empty));
  writer_.submit(job("b"));
  release.set_value();
  EXPECT_EQ(wait_for(3), (std::vector<std::string>{"a:ok", "empty:ok", "b:ok"}));
}

TEST_F(LogWriterTest, StoppingWritesWhatWaits) {
  writer_.start();
  auto release = hold();
  for (int i = 0; i < 10; ++i) writer_.submit(job(std::to_string(i)));
  release.set_value();
  writer_.stop();
  EXPECT_EQ(outcomes_.size(), 10u);
  EXPECT_EQ(store_.unsynced_writes(), 0u);
}

TEST_F(LogWriterTest, ATurnEndsAfterItsCompletions) {
  std::size_t told_at_end = 0;
  writer_.on_turn_end([&] {
    std::unique_lock lock(mutex_);
    told_at_end = outcomes_.size();
  });
  writer_.start();
  auto release = hold();
  for (int i = 0; i < 10; ++i) writer_.submit(job(std::to_string(i)));
  release.set_value();
  writer_.stop();
  EXPECT_EQ(told_at_end, 10u);
}

TEST_F(LogWriterTest, AFailedWriteFailsAllThatWaitedForItAndThenItRecovers) {
  store_.fail_write(1);
  store_.fail_recoveries(2);
  writer_.start();
  auto release = hold();
  writer_.submit(job("a"));
  writer_.submit(job("b"));
  release.set_value();
  EXPECT_EQ(wait_for(2), (std::vector<std::string>{"a:failed", "b:failed"}));
  wait_available();
  EXPECT_EQ(store_.recoveries(), 3u);
  EXPECT_EQ(recovered_, 1);
  EXPECT_EQ(metrics_.storage_errors.value(), 3);
  EXPECT_EQ(metrics_.log_queue_commands.value(), 0);
  writer_.submit(job("c"));
  EXPECT_EQ(wait_for(3).back(), "c:ok");
  EXPECT_EQ(metrics_.storage_available.value(), 1);
}

TEST_F(LogWriterTest, JobsAreRefusedAtOnceWhileTheDiskIsBad) {
  store_.fail_write(1);
  store_.fail_recoveries(1'000'000);
  writer_.start();
  writer_.submit(job("a"));
  wait_for(1);
  EXPECT_FALSE(writer_.available());
  writer_.submit(job("b"));
  EXPECT_EQ(wait_for(2).back(), "b:failed");
  EXPECT_EQ(metrics_.storage_available.value(), 0);
  EXPECT_FALSE(writer_.available());
  writer_.stop();  // does not wait for the disk
}

TEST_F(LogWriterTest, AStoreThatIsLostUnderAnIdleWriterIsNoticedAndComesBack) {
  writer_.start();
  writer_.submit(job("a"));
  EXPECT_EQ(wait_for(1).back(), "a:ok");
  store_.lose(true);
  while (writer_.available()) std::this_thread::yield();
  EXPECT_EQ(metrics_.storage_available.value(), 0);
  writer_.submit(job("b"));
  EXPECT_EQ(wait_for(2).back(), "b:failed");
  store_.lose(false);
  wait_available();
  writer_.submit(job("c"));
  EXPECT_EQ(wait_for(3).back(), "c:ok");
}

TEST_F(LogWriterTest, StoppingDoesNotWaitForALostStore) {
  writer_.start();
  store_.lose(true);
  while (writer_.available()) std::this_thread::yield();
  writer_.stop();
  EXPECT_FALSE(writer_.available());
}

TEST_F(LogWriterTest, ACompletionCanReportAFailureOfItsOwn) {
  writer_.start();
  auto release = hold();
  auto first = job("a");
  first.done = [this](const Status&) { writer_.fail(make_error(Errc::storage_unavailable, "mine")); };
  writer_.submit(std::move(first));
  writer_.submit(job("b"));
  release.set_value();
  wait_for(1);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return recovered_ == 1; });
}

TEST_F(LogWriterTest, ManyThreadsSubmitAndEachKeepsItsOrder) {
  writer_.start();
  std::vector<std::thread> threads;
  for (char name = 'a'; name < 'e'; ++name) {
    threads.emplace_back([this, name] {
      for (int i = 0; i < 500; ++i) writer_.submit(job(fmt::format("{}{:04}", name, i)));
    });
  }
  for (auto& thread : threads) thread.join();
  auto outcomes = wait_for(2'000);
  std::stable_sort(outcomes.begin(), outcomes.end(), [](const auto& a, const auto& b) { return a[0] < b[0]; });
  EXPECT_TRUE(std::is_sorted(outcomes.begin(), outcomes.end()));
}

}  // namespace
}  // namespace parley::storage
