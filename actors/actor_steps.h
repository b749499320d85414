#pragma once
// All actors of a node as one worker of a single-threaded executor: CAF's deterministic scheduler, driven in
// steps. Each step hands one message to one of the actors that have some, chosen by the node's randomness, so
// that one seed is one interleaving. Timers run by the node's clock. Owned by the actor system.

#include "core/clock.h"
#include "core/random.h"
#include "core/worker.h"

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <memory>

namespace parley::actors {

class ActorSteps final : private Worker {
 public:
  // The system was made with scheduler.policy "testing".
  ActorSteps(caf::actor_system& system, const Clock& clock, Random& random, Executor& executor);
  ~ActorSteps() override;
  ActorSteps(const ActorSteps&) = delete;
  ActorSteps& operator=(const ActorSteps&) = delete;

  void finish();  // at the end, when all actors were told to leave: until none has anything to do

 private:
  std::chrono::nanoseconds step(bool time_over) override;
  void listen();
  void pass_time();

  caf::scheduler::test_coordinator& scheduler_;
  const Clock& clock_;
  Random& random_;
  MonoTime seen_;  // CAF's clock shows this
  std::unique_ptr<Running> running_;
};

}  // namespace parley::actors
