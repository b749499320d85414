#include "tests/sim/plan.h"

namespace parley::sim {

const char* to_text(Bug bug) {
  switch (bug) {
    case Bug::none:
      return "none";
    case Bug::ack_before_sync:
      return "ack_before_sync";
    case Bug::crash_loses_synced:
      return "crash_loses_synced";
    case Bug::replay_skipped:
      return "replay_skipped";
    case Bug::resume_off_by_one:
      return "resume_off_by_one";
    case Bug::resume_repeats:
      return "resume_repeats";
    case Bug::idempotency_forgotten:
      return "idempotency_forgotten";
    case Bug::confirmed_when_sent:
      return "confirmed_when_sent";
    case Bug::removed_without_grace:
      return "removed_without_grace";
    case Bug::leave_forgotten:
      return "leave_forgotten";
    case Bug::answers_overtake:
      return "answers_overtake";
    case Bug::asleep_too_early:
      return "asleep_too_early";
    case Bug::published_twice:
      return "published_twice";
    case Bug::gap_too_far:
      return "gap_too_far";
    case Bug::kCount:
      break;
  }
  return "?";
}

Plan Plan::of(Scheduler& scheduler, Bug bug) {
  Plan plan{.bug = bug};
  const auto pick = [&](double most) {
    return scheduler.chance(0.3) ? 0.0 : most * static_cast<double>(scheduler.below(1'000)) / 1e3;
  };
  plan.shards = static_cast<std::uint16_t>(1 + scheduler.below(4));
  plan.domains = static_cast<int>(1 + scheduler.below(3));
  plan.own_clients = static_cast<int>(2 + scheduler.below(5));
  plan.stock_clients = static_cast<int>(1 + scheduler.below(6));
  plan.members = static_cast<int>(1 + scheduler.below(5));
  plan.crashes_per_minute = pick(8);
  plan.outages_per_minute = pick(8);
  plan.cuts_per_minute = pick(12);
  plan.leaves_per_minute = pick(4);
  plan.slow_disk = pick(0.2);
  plan.slow_network = pick(0.1);
  plan.slow_actors = pick(0.05);
  plan.publish_every = milliseconds(200 + scheduler.below(4'000));
  return plan;
}

}  // namespace parley::sim
