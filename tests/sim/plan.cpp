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
    case Bug::last_page_too_early:
      return "last_page_too_early";
    case Bug::epoch_kept:
      return "epoch_kept";
    case Bug::cut_before_results:
      return "cut_before_results";
    case Bug::kCount:
      break;
  }
  return "?";
}

namespace {

// Little of one kind or another, or everything.
Retention some_retention(Scheduler& scheduler) {
  Retention retention{seconds(0), 0, 0};
  switch (scheduler.below(4)) {
    case 0:
      retention.count = 1 + scheduler.below(60);
      break;
    case 1:
      retention.bytes = 500 + scheduler.below(8'000);
      break;
    case 2:
      retention.age = seconds(5 + scheduler.below(30));
      break;
    default:
      break;
  }
  return retention;
}

Durability some_durability(Scheduler& scheduler) {
  const auto dice = scheduler.below(10);
  if (dice == 0) return Durability::none;
  return dice < 4 ? Durability::async : Durability::quorum;
}

}  // namespace

const Plan::Kept* Plan::kept(std::string_view channel) const {
  const auto found = domains_kept.find(channel.substr(channel.find('-') + 1));
  const bool known = found != domains_kept.end() && found->second.durability != Durability::none;
  return known ? &found->second : nullptr;
}

bool Plan::unsynced(std::string_view channel) const {
  const auto* how = kept(channel);
  return how != nullptr && how->durability == Durability::async;
}

bool Plan::may_have_gaps(std::string_view channel) const {
  const auto* how = kept(channel);
  if (how == nullptr) return false;
  const auto& retention = how->retention;
  return how->durability == Durability::async || retention.count > 0 || retention.bytes > 0 ||
         retention.age.count() > 0;
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
  plan.slow_readers = pick(0.3);
  if (scheduler.chance(0.7)) plan.page_bytes = 300 + scheduler.below(4'000);
  plan.publish_every = milliseconds(200 + scheduler.below(4'000));
  plan.log_bytes_max = 2'000 + scheduler.below(30'000);
  // One keeps little and one everything whatever the dice say, so that each world has gaps and promises.
  plan.domains_kept["domain.1"] = {Durability::quorum, {seconds(20), 40, 0}};
  plan.domains_kept["domain.2"] = {some_durability(scheduler), {seconds(0), 0, 0}};
  plan.domains_kept["domain.3"] = {some_durability(scheduler), some_retention(scheduler)};
  plan.domains_kept["domain.9"] = {scheduler.chance(0.3) ? Durability::async : Durability::quorum, {seconds(0), 0, 0}};
  return plan;
}

}  // namespace parley::sim
