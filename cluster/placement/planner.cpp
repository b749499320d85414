#include "cluster/placement/planner.h"

#include <algorithm>
#include <set>
#include <utility>

namespace parley::cluster::placement {
namespace {

// Somebody who is here is given the shard: a learner that is not a voter yet.
bool moves(const ShardView& view, const std::vector<Node>& nodes) {
  return std::any_of(view.replicas.begin(), view.replicas.end(), [&nodes](const Replica& replica) {
    const auto* node = find(nodes, replica.node);
    return !replica.voter && node != nullptr && node->is_here();
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
  std::vector<Step> steps;
  steps.reserve(led.size());
  std::size_t handed_on = 0;
  for (const auto& view : led) {
    auto seen = view;
    if (const auto tried = transferred_.find(view.shard); tried != transferred_.end()) {
      seen.led_for = std::min(view.led_for, std::chrono::duration_cast<milliseconds>(now - tried->second));
    }
    auto step = next_step(seen, table_.nodes(), plan_, rules_, budget_.has_room() ? MoreMoves::yes : MoreMoves::no);
    if (step.reason == Reason::even_leads && ++handed_on > rules_.transfers_max) step = {.reason = Reason::settling};
    if (step.action == Action::add_learner) budget_.begin(view.shard);
    if (step.action == Action::transfer) transferred_[view.shard] = now;
    steps.push_back(step);
  }
  return steps;
}

}  // namespace parley::cluster::placement
