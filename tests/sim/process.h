#pragma once
// One node's process in virtual time: steps its workers (log, reads, actors) one after the other on the world's
// one thread, each step late by chance. kill() is its end: nothing that waits is done any more, and what its
// objects still do while they are destroyed reaches neither the disk nor anybody else.

#include "core/worker.h"
#include "tests/sim/plan.h"
#include "tests/sim/scheduler.h"

#include <memory>
#include <string_view>

namespace parley::sim {

class Process final : public Executor {
 public:
  Process(Scheduler& scheduler, const Plan& plan) : scheduler_(scheduler), plan_(plan) {}

  std::unique_ptr<Running> add(const char* name, Worker& worker) override;
  [[nodiscard]] bool single_thread() const override { return true; }

  void kill() { life_.reset(); }
  // Expires with the process: the owner of what is on its way inside of it.
  [[nodiscard]] Scheduler::Owner life() const { return life_; }
  [[nodiscard]] bool alive() const { return life_ != nullptr; }
  // How long a message takes from one thread to another.
  [[nodiscard]] nanoseconds hop();

 private:
  class Stepped;
  [[nodiscard]] nanoseconds delay(std::string_view name);

  Scheduler& scheduler_;
  const Plan& plan_;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

}  // namespace parley::sim
