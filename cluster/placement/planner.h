#pragma once
// One node's part in the placement of replicas: the nodes over time, the plan made of them, and what it moves; asked
// for the next step of each shard that this node leads. No I/O, no clock, no thread: the owner of the node's groups has
// one, shows it the members and the shards every second or so, and carries its steps out. docs/adr/0021-placement.md.

#include "cluster/placement/lead_plan.h"
#include "cluster/placement/move_budget.h"
#include "cluster/placement/node_table.h"
#include "cluster/placement/step.h"

#include <cstdint>
#include <map>
#include <vector>

namespace parley::cluster::placement {

class Planner {
 public:
  Planner(const Rules& rules, std::uint16_t shard_count);

  // `picture`: with the own node, and with the holders of all replicas that are known here.
  void update(const Picture& picture, MonoTime now);
  // `led`: all shards that this node leads, and no others. One step for each of them, in their order; those that are
  // not `none` are to be carried out now, or not at all: what is copied and handed over is counted.
  std::vector<Step> steps(const std::vector<ShardView>& led, MonoTime now);
  void pause(bool paused) { budget_.pause(paused); }

  [[nodiscard]] const std::vector<Node>& nodes() const { return table_.nodes(); }
  [[nodiscard]] const MoveBudget& budget() const { return budget_; }
  [[nodiscard]] const LeadPlan& plan() const { return plan_; }

 private:
  const Rules rules_;
  const std::uint16_t shard_count_;
  NodeTable table_;
  LeadPlan plan_;
  MoveBudget budget_;
  std::map<ShardId, MonoTime> transferred_;  // when that was tried last; of shards that are led here still
};

}  // namespace parley::cluster::placement
