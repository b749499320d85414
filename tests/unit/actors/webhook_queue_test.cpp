// The rules of webhook delivery, step by step.

#include "actors/webhooks/webhook_queue.h"

#include "webhook_rows.h"

#include <gtest/gtest.h>

#include <set>

#include <malloc.h>

namespace parley::actors {
namespace {

using namespace std::chrono_literals;
using std::chrono::hours;
using std::chrono::minutes;

struct WebhookQueueTest : testing::Test {
  WebhookQueueConfig config;
  SeededRandom random{1};
  MonoTime now = kStart;

  void add(WebhookQueue& queue, std::uint16_t shard, std::uint64_t from, std::uint64_t to) const {
    for (const auto& each : rows(shard, from, to)) queue.add(each);
  }
  // Waits as long as the queue says; fails the test when it has nothing then.
  WebhookQueue::Batch next(WebhookQueue& queue) {
    now = std::max(now, queue.deadline());
    auto batch = queue.take(now);
    EXPECT_TRUE(batch.has_value());
    return batch.value_or(WebhookQueue::Batch{});
  }
  WebhookQueue::Failure fail(WebhookQueue& queue, const WebhookQueue::Batch& batch,
                             std::optional<milliseconds> retry_after = {}) {
    return queue.failed(batch.id, now, random, retry_after);
  }
};

TEST_F(WebhookQueueTest, HasNothingToGiveWhenNothingWaits) {
  WebhookQueue queue(config);
  EXPECT_FALSE(queue.take(now).has_value());
  EXPECT_EQ(queue.deadline(), MonoTime::max());
}

TEST_F(WebhookQueueTest, ABatchIsFilledFromSeveralLanesInOrder) {
  WebhookQueue queue(config);
  add(queue, 7, 1, 2);
  queue.add(row(3, 40));
  queue.add(row(7, 9));
  EXPECT_EQ(queue.deadline(), MonoTime::min());
  const auto batch = queue.take(now);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->rows, (std::vector{row(7, 1), row(7, 2), row(7, 9), row(3, 40)}));
  EXPECT_EQ(queue.counts().in_flight, 4U);
  queue.delivered(batch->id);
  EXPECT_EQ(queue.counts().waiting + queue.counts().in_flight, 0U);
  EXPECT_EQ(queue.deadline(), MonoTime::max());
}

TEST_F(WebhookQueueTest, ALaneIsLockedUntilItsBatchIsSettled) {
  config.batch_events_max = 2;
  WebhookQueue queue(config);
  add(queue, 1, 1, 5);
  const auto first = queue.take(now);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->rows, rows(1, 1, 2));
  EXPECT_FALSE(queue.take(now).has_value());
  EXPECT_EQ(queue.deadline(), MonoTime::max());
  queue.add(row(2, 1));
  EXPECT_EQ(queue.take(now)->rows, rows(2, 1, 1));  // others go on
  queue.delivered(first->id);
  EXPECT_EQ(queue.take(now)->rows, rows(1, 3, 4));
}

TEST_F(WebhookQueueTest, BatchesInFlightAreBounded) {
  config.batch_events_max = 1;
  config.concurrency_max = 3;
  WebhookQueue queue(config);
  for (std::uint16_t shard = 0; shard < 10; ++shard) queue.add(row(shard, 1));
  std::vector<WebhookQueue::Batch> flying;
  while (auto batch = queue.take(now)) flying.push_back(*batch);
  EXPECT_EQ(flying.size(), 3U);
  EXPECT_EQ(queue.counts().batches, 3U);
  EXPECT_EQ(queue.deadline(), MonoTime::max());
  queue.delivered(flying[1].id);
  EXPECT_EQ(queue.deadline(), MonoTime::min());
  EXPECT_TRUE(queue.take(now).has_value());
  EXPECT_FALSE(queue.take(now).has_value());
}

TEST_F(WebhookQueueTest, ALaneWithMuchToSayWaitsForTheOthers) {
  config.concurrency_max = 1;
  WebhookQueue queue(config);
  add(queue, 0, 1, 1'000);
  for (std::uint16_t shard = 1; shard <= 4; ++shard) add(queue, shard, 1, 10);
  std::set<std::uint16_t> served;
  for (int i = 0; i < 5; ++i) {
    const auto batch = next(queue);
    served.insert(batch.rows.front().shard.value);
    queue.delivered(batch.id);
  }
  EXPECT_EQ(served.size(), 5U);
}

TEST_F(WebhookQueueTest, AFailedLaneIsTriedAloneWithHalfAsManyUntilTheRowIsFound) {
  config.batch_events_max = 8;
  WebhookQueue queue(config);
  add(queue, 1, 1, 8);
  const auto poisoned = [](const WebhookQueue::Batch& batch) {
    return std::find(batch.rows.begin(), batch.rows.end(), row(1, 2)) != batch.rows.end();
  };
  std::vector<std::size_t> sizes;
  std::vector<NoticeRef> dead;
  while (queue.counts().waiting > 0) {
    queue.add(row(2, static_cast<std::uint64_t>(now.time_since_epoch().count())));  // healthy, in between
    const auto other = queue.take(now);
    const auto batch = other && other->rows.front().shard == ShardId{1} ? *other : next(queue);
    ASSERT_EQ(batch.rows.front().shard, ShardId{1});
    if (dead.empty()) sizes.push_back(batch.rows.size());
    if (!poisoned(batch)) {
      queue.delivered(batch.id);
    } else {
      const auto failure = fail(queue, batch);
      dead.insert(dead.end(), failure.dead.begin(), failure.dead.end());
    }
    if (other && other->id != batch.id) queue.delivered(other->id);
    now += 1ms;
  }
  ASSERT_GE(sizes.size(), 6U);
  EXPECT_EQ((std::vector(sizes.begin(), sizes.begin() + 6)), (std::vector<std::size_t>{8, 4, 2, 1, 2, 1}));
  EXPECT_EQ(dead, rows(1, 2, 2));
  EXPECT_GE(now - kStart, config.retry_for);
  EXPECT_LT(now - kStart, config.retry_for + 2min);
}

TEST_F(WebhookQueueTest, ALaneGrowsBackToFullBatchesBySuccess) {
  config.batch_events_max = 8;
  WebhookQueue queue(config);
  add(queue, 1, 1, 100);
  for (int i = 0; i < 5; ++i) fail(queue, next(queue));
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 5; ++i) {
    const auto batch = next(queue);
    sizes.push_back(batch.rows.size());
    queue.delivered(batch.id);
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 2, 4, 8, 8}));
}

TEST_F(WebhookQueueTest, LanesThatFailedTogetherAreTriedApart) {
  WebhookQueue queue(config);
  add(queue, 1, 1, 2);
  add(queue, 2, 1, 2);
  fail(queue, next(queue));
  EXPECT_FALSE(queue.take(now).has_value());
  EXPECT_EQ(queue.counts().lanes_failing, 2U);
  now += 2s;
  const auto a = queue.take(now);
  const auto b = queue.take(now);
  ASSERT_TRUE(a.has_value() && b.has_value());
  EXPECT_EQ(a->rows.size(), 1U);
  EXPECT_EQ(b->rows.size(), 1U);
  EXPECT_NE(a->rows[0].shard, b->rows[0].shard);
}

TEST_F(WebhookQueueTest, PausesGrowFromASecondToAMinuteWithJitter) {
  config.failures_until_down = 1'000;  // the lane's own pauses
  WebhookQueue queue(config);
  queue.add(row(1, 1));
  std::vector<milliseconds> pauses;
  for (int i = 0; i < 40; ++i) {
    fail(queue, next(queue));
    pauses.push_back(std::chrono::duration_cast<milliseconds>(queue.deadline() - now));
  }
  milliseconds upper = 2s;
  for (const auto pause : pauses) {
    EXPECT_LE(pause, upper);
    EXPECT_GE(pause, upper / 2);
    upper = std::min<milliseconds>(upper * 2, 60s);
  }
  EXPECT_GT(std::set(pauses.end() - 20, pauses.end()).size(), 15U);  // jitter
}

TEST_F(WebhookQueueTest, RetryAfterIsHonouredWithinReason) {
  WebhookQueue queue(config);
  queue.add(row(1, 1));
  fail(queue, next(queue), 30s);
  EXPECT_EQ(queue.deadline(), now + 30s);
  fail(queue, next(queue), 1ms);
  EXPECT_GE(queue.deadline(), now + 2s);  // never sooner than without
  fail(queue, next(queue), hours(1'000));
  EXPECT_EQ(queue.deadline(), now + config.retry_after_max);
  EXPECT_TRUE(queue.counts().down);
  // Once the target is back, what it asked for before is past.
  queue.add(row(2, 1));
  queue.delivered(next(queue).id);
  EXPECT_EQ(queue.deadline(), MonoTime::min());
  for (int i = 0; i < 3; ++i) fail(queue, next(queue));
  EXPECT_LE(queue.deadline(), now + config.retry_pause_max);
}

TEST_F(WebhookQueueTest, ARowIsGivenUpOnlyWhenItFailedAlone) {
  config.retry_for = 10s;
  config.lone_failures_min = 1;
  config.batch_events_max = 4;
  WebhookQueue queue(config);
  add(queue, 1, 1, 4);
  fail(queue, next(queue));
  now += 1h;
  const auto two = next(queue);
  EXPECT_EQ(two.rows, rows(1, 1, 2));
  EXPECT_TRUE(fail(queue, two).dead.empty());
  const auto one = next(queue);
  EXPECT_EQ(one.rows, rows(1, 1, 1));
  EXPECT_EQ(fail(queue, one).dead, rows(1, 1, 1));
  // The next one has failed as long, but has its own chance.
  const auto following = next(queue);
  EXPECT_EQ(following.rows, rows(1, 2, 2));
  queue.delivered(following.id);
  EXPECT_EQ(next(queue).rows, rows(1, 3, 4));
}

TEST_F(WebhookQueueTest, ARowThatWaitedBehindAnotherHasItsOwnChances) {
  config.retry_for = 10s;
  WebhookQueue queue(config);
  add(queue, 1, 1, 2);
  fail(queue, next(queue));
  now += 1h;
  for (std::uint64_t number = 1; number <= 2; ++number) {
    for (std::size_t i = 1; i <= config.lone_failures_min; ++i) {
      const auto batch = next(queue);
      EXPECT_EQ(batch.rows, rows(1, number, number));
      EXPECT_EQ(fail(queue, batch).dead.size(), i == config.lone_failures_min ? 1U : 0U);
    }
  }
  EXPECT_EQ(queue.deadline(), MonoTime::max());
}

TEST_F(WebhookQueueTest, TheRowAfterOneThatWasGivenUpStartsWithShortPauses) {
  config.retry_for = 0s;
  config.failures_until_down = 1'000;
  config.lone_failures_min = 8;
  WebhookQueue queue(config);
  add(queue, 1, 1, 2);
  fail(queue, next(queue));
  for (std::size_t i = 1; i <= config.lone_failures_min; ++i) fail(queue, next(queue));
  const auto following = next(queue);
  EXPECT_EQ(following.rows, rows(1, 2, 2));
  fail(queue, following);
  EXPECT_LE(queue.deadline(), now + 2s);
}

TEST_F(WebhookQueueTest, TheRowAfterOneThatWasRemovedHasItsOwnChances) {
  config.retry_for = 0s;
  config.lone_failures_min = 2;
  WebhookQueue queue(config);
  add(queue, 1, 1, 2);
  fail(queue, next(queue));
  EXPECT_TRUE(fail(queue, next(queue)).dead.empty());
  queue.remove(row(1, 1));
  EXPECT_TRUE(fail(queue, next(queue)).dead.empty());
  EXPECT_EQ(fail(queue, next(queue)).dead, rows(1, 2, 2));
}

TEST_F(WebhookQueueTest, TheAgeOfARowsFailureIsItsOwn) {
  config.retry_for = 1h;
  config.lone_failures_min = 1;
  WebhookQueue queue(config);
  queue.add(row(1, 1));
  fail(queue, next(queue));
  now += 59min;
  queue.remove(row(1, 1));
  queue.add(row(1, 2));
  fail(queue, next(queue));
  now += 59min;
  EXPECT_TRUE(fail(queue, next(queue)).dead.empty());
  now += 2min;
  EXPECT_EQ(fail(queue, next(queue)).dead, rows(1, 2, 2));
}

TEST_F(WebhookQueueTest, WhatTheTargetRefusesForGoodIsGivenUpAloneAndSoon) {
  WebhookQueue queue(config);
  add(queue, 1, 1, 3);
  std::vector<NoticeRef> dead;
  const auto start = now;
  while (dead.empty()) {
    const auto batch = next(queue);
    ASSERT_FALSE(batch.rows.empty());
    const auto failure = queue.failed(batch.id, now, random, {}, true);
    dead.insert(dead.end(), failure.dead.begin(), failure.dead.end());
  }
  EXPECT_EQ(dead, rows(1, 1, 1)) << "only the one that was refused alone";
  EXPECT_LT(now - start, 10min);
  const auto rest = next(queue);
  EXPECT_EQ(rest.rows.front(), row(1, 2));
}

// Sixty-four lanes that each fail once within a moment are one failure of the target, not sixty-four.
TEST_F(WebhookQueueTest, AShortOutageOfManyLanesEndsSoonAfterTheTargetIsBack) {
  WebhookQueue queue(config);
  for (std::uint16_t lane = 0; lane < 64; ++lane) add(queue, lane, 1, 20);
  const auto back = now + 10s;
  while (true) {
    now = std::max(now, queue.deadline());
    const auto batch = queue.take(now);
    ASSERT_TRUE(batch.has_value());
    now += 1ms;  // how long a refused connection takes
    if (now >= back) {
      queue.delivered(batch->id);
      break;
    }
    fail(queue, *batch);
  }
  EXPECT_LT(now - back, 20s) << "probed too seldom";
}

TEST_F(WebhookQueueTest, ATargetThatIsDownIsProbedUntilItAnswersThenGetsEverything) {
  config.batch_events_max = 2;
  WebhookQueue queue(config);
  for (std::uint16_t shard = 0; shard < 8; ++shard) add(queue, shard, 1, 2);
  std::vector<WebhookQueue::Batch> flying;
  while (auto batch = queue.take(now)) flying.push_back(*batch);
  ASSERT_EQ(flying.size(), 4U);
  EXPECT_FALSE(fail(queue, flying[0]).down);
  EXPECT_FALSE(fail(queue, flying[1]).down);
  EXPECT_TRUE(fail(queue, flying[2]).down);
  EXPECT_FALSE(queue.take(now).has_value());  // one is still in flight
  fail(queue, flying[3]);
  EXPECT_EQ(queue.counts().failing_since, kStart);
  EXPECT_EQ(queue.counts().failures_in_row, 4U);
  for (int i = 0; i < 20; ++i) {
    const auto probe = next(queue);
    EXPECT_FALSE(queue.take(now + 1h).has_value());
    EXPECT_TRUE(fail(queue, probe).down);
  }
  EXPECT_GT(queue.deadline(), now + 25s);
  queue.delivered(next(queue).id);
  EXPECT_FALSE(queue.counts().down);
  EXPECT_FALSE(queue.counts().failing_since.has_value());
  std::size_t at_once = 0;
  while (queue.take(now)) ++at_once;
  EXPECT_EQ(at_once, config.concurrency_max);
}

TEST_F(WebhookQueueTest, AnEventThatFailsByItselfHoldsUpNobodyElse) {
  WebhookQueue queue(config);
  queue.add(row(1, 1));
  for (int i = 0; i < 10; ++i) fail(queue, next(queue));
  ASSERT_TRUE(queue.counts().down);
  queue.add(row(2, 1));
  const auto batch = queue.take(now);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->rows, rows(2, 1, 1));
  // But a lane may do so once.
  fail(queue, *batch);
  queue.add(row(2, 2));
  EXPECT_FALSE(queue.take(now).has_value());
}

TEST_F(WebhookQueueTest, WhatDoesNotFitIsCutOffAndComesNext) {
  WebhookQueue queue(config);
  add(queue, 1, 1, 3);
  add(queue, 2, 1, 3);
  add(queue, 3, 1, 3);
  const auto batch = next(queue);
  queue.add(row(4, 1));
  queue.cut(batch.id, row(2, 2));
  EXPECT_EQ(queue.counts().in_flight, 5U);
  EXPECT_EQ(queue.take(now)->rows, (std::vector{row(3, 1), row(3, 2), row(3, 3), row(4, 1)}));
  queue.delivered(batch.id);
  EXPECT_EQ(queue.take(now)->rows, rows(2, 3, 3));
}

TEST_F(WebhookQueueTest, WhatIsPutBackWaitsAsBefore) {
  WebhookQueue queue(config);
  add(queue, 1, 1, 2);
  add(queue, 2, 1, 1);
  const auto batch = next(queue);
  EXPECT_EQ(batch.rows.size(), 3U);
  queue.put_back(batch.id);
  EXPECT_EQ(queue.rows(), 3U);
  EXPECT_EQ(queue.counts().in_flight, 0U);
  EXPECT_EQ(queue.counts().failures_in_row, 0U);
  EXPECT_EQ(next(queue).rows, batch.rows);
  // All of it was removed meanwhile: nothing is left to wait.
  WebhookQueue other(config);
  add(other, 1, 1, 1);
  const auto gone = next(other);
  other.remove(row(1, 1));
  other.put_back(gone.id);
  EXPECT_EQ(other.rows(), 0U);
  EXPECT_EQ(other.deadline(), MonoTime::max());
}

TEST_F(WebhookQueueTest, AttemptsAreCountedUntilOneSucceeds) {
  WebhookQueue queue(config);
  add(queue, 1, 1, 1);
  for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
    const auto batch = next(queue);
    EXPECT_EQ(batch.attempt, attempt);
    if (attempt < 3) fail(queue, batch);
    if (attempt == 3) queue.delivered(batch.id);
  }
  add(queue, 1, 2, 2);
  EXPECT_EQ(next(queue).attempt, 1U);
}

TEST_F(WebhookQueueTest, RemovedRowsAreSentNoMore) {
  WebhookQueue queue(config);
  add(queue, 1, 1, 4);
  EXPECT_TRUE(queue.remove(row(1, 2)));
  EXPECT_FALSE(queue.remove(row(1, 2)));
  EXPECT_FALSE(queue.remove(row(1, 99)));
  EXPECT_FALSE(queue.remove(row(9, 1)));
  const auto batch = next(queue);
  EXPECT_EQ(batch.rows, (std::vector{row(1, 1), row(1, 3), row(1, 4)}));
  queue.remove(row(1, 1));
  EXPECT_EQ(queue.counts().in_flight, 2U);
  fail(queue, batch);
  const auto again = next(queue);
  EXPECT_EQ(again.rows, rows(1, 3, 3));
  for (const auto& each : rows(1, 3, 4)) queue.remove(each);
  fail(queue, again);
  EXPECT_EQ(queue.counts().waiting + queue.counts().in_flight, 0U);
  EXPECT_EQ(queue.deadline(), MonoTime::max());
  // Also from a lane that pauses.
  queue.add(row(1, 5));
  fail(queue, next(queue));
  queue.remove(row(1, 5));
  EXPECT_EQ(queue.deadline(), MonoTime::max());
  EXPECT_EQ(queue.counts().lanes_failing, 0U);
}

TEST_F(WebhookQueueTest, ARowThatWaitsTakesFewBytes) {
  constexpr std::size_t kRows = 500'000;
  WebhookQueue queue(config);
  const auto before = mallinfo2().uordblks;
  for (std::uint64_t i = 0; i < kRows; ++i) queue.add(row(static_cast<std::uint16_t>(i % 64), i));
  EXPECT_LE(mallinfo2().uordblks - before, kRows * 24);
}

}  // namespace
}  // namespace parley::actors
