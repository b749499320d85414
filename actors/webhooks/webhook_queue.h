#pragma once
// The rules of delivering one target's webhooks: which stored notices go into the next request, what is
// sent again and when, what is given up. A plain value; its webhook actor owns it, on a CAF worker.
//
// Order is kept within each shard: a shard is a lane, and a lane that is on its way is locked until its
// batch is settled. A lane that failed pauses, longer each time, and is then tried alone with half as many
// rows, so that one event that the target cannot take is found and holds up nobody else. After some
// failures in a row the target is down: one batch at a time until one succeeds.
//
// Holds numbers, not events: 8 bytes for each row that waits.

#include "core/clock.h"
#include "core/ids.h"
#include "core/notice.h"
#include "core/random.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace parley::actors {

using WebhookBatchId = Id<struct WebhookBatchTag>;

struct WebhookQueueConfig {
  std::size_t batch_events_max = 10;
  std::size_t concurrency_max = 4;  // batches in flight
  milliseconds retry_pause_min{1'000};
  milliseconds retry_pause_max{60'000};
  milliseconds retry_after_max{3'600'000};  // of what a target may ask for
  // A row is given up when it failed alone, this long after its first failure, and so many times: one that waited
  // behind another for all that time has its own chances.
  seconds retry_for{86'400};
  std::size_t lone_failures_min = 5;
  std::size_t failures_until_down = 3;  // in a row, of any lanes
};

class WebhookQueue {
 public:
  explicit WebhookQueue(WebhookQueueConfig config);
  void configure(WebhookQueueConfig config);  // counts from the next step on

  struct Batch {
    WebhookBatchId id;
    std::vector<NoticeRef> rows;  // in order within each shard
    std::uint32_t attempt = 1;    // one more than the failures of its lane until now
  };
  struct Failure {
    std::vector<NoticeRef> dead;  // given up; the queue knows them no more
    bool down = false;
  };

  void add(NoticeRef row);
  // The row is gone; waiting, on its way, or unknown here: then false. Of a batch on its way it is not sent again.
  bool remove(NoticeRef row);

  // All rows of the shard, as remove() does.
  void remove_all(ShardId shard);

  // The next request's rows. Nothing: not now, see deadline().
  std::optional<Batch> take(MonoTime now);
  // Only the rows up to `last` fit into the request; those after it were not sent and wait as before.
  void cut(WebhookBatchId batch, NoticeRef last);
  // Each batch is settled once, by one of these.
  void put_back(WebhookBatchId batch);  // nothing was sent: its rows wait as before
  void delivered(WebhookBatchId batch);
  // `rejected`: the target says that it will never take this; a row that it says so of alone, some times over, is
  // given up at once.
  Failure failed(WebhookBatchId batch, MonoTime now, Random& random, std::optional<milliseconds> retry_after = {},
                 bool rejected = false);

  // When take() may have something: MonoTime::min() for now, max() for not before something is added or settled.
  [[nodiscard]] MonoTime deadline() const;

  struct Counts {
    std::size_t waiting = 0;    // rows
    std::size_t in_flight = 0;  // rows
    std::size_t batches = 0;    // in flight
    std::size_t lanes_failing = 0;
    std::size_t failures_in_row = 0;
    std::optional<MonoTime> failing_since;  // the first failure after the last success
    bool down = false;
  };
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::size_t rows() const { return rows_; }  // waiting and in flight

 private:
  enum class LaneState : std::uint8_t {
    new_lane,   // in no list
    together,   // in together_
    alone,      // in alone_
    pausing,    // in pausing_
    in_flight,  // of one batch
  };
  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

  struct FailedUpTo {
    std::uint64_t number;
    MonoTime first;
  };

  // Exists while it has rows or is in flight.
  struct Lane {
    std::deque<std::uint64_t> rows;  // those in flight are the first ones
    std::deque<FailedUpTo> failed;   // rows that failed before, as runs: a few, because retries are halved
    std::size_t in_flight = 0;
    std::size_t limit = kNoLimit;         // rows of its next batch: halved by a failure, doubled by a success
    std::uint32_t failures = 0;           // in a row
    std::uint32_t lone_failures = 0;      // of its first row
    MonoTime retry_at = MonoTime::min();  // while pausing
    LaneState state = LaneState::new_lane;
  };
  using Lanes = std::map<ShardId, Lane>;

  std::vector<ShardId> lanes_of_next(MonoTime now);
  void make_ready(ShardId shard, Lane& lane, bool first = false);
  void pause_until(ShardId shard, Lane& lane, MonoTime when);
  void unlist(ShardId shard, Lane& lane);
  void wake_paused(MonoTime now);
  void release(Lanes::iterator at);
  static void first_row_changed(Lane& lane);
  std::vector<ShardId> settle(WebhookBatchId batch);
  void fail_lane(Lanes::iterator at, MonoTime now, MonoTime retry_at, bool rejected, std::vector<NoticeRef>& dead);
  [[nodiscard]] milliseconds pause_after(std::size_t failures, Random& random) const;
  [[nodiscard]] bool blocked() const;

  WebhookQueueConfig config_;
  Lanes lanes_;
  std::deque<ShardId> together_;  // ready, longest first; their rows may share a batch
  std::deque<ShardId> alone_;     // ready, longest first; each has a batch of its own
  std::set<std::pair<MonoTime, ShardId>> pausing_;
  std::map<WebhookBatchId, std::vector<ShardId>> batches_;  // in flight: whose lanes
  std::uint64_t last_batch_ = 0;
  bool alone_next_ = false;  // both kinds take turns
  std::size_t rows_ = 0;
  std::size_t rows_in_flight_ = 0;

  std::size_t failures_in_row_ = 0;
  std::optional<MonoTime> failing_since_;
  bool down_ = false;
  MonoTime probe_at_ = MonoTime::min();  // while down: not before, for lanes that failed
  std::size_t probes_failed_ = 0;        // since it is down
};

}  // namespace parley::actors
