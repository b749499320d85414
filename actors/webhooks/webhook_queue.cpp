#include "actors/webhooks/webhook_queue.h"

#include "core/check.h"

#include <algorithm>

namespace parley::actors {

WebhookQueue::WebhookQueue(WebhookQueueConfig config) { configure(config); }

void WebhookQueue::configure(WebhookQueueConfig config) {
  CHECK(config.batch_events_max > 0 && config.concurrency_max > 0 && config.failures_until_down > 0);
  CHECK(config.retry_pause_min.count() > 0 && config.retry_pause_max >= config.retry_pause_min);
  config_ = config;
}

void WebhookQueue::add(NoticeRef row) {
  auto& lane = lanes_[row.shard];
  CHECK(lane.rows.empty() || lane.rows.back() < row.number);
  lane.rows.push_back(row.number);
  ++rows_;
  if (lane.state == LaneState::new_lane) make_ready(row.shard, lane);
}

bool WebhookQueue::remove(NoticeRef row) {
  const auto at = lanes_.find(row.shard);
  if (at == lanes_.end()) return false;
  auto& lane = at->second;
  const auto found = std::lower_bound(lane.rows.begin(), lane.rows.end(), row.number);
  if (found == lane.rows.end() || *found != row.number) return false;
  const auto index = static_cast<std::size_t>(found - lane.rows.begin());
  if (index < lane.in_flight) {
    --lane.in_flight;
    --rows_in_flight_;
  }
  lane.rows.erase(found);
  --rows_;
  if (index == 0) first_row_changed(lane);
  if (!lane.rows.empty() || lane.state == LaneState::in_flight) return true;  // a batch still names it
  unlist(row.shard, lane);
  lanes_.erase(at);
  return true;
}

void WebhookQueue::remove_all(ShardId shard) {
  const auto at = lanes_.find(shard);
  if (at == lanes_.end()) return;
  const auto rows = at->second.rows;  // the lane ends with its last row
  for (const auto number : rows) remove({shard, number});
}

// ---- taking ----

bool WebhookQueue::blocked() const { return batches_.size() >= (down_ ? 1 : config_.concurrency_max); }

std::optional<WebhookQueue::Batch> WebhookQueue::take(MonoTime now) {
  if (blocked()) return std::nullopt;
  wake_paused(now);
  const auto shards = lanes_of_next(now);
  if (shards.empty()) return std::nullopt;
  Batch batch{WebhookBatchId{++last_batch_}, {}};
  for (const auto shard : shards) {
    auto& lane = lanes_.at(shard);
    const auto room = config_.batch_events_max - batch.rows.size();
    lane.in_flight = std::min({lane.rows.size(), room, lane.limit});
    lane.state = LaneState::in_flight;
    batch.attempt = std::max(batch.attempt, lane.failures + 1);
    for (std::size_t i = 0; i < lane.in_flight; ++i) batch.rows.push_back({shard, lane.rows[i]});
  }
  rows_in_flight_ += batch.rows.size();
  batches_.emplace(batch.id, shards);
  return batch;
}

// Takes whole lanes out of the ready lists, as many as fill a batch: what one batch leaves, the next may have at
// the same time. Those that waited longest come first, so that a lane with much to say waits for the others.
std::vector<ShardId> WebhookQueue::lanes_of_next(MonoTime now) {
  // While the target is down, lanes that never failed may still ask: else an event that only failed because of
  // itself would hold them up. Each can do so once.
  const bool alone_may = !alone_.empty() && (!down_ || now >= probe_at_);
  if (alone_may && (alone_next_ || together_.empty())) {
    alone_next_ = false;
    const auto shard = alone_.front();
    alone_.pop_front();
    return {shard};
  }
  alone_next_ = true;
  std::vector<ShardId> shards;
  for (std::size_t rows = 0; rows < config_.batch_events_max && !together_.empty(); together_.pop_front()) {
    shards.push_back(together_.front());
    rows += lanes_.at(shards.back()).rows.size();
  }
  return shards;
}

void WebhookQueue::cut(WebhookBatchId batch, NoticeRef last) {
  auto& shards = batches_.at(batch);
  const auto at_last = std::find(shards.begin(), shards.end(), last.shard);
  CHECK(at_last != shards.end());
  auto& lane = lanes_.at(last.shard);
  const auto end = lane.rows.begin() + static_cast<std::ptrdiff_t>(lane.in_flight);
  const auto keep = static_cast<std::size_t>(std::upper_bound(lane.rows.begin(), end, last.number) - lane.rows.begin());
  rows_in_flight_ -= lane.in_flight - keep;
  lane.in_flight = keep;
  // Back to where they were: before those that became ready since.
  for (auto shard = shards.end(); shard != at_last + 1;) {
    --shard;
    const auto at = lanes_.find(*shard);
    rows_in_flight_ -= at->second.in_flight;
    at->second.in_flight = 0;
    if (at->second.rows.empty()) {
      lanes_.erase(at);
    } else {
      make_ready(*shard, at->second, true);
    }
  }
  shards.erase(at_last + 1, shards.end());
}

MonoTime WebhookQueue::deadline() const {
  if (blocked()) return MonoTime::max();
  if (!together_.empty()) return MonoTime::min();
  auto soonest = MonoTime::max();
  if (!pausing_.empty()) soonest = pausing_.begin()->first;
  if (!alone_.empty()) soonest = MonoTime::min();
  return down_ && soonest != MonoTime::max() ? std::max(soonest, probe_at_) : soonest;
}

// ---- settling ----

std::vector<ShardId> WebhookQueue::settle(WebhookBatchId batch) {
  const auto at = batches_.find(batch);
  CHECK(at != batches_.end());
  auto shards = std::move(at->second);
  batches_.erase(at);
  for (const auto shard : shards) rows_in_flight_ -= lanes_.at(shard).in_flight;
  return shards;
}

void WebhookQueue::put_back(WebhookBatchId batch) {
  for (const auto shard : settle(batch)) release(lanes_.find(shard));
}

void WebhookQueue::delivered(WebhookBatchId batch) {
  for (const auto shard : settle(batch)) {
    const auto at = lanes_.find(shard);
    auto& lane = at->second;
    lane.rows.erase(lane.rows.begin(), lane.rows.begin() + static_cast<std::ptrdiff_t>(lane.in_flight));
    rows_ -= lane.in_flight;
    lane.failures = 0;
    first_row_changed(lane);
    if (lane.limit != kNoLimit) { lane.limit = lane.limit * 2 >= config_.batch_events_max ? kNoLimit : lane.limit * 2; }
    release(at);
  }
  failures_in_row_ = 0;
  failing_since_.reset();
  if (!down_) return;
  // What paused because the target was away need not wait any longer.
  down_ = false;
  probe_at_ = MonoTime::min();
  probes_failed_ = 0;
  wake_paused(MonoTime::max());
}

WebhookQueue::Failure WebhookQueue::failed(WebhookBatchId batch, MonoTime now, Random& random,
                                           std::optional<milliseconds> retry_after, bool rejected) {
  Failure failure;
  const auto asked = std::clamp(retry_after.value_or(milliseconds(0)), milliseconds(0), config_.retry_after_max);
  ++failures_in_row_;
  if (!failing_since_) failing_since_ = now;
  down_ = failures_in_row_ >= config_.failures_until_down;
  if (down_ && now >= probe_at_) {
    // Requests of lanes that had not failed yet end before the next probe is due: they say nothing new.
    ++probes_failed_;
    probe_at_ = now + std::max(pause_after(probes_failed_, random), asked);
  } else if (down_) {
    probe_at_ = std::max(probe_at_, now + asked);
  }
  for (const auto shard : settle(batch)) {
    const auto at = lanes_.find(shard);
    const auto pause = std::max(pause_after(at->second.failures + std::size_t{1}, random), asked);
    fail_lane(at, now, now + pause, rejected, failure.dead);
  }
  failure.down = down_;
  return failure;
}

void WebhookQueue::fail_lane(Lanes::iterator at, MonoTime now, MonoTime retry_at, bool rejected,
                             std::vector<NoticeRef>& dead) {
  const auto shard = at->first;
  auto& lane = at->second;
  const auto attempted = std::exchange(lane.in_flight, 0);
  if (attempted == 0) return release(at);  // all of it was removed meanwhile
  ++lane.failures;
  if (const auto last = lane.rows[attempted - 1]; lane.failed.empty() || lane.failed.back().number < last) {
    lane.failed.push_back({last, now});
  }
  // Alone only: in company it could be another one's fault, and the company shrinks with each failure.
  if (attempted == 1) ++lane.lone_failures;
  if (attempted == 1 && lane.lone_failures >= config_.lone_failures_min &&
      (rejected || lane.failed.front().first + config_.retry_for <= now)) {
    dead.push_back({shard, lane.rows.front()});
    lane.rows.pop_front();
    --rows_;
    first_row_changed(lane);
    lane.limit = 1;     // the next one is tried at once, alone,
    lane.failures = 0;  // and with pauses of its own
    return release(at);
  }
  lane.limit = std::max<std::size_t>(attempted / 2, 1);
  pause_until(shard, lane, retry_at);
}

milliseconds WebhookQueue::pause_after(std::size_t failures, Random& random) const {
  auto upper = config_.retry_pause_min;
  for (std::size_t i = 0; i < failures && upper < config_.retry_pause_max; ++i) upper *= 2;
  upper = std::min(upper, config_.retry_pause_max);
  const auto lower = std::max(upper / 2, config_.retry_pause_min);
  return lower + milliseconds(random.below(static_cast<std::uint64_t>((upper - lower).count()) + 1));
}

// ---- lanes ----

// Not in flight any longer.
void WebhookQueue::release(Lanes::iterator at) {
  auto& lane = at->second;
  lane.in_flight = 0;
  if (lane.rows.empty()) {
    lanes_.erase(at);
    return;
  }
  make_ready(at->first, lane);
}

void WebhookQueue::first_row_changed(Lane& lane) {
  lane.lone_failures = 0;
  while (!lane.failed.empty() && (lane.rows.empty() || lane.failed.front().number < lane.rows.front())) {
    lane.failed.pop_front();
  }
}

void WebhookQueue::make_ready(ShardId shard, Lane& lane, bool first) {
  const bool alone = lane.failures > 0 || lane.limit != kNoLimit;
  lane.state = alone ? LaneState::alone : LaneState::together;
  auto& list = alone ? alone_ : together_;
  list.insert(first ? list.begin() : list.end(), shard);
}

void WebhookQueue::pause_until(ShardId shard, Lane& lane, MonoTime when) {
  lane.state = LaneState::pausing;
  lane.retry_at = when;
  pausing_.emplace(when, shard);
}

void WebhookQueue::unlist(ShardId shard, Lane& lane) {
  switch (lane.state) {
    case LaneState::together:
      std::erase(together_, shard);
      break;
    case LaneState::alone:
      std::erase(alone_, shard);
      break;
    case LaneState::pausing:
      pausing_.erase({lane.retry_at, shard});
      break;
    case LaneState::new_lane:
    case LaneState::in_flight:
      break;
  }
  lane.state = LaneState::new_lane;
}

void WebhookQueue::wake_paused(MonoTime now) {
  while (!pausing_.empty() && pausing_.begin()->first <= now) {
    const auto shard = pausing_.begin()->second;
    pausing_.erase(pausing_.begin());
    make_ready(shard, lanes_.at(shard));
  }
}

WebhookQueue::Counts WebhookQueue::counts() const {
  Counts counts;
  counts.waiting = rows_ - rows_in_flight_;
  counts.in_flight = rows_in_flight_;
  counts.batches = batches_.size();
  counts.lanes_failing = static_cast<std::size_t>(
      std::count_if(lanes_.begin(), lanes_.end(), [](const auto& each) { return each.second.failures > 0; }));
  counts.failures_in_row = failures_in_row_;
  counts.failing_since = failing_since_;
  counts.down = down_;
  return counts;
}

}  // namespace parley::actors
