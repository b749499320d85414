// Actors wake themselves by messages into the future that nobody can call back: churn must not make them more.

#include "actors/one_tick.h"

#include "core/random.h"
#include "tests/unit/actors/channel_world.h"

#include <functional>
#include <queue>

namespace parley::actors {
namespace {

// What CAF does for an actor: ticks that are on their way come when it is their time, each once.
class Alarm {
 public:
  explicit Alarm(ManualClock& clock) : clock_(clock) {}
  void wish(std::optional<MonoTime> due) {
    if (const auto wait = tick_.wish(due, clock_.now())) pending_.push(clock_.now() + *wait);
    most_ = std::max(most_, pending_.size());
  }
  // Moves time on; `woken` is run for each tick that comes meanwhile.
  void pass(milliseconds by, const std::function<void()>& woken) {
    const auto end = clock_.now() + by;
    while (!pending_.empty() && pending_.top() <= end) {
      const auto at = pending_.top();
      pending_.pop();
      if (at > clock_.now()) clock_.advance(std::chrono::ceil<milliseconds>(at - clock_.now()));
      ++came_;
      tick_.came();
      woken();
    }
    if (clock_.now() < end) clock_.advance(std::chrono::floor<milliseconds>(end - clock_.now()));
    EXPECT_EQ(tick_.in_flight(), pending_.size());
  }
  std::size_t take_came() { return std::exchange(came_, 0); }
  [[nodiscard]] std::size_t most() const { return most_; }

 private:
  ManualClock& clock_;
  OneTick tick_;
  std::priority_queue<MonoTime, std::vector<MonoTime>, std::greater<>> pending_;
  std::size_t most_ = 0;
  std::size_t came_ = 0;
};

// A channel as its actor keeps it: scheduled after each message, awake at least once in its idle time.
class AwakeChannel {
 public:
  AwakeChannel() : world_("public", default_rules(), {.id = "a", .subscription_count = true}), alarm_(world_.clock) {
    world_.subscribe(1);
    for (std::uint64_t id = 2; id <= 150; ++id) world_.subscribe(id);  // above 100 counts are told at intervals
    schedule();
  }
  void pass(milliseconds by) {
    alarm_.pass(by, [this] {
      world_.channel->tick(world_.now(), world_.wall());
      schedule();
    });
    world_.forget();
  }
  void come_and_go() {
    world_.subscribe(1'000);
    schedule();
    world_.unsubscribe(1'000);
    schedule();
  }
  Alarm& alarm() { return alarm_; }

 private:
  void schedule() {
    auto at = world_.now() + seconds(60);
    if (const auto due = world_.channel->deadline(); due && *due < at) at = *due;
    alarm_.wish(at);
  }
  ChannelWorld world_;
  Alarm alarm_;
};

TEST(OneTick, ChurnLeavesAChannelNoMoreTicksThanAFreshOneHas) {
  AwakeChannel churned;
  AwakeChannel fresh;
  SeededRandom dice(3);
  std::size_t steps = 0;
  for (; steps < 60'000; ++steps) {
    churned.come_and_go();
    churned.pass(milliseconds(dice.next() % 20));
  }
  EXPECT_LE(churned.alarm().most(), 3u) << "of one actor on their way at once";
  // Ten minutes of churn: a count every five seconds, and the look at itself.
  EXPECT_LE(churned.alarm().take_came(), 2 * (10 * 60 / 5) + 30);

  churned.pass(std::chrono::minutes(2));
  churned.alarm().take_came();
  churned.pass(std::chrono::minutes(60));
  fresh.pass(std::chrono::minutes(2));
  fresh.alarm().take_came();
  fresh.pass(std::chrono::minutes(60));
  EXPECT_EQ(churned.alarm().take_came(), fresh.alarm().take_came()) << "ticks of an idle hour";
}

// Waits of a few lengths that begin again and again: that is what grace periods and retries are.
TEST(OneTick, OfEachKindOfWaitAtMostOneIsOnItsWay) {
  ManualClock clock;
  Alarm alarm(clock);
  SeededRandom dice(11);
  const std::vector<milliseconds> kinds{milliseconds(250), milliseconds(3'000), milliseconds(5'000),
                                        milliseconds(10'000), milliseconds(60'000)};
  std::vector<std::optional<MonoTime>> wanted(kinds.size());
  const auto earliest = [&] {
    std::optional<MonoTime> first;
    for (const auto& one : wanted) {
      if (one && (!first || *one < *first)) first = one;
    }
    return first;
  };
  std::size_t late = 0;
  for (int step = 0; step < 50'000; ++step) {
    const auto kind = dice.next() % kinds.size();
    if (dice.next() % 3 == 0) {
      wanted[kind].reset();
    } else {
      wanted[kind] = clock.now() + kinds[kind];
    }
    alarm.wish(earliest());
    alarm.pass(milliseconds(dice.next() % 400), [&] {
      for (auto& one : wanted) {
        if (one && *one + milliseconds(1) < clock.now()) ++late;
        if (one && *one <= clock.now()) one.reset();
      }
      alarm.wish(earliest());
    });
  }
  EXPECT_LE(alarm.most(), kinds.size());
  EXPECT_EQ(late, 0u) << "a wish that was not woken in time";
}

TEST(OneTick, AWishInThePastComesAtOnce) {
  OneTick tick;
  const MonoTime now{seconds(50)};
  EXPECT_EQ(tick.wish(MonoTime{seconds(10)}, now), std::chrono::nanoseconds(0));
  EXPECT_EQ(tick.wish(MonoTime{seconds(20)}, now), std::nullopt) << "one is on its way that comes in time";
  EXPECT_EQ(tick.wish(std::nullopt, now), std::nullopt);
  tick.came();
  EXPECT_EQ(tick.wish(MonoTime{seconds(60)}, now), seconds(10));
}

}  // namespace
}  // namespace parley::actors
