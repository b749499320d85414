#pragma once
// Virtual time: what happens next, in the order of (time, sequence), and the one source of chance.
//
// Nothing in a simulated world asks a real clock or the system's randomness, so a seed repeats a run
// to the last byte. The trace is what proves it: a hash over everything that was noted. One thread.

#include "core/clock.h"
#include "core/ids.h"
#include "core/random.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string_view>
#include <vector>

namespace parley::sim {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

class Scheduler {
 public:
  using Task = std::function<void()>;
  using Owner = std::weak_ptr<const void>;

  explicit Scheduler(std::uint64_t seed, bool print = false) : dice_(seed), print_(print) {}

  [[nodiscard]] MonoTime now() const { return now_; }
  [[nodiscard]] WallTime wall() const {
    return WallTime{1'760'000'000'000} + std::chrono::duration_cast<milliseconds>(now_.time_since_epoch());
  }

  // A task of an owner that is gone by then does not run.
  void at(MonoTime when, Owner owner, Task task) {
    waiting_.push({std::max(when, now_), ++sequence_, std::move(owner), std::move(task)});
  }
  void after(nanoseconds delay, Owner owner, Task task) { at(now_ + delay, std::move(owner), std::move(task)); }

  void run_until(MonoTime end, const std::function<bool()>& stop) {
    while (!waiting_.empty() && waiting_.top().when <= end && !stop()) {
      auto next = std::move(const_cast<Event&>(waiting_.top()));
      waiting_.pop();
      now_ = next.when;
      const auto owner = next.owner.lock();
      if (owner == nullptr) continue;
      if (const auto until = frozen_until(owner); until > now_) {
        at(until, owner, std::move(next.task));
        continue;
      }
      ++events_;
      next.task();
    }
    if (!stop()) now_ = std::max(now_, end);
  }

  // What that owner was to do until then is done after it, in its order: a process stands still.
  void freeze(const Owner& owner, MonoTime until) { frozen_.insert_or_assign(owner, until); }
  [[nodiscard]] MonoTime frozen_until(const Owner& owner) const {
    if (frozen_.empty()) return {};
    const auto found = frozen_.find(owner);
    return found == frozen_.end() ? MonoTime{} : found->second;
  }
  void thaw_all() { frozen_.clear(); }

  // ---- chance ----
  Random& dice() { return dice_; }
  bool chance(double probability) { return static_cast<double>(dice_.next() >> 11) * 0x1.0p-53 < probability; }
  std::uint64_t below(std::uint64_t bound) { return dice_.below(bound); }
  nanoseconds between(nanoseconds low, nanoseconds high) {
    return low +
           nanoseconds(static_cast<std::int64_t>(dice_.below(static_cast<std::uint64_t>((high - low).count()) + 1)));
  }

  // ---- the trace ----
  void note(std::string_view what, std::string_view more = {});
  [[nodiscard]] std::uint64_t trace_hash() const { return hash_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  struct Event {
    MonoTime when;
    std::uint64_t sequence;
    Owner owner;
    Task task;
    friend bool operator<(const Event& a, const Event& b) {  // the queue's top is the largest
      return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
    }
  };

  MonoTime now_{seconds(1)};
  std::uint64_t sequence_ = 0;
  std::uint64_t events_ = 0;
  std::priority_queue<Event> waiting_;
  std::map<Owner, MonoTime, std::owner_less<>> frozen_;
  SeededRandom dice_;
  std::uint64_t hash_ = 14695981039346656037ULL;
  bool print_;
};

// One sender to one receiver: what is posted arrives later, and in order.
class Lane {
 public:
  void post(Scheduler& scheduler, nanoseconds delay, Scheduler::Owner owner, Scheduler::Task task) {
    last_ = std::max(last_, scheduler.now() + delay);
    scheduler.at(last_, std::move(owner), std::move(task));
  }

 private:
  MonoTime last_{};
};

// A lane for things that end with the process they are in: what is on its way is the lane's, not the scheduler's.
template <class Thing>
class Mail {
 public:
  void post(Scheduler& scheduler, nanoseconds delay, Scheduler::Owner owner, Thing thing,
            std::function<void(Thing&)> take) {
    waiting_.push_back(std::move(thing));
    lane_.post(scheduler, delay, std::move(owner), [this, take = std::move(take)] {
      auto next = std::move(waiting_.front());
      waiting_.pop_front();
      take(next);
    });
  }

 private:
  Lane lane_;
  std::deque<Thing> waiting_;
};

}  // namespace parley::sim
