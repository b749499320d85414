// What an operator orders nodes to do: to be ready to stop, and to be of the cluster no more. The orders travel in the
// nodes' own records (docs/adr/0026).
#include "cluster/replicas.h"
#include "core/json_string.h"
#include "core/log.h"
#include "server/other_nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace parley::server {
namespace {

constexpr ClusterLimits kLimits;

std::optional<NodeId> parse_node_id(std::string_view text) {
  constexpr std::size_t kDigits = 16;
  NodeId node;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, node.value, 16);
  if (text.size() != kDigits || read.ec != std::errc() || read.ptr != end || node == NodeId{}) return std::nullopt;
  return node;
}

std::string answer(NodeId node, std::string_view name, std::string_view field, bool value) {
  std::string out = fmt::format("{{\"node\":\"{}\",\"name\":", id_text(node));
  append_json_string(out, name);
  return out.append(fmt::format(",\"{}\":{}}}", field, value));
}

std::string called(const ClusterMember& member) {
  return member.record.name.empty() ? id_text(member.address.node) : member.record.name;
}

}  // namespace

Result<ClusterMember> OtherNodes::find_member(std::string_view node) const {
  const auto view = members_->members();
  std::vector<const ClusterMember*> all{&view.self};
  for (const auto& seen : view.others) all.push_back(&seen.member);
  const ClusterMember* found = nullptr;
  const auto id = parse_node_id(node);
  for (const auto* member : all) {
    if (id && member->address.node == *id) return *member;
    if (member->record.name != node) continue;
    // Of two with one name the one that lives is meant: a machine that was set up again keeps its name.
    if (found != nullptr && found->lives() == member->lives()) {
      return make_error(Errc::bad_request,
                        fmt::format("two nodes are called {}: say which by its id (parley nodes)", node));
    }
    if (found == nullptr || member->lives()) found = member;
  }
  if (found != nullptr) return *found;
  return make_error(Errc::not_found, fmt::format("no node of this cluster is called {}", node));
}

Result<std::string> OtherNodes::drain(std::string_view node, bool drain) {
  if (members_ == nullptr) {
    return make_error(Errc::bad_request, "this node is alone: nobody could take over what it has");
  }
  const auto member = find_member(node);
  if (!member) return member.error();
  const auto& address = member->address;
  if (!member->lives()) {
    return make_error(Errc::bad_request,
                      fmt::format("{} is {}: it hears no order", called(*member), to_text(member->state)));
  }
  // Later than any order to it that is known here, whatever the clocks of those who gave them say.
  auto at = env_.clock->wall().ms;
  const auto view = members_->members();
  for (const auto& seen : view.others) {
    for (const auto& order : seen.member.record.orders) {
      if (order.process == address) at = std::max(at, order.at_ms + 1);
    }
  }
  {
    const MutexLock lock(intents_mutex_);
    if (address == backend_.self()) {
      order_at_ = std::max(at, order_at_ + 1);
      draining_ = drain || ending_;
    } else {
      for (const auto& order : orders_) {
        if (order.process == address) at = std::max(at, order.at_ms + 1);
      }
      std::erase_if(orders_, [&](const DrainOrder& order) { return order.process == address; });
      if (orders_.size() >= kLimits.drain_orders_max) orders_.erase(orders_.begin());
      orders_.push_back({address, drain, at});
    }
  }
  log_info(drain ? "a node is to drain" : "a node is not to drain any more",
           {{"node", id_text(address.node)}, {"name", member->record.name}});
  show_members();
  members_->look_again();
  return answer(address.node, member->record.name, "draining", drain);
}

Result<std::string> OtherNodes::remove(std::string_view node) {
  if (members_ == nullptr) return make_error(Errc::bad_request, "this node is alone: there is nobody to remove");
  const auto member = find_member(node);
  const auto id = member ? std::optional(member->address.node) : parse_node_id(node);  // it may be forgotten here
  if (!id) return member.error();
  if (member && member->lives()) {
    return make_error(Errc::bad_request,
                      fmt::format("{} is {}: stop it first, and remove it only if it will not return", called(*member),
                                  to_text(member->state)));
  }
  const auto* replicas = backend_.shards().replicas();
  const auto unled = replicas == nullptr ? 0 : replicas->shards_without_leader();
  if (unled > 0) {
    return make_error(Errc::no_quorum, fmt::format("{} shards have no leader now: what that node has may be needed for "
                                                   "them",
                                                   unled));
  }
  {
    const MutexLock lock(intents_mutex_);
    removed_ = cluster::merged(removed_, {{*id, env_.clock->wall().ms}}, kLimits.removed_max);
    removed_unwritten_ = true;
  }
  log_info("a node is removed from the cluster", {{"node", id_text(*id)}});
  show_members();
  members_->look_again();
  return answer(*id, member ? member->record.name : "", "removed", true);
}

// On the thread of the members.
void OtherNodes::learn(const ClusterMember& member) {
  const auto& self = backend_.self();
  bool changed = false;
  bool removed = false;
  {
    const MutexLock lock(intents_mutex_);
    for (const auto& order : member.record.orders) {
      if (order.process != self || order.at_ms <= order_at_ || ending_) continue;
      order_at_ = order.at_ms;
      changed = changed || draining_ != order.drain;
      draining_ = order.drain;
    }
    auto all = cluster::merged(removed_, member.record.removed, kLimits.removed_max);
    if (all != removed_) {
      const auto is_self = [&self](const RemovedNode& one) { return one.node == self.node; };
      removed = std::any_of(all.begin(), all.end(), is_self) && std::none_of(removed_.begin(), removed_.end(), is_self);
      removed_ = std::move(all);
      removed_unwritten_ = changed = true;
    }
  }
  if (!changed) return;
  keep_removed();
  members_->look_again();
  if (!removed) return;
  log_error("this node was removed from its cluster, and ends", {{"node", id_text(self.node)}, {"by", called(member)}});
  end_process();
}

// On the thread of the members, which may wait for the disk. What cannot be written now is written when look() comes
// by.
void OtherNodes::keep_removed() {
  std::vector<RemovedNode> all;
  {
    const MutexLock lock(intents_mutex_);
    if (!std::exchange(removed_unwritten_, false)) return;
    all = removed_;
  }
  if (const auto written = cluster::write_removed(backend_.store(), all); !written) {
    log_error("which nodes were removed cannot be stored", {{"error", written.error().message}});
    const MutexLock lock(intents_mutex_);
    removed_unwritten_ = true;
  }
}

void OtherNodes::hand_over(milliseconds at_most) {
  if (members_ == nullptr) return;
  {
    const MutexLock lock(intents_mutex_);
    draining_ = ending_ = true;
  }
  show_members();
  members_->look_again();
  const auto view = members_->members();
  const bool others =
      std::any_of(view.others.begin(), view.others.end(), [](const auto& seen) { return seen.member.lives(); });
  auto* replicas = backend_.shards().replicas();
  if (replicas == nullptr || !others || (env_.executor != nullptr && env_.executor->single_thread())) return;
  const auto before = replicas->shards_led();
  if (!replicas->wait_until_handed_over(at_most)) {
    log_warn("not every shard has found another leader in time", {{"led_still", replicas->shards_led()}});
  } else if (before > 0) {
    log_info("others lead what this node led", {{"shards", before}});
  }
}

std::optional<net::NeedsNode> OtherNodes::reason_not_to_stop() const {
  if (members_ == nullptr || members_->members().others.empty()) return std::nullopt;
  const auto* replicas = backend_.shards().replicas();
  if (replicas == nullptr) return std::nullopt;
  const auto needs = replicas->shards_that_need_this_node();
  if (!needs)
    return net::NeedsNode{
        "it is not known whether others can do without this node: its disk is down, or it has just started", {}};
  if (needs->empty()) return std::nullopt;
  net::NeedsNode reason{
      fmt::format("{} shards would be left without a majority that is alive and caught up", needs->size()), *needs};
  return reason;
}

}  // namespace parley::server
