#include "tests/sim/plan.h"

namespace parley::sim {

namespace {
Bug planted_bug = Bug::none;
}

bool planted(Bug bug) { return planted_bug == bug; }
void plant(Bug bug) { planted_bug = bug; }

const char* to_text(Bug bug) {
  switch (bug) {
#define PARLEY_SIM_BUG(name) \
  case Bug::name:            \
    return #name;
    PARLEY_SIM_BUGS(PARLEY_SIM_BUG)
#undef PARLEY_SIM_BUG
    case Bug::none:
    case Bug::kCount:
      break;
  }
  return "?";
}

std::optional<Profile> profile_named(std::string_view name) {
  if (name == "any") return Profile::any;
  if (name == "quiet") return Profile::quiet;
  if (name == "crashes") return Profile::crashes;
  if (name == "disk") return Profile::disk;
  if (name == "network") return Profile::network;
  if (name == "peers") return Profile::peers;
  return std::nullopt;
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

Plan Plan::of(Scheduler& scheduler, Bug bug, Profile profile, int nodes) {
  Plan plan{.bug = bug};
  const auto pick = [&](double most) {
    return scheduler.chance(0.3) ? 0.0 : most * static_cast<double>(scheduler.below(1'000)) / 1e3;
  };
  plan.shards = static_cast<std::uint16_t>(1 + scheduler.below(4));
  plan.domains = static_cast<int>(1 + scheduler.below(3));
  // Few now and then, so that some channel is empty for a while.
  plan.own_clients = static_cast<int>(scheduler.below(6));
  plan.stock_clients = static_cast<int>(scheduler.below(6));
  plan.socketio_clients = static_cast<int>(scheduler.below(5));
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
  plan.webhook_failures = pick(0.3);
  if (plan.outages_per_minute > 0) plan.sudden_outages = pick(0.004);
  plan.channel_idle = seconds(1 + scheduler.below(3));
  if (scheduler.chance(0.5)) plan.catch_up_bytes = plan.page_bytes * (1 + scheduler.below(8));
  plan.publish_every = milliseconds(200 + scheduler.below(4'000));
  plan.log_bytes_max = 2'000 + scheduler.below(30'000);
  plan.recovery_window = seconds(scheduler.chance(0.3) ? 1 + scheduler.below(8) : 120);
  // One keeps little and one everything whatever the dice say, so that each world has gaps and promises.
  plan.domains_kept["domain.1"] = {Durability::quorum, {seconds(20), 40, 0}};
  plan.domains_kept["domain.2"] = {some_durability(scheduler), {seconds(0), 0, 0}};
  plan.domains_kept["domain.3"] = {some_durability(scheduler), some_retention(scheduler)};
  const bool all = profile == Profile::any;
  if (!all && profile != Profile::crashes) plan.crashes_per_minute = 0;
  if (!all && profile != Profile::disk) plan.outages_per_minute = plan.sudden_outages = plan.slow_disk = 0;
  if (!all && profile != Profile::network) plan.cuts_per_minute = plan.slow_network = plan.webhook_failures = 0;
  if (!all) plan.slow_actors = plan.slow_readers = plan.leaves_per_minute = 0;
  if (profile == Profile::crashes) plan.crashes_per_minute = 10;
  if (profile == Profile::disk) plan.outages_per_minute = 10;
  if (profile == Profile::network) plan.cuts_per_minute = 15;
  plan.domains_kept["domain.9"] = {scheduler.chance(0.3) ? Durability::async : Durability::quorum, {seconds(0), 0, 0}};
  plan.nodes = nodes;
  if (!plan.is_cluster()) return plan;
  plan.chaos = seconds(60);
  plan.announcements_per_minute = 0;  // leaders do change
  // With half of them or fewer there may be two clusters, which are never merged.
  const auto more_than_half = static_cast<std::uint32_t>(nodes / 2 + 1);
  plan.expect_nodes = more_than_half + static_cast<std::uint32_t>(scheduler.below(2));
  plan.settle_after = seconds(1 + scheduler.below(4));
  plan.machine_crashes = scheduler.chance(0.3) ? 0.0 : 0.5;
  plan.peer_cuts_per_minute = pick(8);
  plan.link_breaks_per_minute = pick(6);
  plan.stands_still_per_minute = pick(4);
  if (!all && profile != Profile::peers) {
    plan.peer_cuts_per_minute = plan.link_breaks_per_minute = plan.stands_still_per_minute = 0;
  }
  return plan;
}

}  // namespace parley::sim
