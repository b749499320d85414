#pragma once
// What is to be done next with one shard, by its leader: at most one thing, and why. docs/adr/0021-placement.md has the
// reasons behind the order. Pure.
//
// What always holds: one change at a time. A learner comes before the one whose place it takes goes. No step leaves
// voters of whom fewer than a majority is alive and caught up, and none takes a living voter while fewer would be left
// than are wanted and could be had. A leader hands over before it is removed.

#include "cluster/placement/lead_plan.h"
#include "cluster/placement/node.h"
#include "cluster/placement/rules.h"
#include "cluster/placement/shard_view.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley::cluster::placement {

enum class Action : std::uint8_t {
  none,
  add_learner,  // on Step::node, under a new ReplicaId: copies the shard
  promote,      // Step::replica
  remove,       // the same
  transfer,     // the lead to it
};
std::string_view to_text(Action action);

enum class Reason : std::uint8_t {
  // ---- why something is done ----
  too_few_replicas,  // add_learner
  better_node,       // add_learner: a node that came, or came back, is to have it
  caught_up,         // promote
  smaller_majority,  // remove: of somebody who is gone; with one voter less fewer are needed
  replaced,          // remove: of somebody who is gone; a caught up learner takes the place
  not_wanted_here,   // remove, transfer: others have it where it is wanted
  node_removed,      // remove, transfer: an operator removed the node
  learner_unneeded,  // remove
  node_drains,       // transfer: the node is about to stop
  even_leads,        // transfer
  // ---- why nothing is ----
  settled,
  not_leader,      // the view is none of a leader that votes
  change_pending,  // one at a time
  node_unknown,    // a replica's node is not in the table, or its zone is not known yet
  no_majority,     // too few voters are alive and caught up: any change could be the end
  no_successor,    // it should hand over, and nobody is there who could lead
  settling,        // the node, the leader or who came back is too young, or somebody is away for a time
  waits_for_node,  // where a replica is wanted, the node is not here
  catching_up,     // a learner
  voter_away,      // with one more voter more would be needed, of whom one is away
  moves_full,      // MoveBudget has no room
  lead_waits,      // who should lead it is not here, or not caught up
};
std::string_view to_text(Reason reason);

struct Step {
  Action action = Action::none;
  Reason reason = Reason::settled;
  NodeId node{};        // of every action: where
  ReplicaId replica{};  // promote, remove, transfer
  bool operator==(const Step&) const = default;
};
// A sentence for people.
std::string describe(const Step& step, ShardId shard);

enum class MoreMoves : std::uint8_t { no, yes };

// `nodes` by id, with all of the view's; `plan` made of them and of the same rules. `more_moves`: whether another shard
// may begin to be copied.
Step next_step(const ShardView& view, const std::vector<Node>& nodes, const LeadPlan& plan, const Rules& rules,
               MoreMoves more_moves);

}  // namespace parley::cluster::placement
