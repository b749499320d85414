// Webhook delivery to receivers that behave at random, in virtual time.

#include "actors/webhooks/webhook_queue.h"

#include "webhook_rows.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

namespace parley::actors {
namespace {

using namespace std::chrono_literals;
using std::chrono::minutes;

struct Receiver {
  double failing = 0;  // probability
  milliseconds latency_max{100};
  std::vector<std::pair<MonoTime, MonoTime>> outages;
  std::set<NoticeRef> poison;  // a batch that holds one of them fails
};

class World {
 public:
  World(WebhookQueueConfig config, Receiver receiver, std::uint64_t seed)
      : receiver_(std::move(receiver)), config_(config), random_(seed), queue_(config) {}

  void at(MonoTime when, std::function<void()> what) { events_.emplace(when, std::move(what)); }
  void add_at(MonoTime when, std::uint16_t shard) {
    at(when, [this, shard] {
      const auto added = row(shard, numbers_[shard] += 1 + random_.below(3));
      if (chance(poison_share)) receiver_.poison.insert(added);
      queue_.add(added);
      open_.insert(added);
      all_.push_back(added);
    });
  }
  void remove_any() {
    if (open_.empty()) return;
    auto victim = open_.begin();
    std::advance(victim, static_cast<std::ptrdiff_t>(random_.below(open_.size())));
    queue_.remove(*victim);
    removed_.insert(*victim);
    open_.erase(victim);
  }

  // Until nothing happens any more. False when that takes absurdly long.
  bool run() {
    for (std::size_t steps = 0; steps < 2'000'000; ++steps) {
      const auto due = queue_.deadline();
      const auto event = events_.empty() ? MonoTime::max() : events_.begin()->first;
      if (due == MonoTime::max() && event == MonoTime::max()) return true;
      now_ = std::max(now_, std::min(due, event));
      const bool only_due = due < event;
      while (!events_.empty() && events_.begin()->first <= now_) {
        const auto what = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        what();
      }
      std::size_t taken = 0;
      while (auto batch = queue_.take(now_)) {
        ++taken;
        send(*batch);
      }
      // Whoever sleeps until the deadline finds something, and never spins.
      EXPECT_TRUE(taken > 0 || !only_due);
      EXPECT_GT(queue_.deadline(), now_);
      if (testing::Test::HasFailure()) return false;
    }
    return false;
  }

  double poison_share = 0;
  double cut_share = 0;
  MonoTime now_ = kStart;
  MonoTime last_delivery = kStart;
  std::size_t failed_batches = 0;
  std::set<NoticeRef> open_, delivered_, dead_, removed_;
  std::vector<NoticeRef> all_;
  Receiver receiver_;

 private:
  bool chance(double p) { return static_cast<double>(random_.below(1'000'000)) < p * 1e6; }

  void send(WebhookQueue::Batch batch) {
    EXPECT_FALSE(batch.rows.empty());
    EXPECT_LE(batch.rows.size(), config_.batch_events_max);
    if (batch.rows.size() > 1 && chance(cut_share)) {
      batch.rows.resize(1 + random_.below(batch.rows.size() - 1));
      queue_.cut(batch.id, batch.rows.back());
    }
    ++batches_;
    EXPECT_LE(batches_, queue_.counts().down ? 1 : config_.concurrency_max);
    EXPECT_EQ(batches_, queue_.counts().batches);
    for (const auto& each : batch.rows) {
      EXPECT_TRUE(flying_.insert(each).second) << "in two batches";
      EXPECT_FALSE(removed_.contains(each)) << "was removed";
    }
    const auto until =
        now_ + milliseconds(1 + random_.below(static_cast<std::uint64_t>(receiver_.latency_max.count())));
    at(until, [this, batch] { settle(batch); });
  }

  bool fails(const WebhookQueue::Batch& batch) {
    for (const auto& [from, to] : receiver_.outages) {
      if (now_ >= from && now_ < to) return true;
    }
    for (const auto& each : batch.rows) {
      if (receiver_.poison.contains(each)) return true;
    }
    return chance(receiver_.failing);
  }

  void settle(const WebhookQueue::Batch& batch) {
    --batches_;
    for (const auto& each : batch.rows) flying_.erase(each);
    if (fails(batch)) {
      ++failed_batches;
      for (const auto& each : queue_.failed(batch.id, now_, random_).dead) {
        EXPECT_TRUE(dead_.insert(each).second) << "dead twice";
        EXPECT_EQ(open_.erase(each), 1U);
      }
      return;
    }
    queue_.delivered(batch.id);
    last_delivery = now_;
    for (const auto& each : batch.rows) {
      EXPECT_LT(last_of_[each.shard], each.number) << "out of order in shard " << each.shard.value;
      last_of_[each.shard] = each.number;
      if (removed_.contains(each)) continue;  // while it was on its way
      EXPECT_TRUE(delivered_.insert(each).second) << "delivered twice";
      EXPECT_EQ(open_.erase(each), 1U);
    }
  }

  WebhookQueueConfig config_;
  SeededRandom random_;
  WebhookQueue queue_;
  std::multimap<MonoTime, std::function<void()>> events_;
  std::map<std::uint16_t, std::uint64_t> numbers_;
  std::map<ShardId, std::uint64_t> last_of_;
  std::set<NoticeRef> flying_;
  std::size_t batches_ = 0;
};

TEST(WebhookQueueRandom, KeepsItsPromisesToReceiversOfAnyKind) {
  for (std::uint64_t seed = 1; seed <= 150 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    WebhookQueueConfig config;
    config.batch_events_max = 1 + random.below(20);
    config.concurrency_max = 1 + random.below(6);
    config.failures_until_down = 1 + random.below(4);
    config.lone_failures_min = 10;  // else one that waited behind poison may be given up by bad luck
    Receiver receiver;
    receiver.failing = static_cast<double>(random.below(4)) / 10.0;
    receiver.latency_max = milliseconds(1 + random.below(10'000));
    MonoTime when = kStart;
    for (std::uint64_t i = random.below(4); i > 0; --i) {
      const auto from = when + minutes(random.below(30));
      when = from + minutes(1 + random.below(60));
      receiver.outages.emplace_back(from, when);
    }
    World world(config, receiver, seed);
    world.poison_share = static_cast<double>(random.below(3)) / 200.0;
    world.cut_share = static_cast<double>(random.below(3)) / 10.0;
    const auto shards = 1 + random.below(16);
    for (int i = 0; i < 400; ++i) {
      world.add_at(kStart + milliseconds(random.below(3'600'000)), static_cast<std::uint16_t>(random.below(shards)));
    }
    for (std::uint64_t i = random.below(20); i > 0; --i) {
      world.at(kStart + milliseconds(random.below(3'600'000)), [&world] { world.remove_any(); });
    }
    ASSERT_TRUE(world.run());
    EXPECT_TRUE(world.open_.empty()) << world.open_.size() << " were neither delivered nor given up";
    EXPECT_EQ(world.delivered_.size() + world.dead_.size() + world.removed_.size(), world.all_.size());
    for (const auto& each : world.dead_) EXPECT_TRUE(world.receiver_.poison.contains(each)) << "given up for nothing";
    for (const auto& each : world.delivered_) EXPECT_FALSE(world.receiver_.poison.contains(each));
  }
}

TEST(WebhookQueueRandom, AfterAnOutageOfAnHourEverythingIsThereSoon) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto end = kStart + 1h;
    World world({}, {.failing = 0, .latency_max = 100ms, .outages = {{kStart, end}}, .poison = {}}, seed);
    SeededRandom random(seed);
    for (int i = 0; i < 5'000; ++i) {
      world.add_at(kStart + milliseconds(random.below(3'600'000)), static_cast<std::uint16_t>(random.below(64)));
    }
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.delivered_.size(), 5'000U);
    EXPECT_LT(world.last_delivery, end + 90s);
    // Meanwhile each lane failed once, and one probe after another, the first ones in quick succession.
    EXPECT_LT(world.failed_batches, 64U + 3'600U / 30U + 10U);
  }
}

TEST(WebhookQueueRandom, OnePoisonedLaneDelaysNoOther) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world({}, {.failing = 0, .latency_max = 100ms, .outages = {}, .poison = {}}, seed);
    // All rows of shard 0 are poison.
    for (const auto& each : rows(0, 1, 15)) world.receiver_.poison.insert(each);
    for (int i = 0; i < 5; ++i) world.add_at(kStart + seconds(i), 0);
    for (int i = 0; i < 200; ++i) {
      const auto latest = kStart + 1min + seconds(i * 7);
      world.add_at(latest, static_cast<std::uint16_t>(1 + i % 8));
      // Each is there before the next one comes.
      world.at(latest + 6s, [&world, i] { EXPECT_GE(world.delivered_.size(), static_cast<std::size_t>(i + 1)); });
    }
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.dead_.size(), 5U);
  }
}

}  // namespace
}  // namespace parley::actors
