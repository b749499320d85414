#include "cluster/placement/step.h"

#include "cluster/placement/node_table.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <tuple>

namespace parley::cluster::placement {
namespace {

std::size_t majority(std::size_t voters) { return voters / 2 + 1; }

// A replica with what follows from its node.
struct Placed {
  const Replica* replica;
  const Node* node;
  bool sound = false;   // alive and caught up, as far as anybody can know
  bool wanted = false;  // it is the one to stay on a node where the shard is wanted
  [[nodiscard]] bool voter() const { return replica->voter; }
  [[nodiscard]] bool ready() const { return !voter() && wanted && sound; }
  // Nobody waits for it: it can only stand in the way.
  [[nodiscard]] bool spent() const { return replica->lost || (node->given_up() && !replica->answers); }
  // Whether it is wanted turns out soon.
  [[nodiscard]] bool undecided() const {
    return !replica->lost && node->standing == Standing::fresh && node->intent != Intent::remove;
  }
};

class Decision {
 public:
  Decision(const ShardView& view, const std::vector<Node>& nodes, const LeadPlan& plan, const Rules& rules,
           MoreMoves more_moves)
      : view_(view),
        nodes_(nodes),
        plan_(plan),
        rules_(rules),
        more_moves_(more_moves),
        desired_(plan.desired(view.shard)) {}

  Step make() {
    if (const auto why = look()) return none(*why);
    if (view_.change_pending) return none(Reason::change_pending);
    if (sound_ < majority(voters_)) return none(Reason::no_majority);
    if (const auto step = hand_over()) return *step;
    if (self_->node->standing != Standing::steady || view_.led_for < rules_.settle_after) return none(Reason::settling);
    for (const auto rule : {&Decision::drop_spent, &Decision::drop_learner, &Decision::drop_unwanted,
                            &Decision::promote, &Decision::add, &Decision::even_leads}) {
      if (const auto step = (this->*rule)()) return *step;
    }
    return none(why_not_.value_or(Reason::settled));
  }

 private:
  static Step none(Reason why) { return {.action = Action::none, .reason = why}; }
  static Step with(Action action, Reason why, const Placed& placed) {
    return {action, why, placed.node->id, placed.replica->id};
  }
  // Why the rule did nothing; the first one is told.
  std::optional<Step> waits(Reason why) {
    if (!why_not_) why_not_ = why;
    return std::nullopt;
  }

  std::optional<Reason> look() {
    for (const auto& replica : view_.replicas) {
      const auto* node = find(nodes_, replica.node);
      if (node == nullptr) return Reason::node_unknown;
      const bool leads = replica.id == view_.leader;
      const bool caught_up = replica.lacks && *replica.lacks <= rules_.lag_max && !replica.snapshot;
      placed_.push_back(
          {.replica = &replica, .node = node, .sound = leads || (node->alive && replica.answers && caught_up)});
      if (replica.lost) placed_.back().sound = false;
    }
    for (const auto node : desired_) {
      // Two on one node: the one that is of use.
      Placed* best = nullptr;
      for (auto& placed : placed_) {
        if (placed.node->id != node || placed.replica->lost) continue;
        if (best == nullptr || rank(placed) > rank(*best)) best = &placed;
      }
      if (best != nullptr) best->wanted = true;
    }
    for (const auto& placed : placed_) {
      if (placed.replica->id == view_.leader) self_ = &placed;
      if (!placed.voter()) continue;
      ++voters_;
      if (placed.sound) ++sound_;
      if (placed.node->alive && !placed.replica->lost) ++alive_;
      if (placed.spent()) ++spent_;
    }
    if (self_ == nullptr || !self_->voter()) return Reason::not_leader;
    return std::nullopt;
  }
  static std::tuple<bool, bool, std::uint64_t> rank(const Placed& placed) {
    return {placed.sound, placed.voter(), placed.replica->id.value};
  }

  // ---- what may be ----

  // How many living voters there are to be at least: as many as wanted, where there are nodes for them.
  [[nodiscard]] std::size_t needed() const { return std::min(rules_.replicas, desired_.size()); }
  [[nodiscard]] std::size_t ready_learners() const {
    return static_cast<std::size_t>(
        std::count_if(placed_.begin(), placed_.end(), [](const Placed& placed) { return placed.ready(); }));
  }
  [[nodiscard]] std::size_t sound_without(const Placed& placed) const { return sound_ - (placed.sound ? 1 : 0); }
  // Those that are left have their majority, alive and caught up.
  [[nodiscard]] bool safe_without(const Placed& placed) const {
    return voters_ > 1 && sound_without(placed) >= majority(voters_ - 1);
  }

  // ---- the rules, in their order ----

  // The own node is about to stop, or was removed.
  std::optional<Step> hand_over() {
    const auto intent = self_->node->intent;
    if (intent == Intent::stay) return std::nullopt;
    const auto why = intent == Intent::drain ? Reason::node_drains : Reason::node_removed;
    const auto* to = successor();
    if (to == nullptr) to = any_successor();
    if (to != nullptr) return with(Action::transfer, why, *to);
    // Removed, it makes its successor first.
    return intent == Intent::drain ? none(Reason::no_successor) : waits(Reason::no_successor);
  }

  // Who is gone for good. With an even number of voters, or with two who are gone, fewer are needed without them; with
  // an odd one as many, and then only who takes the place is a gain: that one becomes a voter next, or is one already.
  // In this order, for with both in it at once another one would be needed.
  std::optional<Step> drop_spent() {
    for (const auto& placed : placed_) {
      if (!placed.voter() || !placed.spent() || !safe_without(placed)) continue;
      if (voters_ % 2 == 0 || spent_ >= 2) return with(Action::remove, Reason::smaller_majority, placed);
      if (ready_learners() > 0 || sound_ >= rules_.replicas) return with(Action::remove, Reason::replaced, placed);
      const bool ordered = placed.node->intent == Intent::remove;
      if (ordered && sound_ >= needed()) return with(Action::remove, Reason::node_removed, placed);
    }
    return std::nullopt;
  }

  std::optional<Step> drop_learner() {
    for (const auto& placed : placed_) {
      if (!placed.voter() && !placed.wanted && !placed.undecided()) {
        return with(Action::remove, Reason::learner_unneeded, placed);
      }
    }
    return std::nullopt;
  }

  // Who is here, or away for a time, and is not wanted. First who is no use now, the leader last.
  std::optional<Step> drop_unwanted() {
    const Placed* who = nullptr;
    for (const auto& placed : placed_) {
      if (!placed.voter() || placed.wanted || placed.spent() || placed.undecided() || !safe_without(placed)) continue;
      // For who is away (not for who is only suspected, or slow) a learner that is ready counts: it comes next.
      const bool away = placed.node->standing == Standing::away && !placed.node->alive && !placed.replica->answers;
      if (sound_without(placed) + (away ? ready_learners() : 0) < needed()) continue;
      const auto order = [this](const Placed& one) { return (one.sound ? 1 : 0) + (&one == self_ ? 1 : 0); };
      if (who == nullptr || order(placed) < order(*who)) who = &placed;
    }
    if (who == nullptr) return std::nullopt;
    const auto why = who->node->intent == Intent::remove ? Reason::node_removed : Reason::not_wanted_here;
    if (who != self_) return with(Action::remove, why, *who);
    if (view_.led_for < rules_.lead_rest) return waits(Reason::settling);
    const auto* to = successor();
    return to == nullptr ? waits(Reason::no_successor) : with(Action::transfer, why, *to);
  }

  std::optional<Step> promote() {
    for (const auto& placed : placed_) {
      if (!placed.ready()) continue;
      // From an odd number to an even one: one more is needed. Where others are away that would be the last one there
      // is.
      // And one more than wanted is enough: it goes first.
      const bool no_gain = voters_ % 2 == 1 && voters_ >= 3 && alive_ == majority(voters_);
      if (no_gain || voters_ > rules_.replicas) return waits(Reason::voter_away);
      return with(Action::promote, Reason::caught_up, placed);
    }
    return std::nullopt;
  }

  std::optional<Step> add() {
    const bool copying = std::any_of(placed_.begin(), placed_.end(), [](const Placed& placed) {
      return !placed.voter() && placed.wanted && (placed.replica->answers || placed.node->is_here());
    });
    if (copying) return waits(Reason::catching_up);
    for (const auto& placed : placed_) {
      if (placed.node->counts() && !placed.node->heard) return waits(Reason::node_unknown);
      if (placed.voter() && placed.undecided()) return waits(Reason::settling);
    }
    for (const auto node : desired_) {
      const bool has = std::any_of(placed_.begin(), placed_.end(), [node](const Placed& placed) {
        return placed.node->id == node && !placed.replica->lost;
      });
      if (has) continue;
      if (!find(nodes_, node)->takes()) {
        waits(Reason::waits_for_node);
        continue;
      }
      if (more_moves_ == MoreMoves::no) return waits(Reason::moves_full);
      const auto have = std::count_if(placed_.begin(), placed_.end(), [](const Placed& p) { return !p.spent(); });
      const bool few = static_cast<std::size_t>(have) < needed();
      return Step{Action::add_learner, few ? Reason::too_few_replicas : Reason::better_node, node, {}};
    }
    return std::nullopt;
  }

  // Only to whom the plan has: to go to another one meanwhile would be one way more. And in calm only: while somebody
  // is away, leaders may be of two minds about who counts, and would give a lead to and fro.
  std::optional<Step> even_leads() {
    const auto planned = plan_.planned_leader(view_.shard);
    if (planned == self_->node->id) return std::nullopt;
    const auto to = std::find_if(placed_.begin(), placed_.end(), [planned](const Placed& placed) {
      return placed.node->id == planned && placed.wanted && could_lead(placed);
    });
    if (to == placed_.end()) return waits(Reason::lead_waits);
    const bool calm = std::none_of(nodes_.begin(), nodes_.end(), [](const Node& node) {
      return node.counts() && (node.standing == Standing::away || node.intent == Intent::drain);
    });
    const bool sending =
        std::any_of(placed_.begin(), placed_.end(), [](const Placed& p) { return p.replica->snapshot; });
    if (!calm || sending || view_.led_for < rules_.lead_rest) return waits(Reason::settling);
    return with(Action::transfer, Reason::even_leads, *to);
  }

  // ---- who could lead ----

  [[nodiscard]] static bool could_lead(const Placed& placed) {
    return placed.voter() && placed.sound && placed.node->intent == Intent::stay;
  }
  // By the plan; it can be the leader.
  const Placed* successor() {
    std::vector<NodeId> able;
    for (const auto& placed : placed_) {
      if (placed.wanted && could_lead(placed)) able.push_back(placed.node->id);
    }
    const auto node = plan_.preferred_leader(view_.shard, able);
    for (const auto& placed : placed_) {
      if (placed.wanted && node == placed.node->id) return &placed;
    }
    return nullptr;
  }
  // Wherever it is.
  const Placed* any_successor() {
    for (const auto& placed : placed_) {
      if (&placed != self_ && could_lead(placed)) return &placed;
    }
    return nullptr;
  }

  const ShardView& view_;
  const std::vector<Node>& nodes_;
  const LeadPlan& plan_;
  const Rules& rules_;
  const MoreMoves more_moves_;
  const std::vector<NodeId>& desired_;
  std::vector<Placed> placed_;
  const Placed* self_ = nullptr;
  std::size_t voters_ = 0;
  std::size_t alive_ = 0;  // of them, caught up or not
  std::size_t sound_ = 0;  // alive and caught up
  std::size_t spent_ = 0;  // given up
  std::optional<Reason> why_not_;
};

}  // namespace

Step next_step(const ShardView& view, const std::vector<Node>& nodes, const LeadPlan& plan, const Rules& rules,
               MoreMoves more_moves) {
  return Decision(view, nodes, plan, rules, more_moves).make();
}

}  // namespace parley::cluster::placement
