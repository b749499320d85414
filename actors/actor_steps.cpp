#include "actors/actor_steps.h"

#include <algorithm>

namespace parley::actors {

ActorSteps::ActorSteps(caf::actor_system& system, const Clock& clock, Random& random, Executor& executor)
    : scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())),
      clock_(clock),
      random_(random),
      seen_(clock.now()),
      running_(executor.add("parley-actors", *this)) {
  // What the system's own actors do at its start.
  while (scheduler_.try_run_once()) continue;
  listen();
  running_->start();
}

// The system outlives us: CAF's own actors are still to go.
ActorSteps::~ActorSteps() { scheduler_.after_next_enqueue(nullptr); }

// The hook serves once.
void ActorSteps::listen() {
  scheduler_.after_next_enqueue([this] {
    listen();
    running_->wake();
  });
}

void ActorSteps::pass_time() {
  const auto now = clock_.now();
  if (now > seen_) scheduler_.advance_time(now - seen_);
  seen_ = now;
}

std::chrono::nanoseconds ActorSteps::step(bool) {
  pass_time();
  auto& jobs = scheduler_.jobs;
  if (!jobs.empty()) {
    std::swap(jobs.front(), jobs[random_.below(jobs.size())]);
    scheduler_.run_once();
  }
  if (!jobs.empty()) return std::chrono::nanoseconds(0);
  const auto& timers = scheduler_.clock().schedule();
  if (timers.empty()) return kUntilWoken;
  return std::max<std::chrono::nanoseconds>(timers.begin()->first - scheduler_.clock().now(),
                                            std::chrono::nanoseconds(0));
}

void ActorSteps::finish() {
  running_->stop();
  while (scheduler_.try_run_once()) continue;
}

}  // namespace parley::actors
