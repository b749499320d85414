#include "cluster/placement/planner.h"

#include <algorithm>
#include <set>
#include <utility>

namespace parley::cluster::placement {
namespace {

// Somebody is given the shard: a learner that is not a voter yet, and is here as far as anybody knows.
bool moves(const ShardView& view, const std::vector<Node>& nodes) {
  return std::any_of(view.replicas.begin(), view.replicas.end(), [&nodes](const Replica& replica) {
    const auto* node = find(nodes, replica.node);
    return !replica.voter && (replica.answers || (node != nullptr && node->is_here()));
  });
}

}  // namespace

Planner::Planner(const Rules& rules, std::uint16_t shard_count)
    : rules_(rules),
      shard_count_(shard_count),
      table_(rules),
      plan_(shard_count, {}, rules),
      budget_(rules.moves_max) {}

void Planner::update(const Picture& picture, MonoTime now) {
  if (table_.update(picture, now)) plan_ = LeadPlan(shard_count_, table_.nodes(), rules_);
}

std::vector<Step> Planner::steps(const std::vector<ShardView>& led, MonoTime now) {
  // First what is under way, also what a leader before has begun: only then is it known what may begin.
  std::set<ShardId> moving;
  std::map<ShardId, MonoTime> transferred;
  for (const auto& view : led) {
    const bool begun = view.change_pending && budget_.moving().count(view.shard) != 0;
    if (begun || moves(view, table_.nodes())) moving.insert(view.shard);
    const auto tried = transferred_.find(view.shard);
    if (tried != transferred_.end()) transferred.insert(*tried);
  }
  budget_.set(std::move(moving));
  transferred_ = std::move(transferred);
  const auto decide = [&](const ShardView& view, MoreMoves more_moves) {
    auto seen = view;
    if (const auto tried = transferred_.find(view.shard); tried != transferred_.end()) {
      seen.led_for = std::min(view.led_for, std::chrono::duration_cast<milliseconds>(now - tried->second));
    }
    return next_step(seen, table_.nodes(), plan_, rules_, more_moves);
  };
  std::vector<Step> steps;
  steps.reserve(led.size());
  for (const auto& view : led) steps.push_back(decide(view, MoreMoves::yes));
  // Where replicas are missing goes first.
  for (const auto why : {Reason::too_few_replicas, Reason::better_node}) {
    for (std::size_t i = 0; i < led.size(); ++i) {
      if (steps[i].action != Action::add_learner || steps[i].reason != why) continue;
      if (budget_.has_room()) {
        budget_.begin(led[i].shard);
      } else {
        steps[i] = decide(led[i], MoreMoves::no);
      }
    }
  }
  std::size_t given_on = 0;
  for (std::size_t i = 0; i < led.size(); ++i) {
    if (steps[i].action != Action::transfer) continue;
    if (steps[i].reason == Reason::even_leads && ++given_on > rules_.transfers_max) {
      steps[i] = {.action = Action::none, .reason = Reason::settling};
    } else {
      transferred_[led[i].shard] = now;
    }
  }
  return steps;
}

}  // namespace parley::cluster::placement
