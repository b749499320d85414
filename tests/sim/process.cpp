#include "tests/sim/process.h"

namespace parley::sim {

class Process::Stepped final : public Running {
 public:
  Stepped(Process& process, std::string_view name, Worker& worker) : process_(process), name_(name), worker_(worker) {}
  ~Stepped() override { stop(); }

  void start() override {
    running_ = true;
    step_after(process_.delay(name_), false);
  }
  void wake() override {
    if (!running_ || awake_) return;
    step_after(process_.delay(name_), false);
  }
  void stop() override {
    if (!std::exchange(running_, false) || !process_.alive()) return;
    while (worker_.step(false).count() <= 0) continue;
  }

 private:
  // The step that was to come before does not.
  void step_after(nanoseconds wait, bool time_over) {
    awake_ = !time_over;
    process_.scheduler_.after(wait, process_.life(), [this, self = std::weak_ptr(self_), number = ++steps_, time_over] {
      if (!self.expired() && running_ && number == steps_) step(time_over);
    });
  }

  void step(bool time_over) {
    awake_ = true;  // who wakes it during the step need not: it looks again
    const auto number = steps_;
    const auto wait = worker_.step(time_over);
    if (!running_ || number != steps_) return;
    if (wait.count() <= 0) return step_after(process_.delay(name_), false);
    awake_ = false;
    if (wait != kUntilWoken) step_after(wait, true);
  }

  Process& process_;
  std::string_view name_;
  Worker& worker_;
  std::shared_ptr<int> self_ = std::make_shared<int>(0);
  std::uint64_t steps_ = 0;
  bool running_ = false;
  bool awake_ = false;
};

std::unique_ptr<Running> Process::add(const char* name, Worker& worker) {
  return std::make_unique<Stepped>(*this, name, worker);
}

nanoseconds Process::hop() {
  if (scheduler_.chance(plan_.slow_actors)) return scheduler_.between(milliseconds(1), milliseconds(40));
  return scheduler_.between(microseconds(1), microseconds(80));
}

// The log's is the time that its next write takes: what comes meanwhile shares it.
nanoseconds Process::delay(std::string_view name) {
  if (name == "parley-log") {
    if (scheduler_.chance(plan_.slow_disk)) return scheduler_.between(milliseconds(10), milliseconds(800));
    return scheduler_.between(microseconds(20), milliseconds(4));
  }
  if (name == "parley-reads") return scheduler_.between(microseconds(10), milliseconds(1));
  if (scheduler_.chance(plan_.slow_actors / 8)) return scheduler_.between(milliseconds(1), milliseconds(40));
  return scheduler_.between(microseconds(1), microseconds(20));
}

}  // namespace parley::sim
