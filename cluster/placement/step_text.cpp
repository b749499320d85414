#include "cluster/placement/step.h"

#include <fmt/format.h>

namespace parley::cluster::placement {
namespace {

std::string_view sentence(Reason reason) {
  switch (reason) {
    case Reason::too_few_replicas:
      return "there are fewer replicas than wanted";
    case Reason::better_node:
      return "the shard is wanted on that node";
    case Reason::caught_up:
      return "the learner has caught up";
    case Reason::smaller_majority:
      return "it is gone, and without it fewer voters are needed";
    case Reason::replaced:
      return "it is gone, and a learner is ready to take its place";
    case Reason::not_wanted_here:
      return "other nodes have the shard now";
    case Reason::node_removed:
      return "an operator removed the node";
    case Reason::learner_unneeded:
      return "nobody needs that learner any more";
    case Reason::node_drains:
      return "the leader's node is about to stop";
    case Reason::even_leads:
      return "leads are spread evenly over the nodes";
    case Reason::settled:
      return "everything is where it is wanted";
    case Reason::not_leader:
      return "this node does not lead the shard";
    case Reason::change_pending:
      return "another change is not finished";
    case Reason::node_unknown:
      return "a node that has a replica was not heard of yet";
    case Reason::no_majority:
      return "too few voters are alive and caught up for any change";
    case Reason::no_successor:
      return "no other voter could lead now";
    case Reason::settling:
      return "somebody has come, gone or begun to lead a short time ago";
    case Reason::waits_for_node:
      return "the node where a replica is wanted is not here";
    case Reason::catching_up:
      return "a learner is catching up";
    case Reason::voter_away:
      return "a learner is ready, but a voter is away, and with one voter more it could not be done without";
    case Reason::moves_full:
      return "as many shards are copied as may be at a time, or moves are paused";
    case Reason::lead_waits:
      return "the node that should lead it is not here or not caught up";
  }
  return "?";
}

}  // namespace

std::string_view to_text(Action action) {
  switch (action) {
    case Action::none:
      return "none";
    case Action::add_learner:
      return "add_learner";
    case Action::promote:
      return "promote";
    case Action::remove:
      return "remove";
    case Action::transfer:
      return "transfer";
  }
  return "?";
}

std::string_view to_text(Reason reason) {
  switch (reason) {
    case Reason::too_few_replicas:
      return "too_few_replicas";
    case Reason::better_node:
      return "better_node";
    case Reason::caught_up:
      return "caught_up";
    case Reason::smaller_majority:
      return "smaller_majority";
    case Reason::replaced:
      return "replaced";
    case Reason::not_wanted_here:
      return "not_wanted_here";
    case Reason::node_removed:
      return "node_removed";
    case Reason::learner_unneeded:
      return "learner_unneeded";
    case Reason::node_drains:
      return "node_drains";
    case Reason::even_leads:
      return "even_leads";
    case Reason::settled:
      return "settled";
    case Reason::not_leader:
      return "not_leader";
    case Reason::change_pending:
      return "change_pending";
    case Reason::node_unknown:
      return "node_unknown";
    case Reason::no_majority:
      return "no_majority";
    case Reason::no_successor:
      return "no_successor";
    case Reason::settling:
      return "settling";
    case Reason::waits_for_node:
      return "waits_for_node";
    case Reason::catching_up:
      return "catching_up";
    case Reason::voter_away:
      return "voter_away";
    case Reason::moves_full:
      return "moves_full";
    case Reason::lead_waits:
      return "lead_waits";
  }
  return "?";
}

std::string describe(const Step& step, ShardId shard) {
  const auto what = [&]() -> std::string {
    const auto on = fmt::format("on node {}", id_text(step.node));
    switch (step.action) {
      case Action::none:
        return "nothing is done";
      case Action::add_learner:
        return fmt::format("a learner is added {}", on);
      case Action::promote:
        return fmt::format("learner {:016x} {} becomes a voter", step.replica.value, on);
      case Action::remove:
        return fmt::format("replica {:016x} {} is removed", step.replica.value, on);
      case Action::transfer:
        return fmt::format("the lead goes to replica {:016x} {}", step.replica.value, on);
    }
    return "?";
  }();
  return fmt::format("shard {}: {}: {}", shard.value, what, sentence(step.reason));
}

}  // namespace parley::cluster::placement
