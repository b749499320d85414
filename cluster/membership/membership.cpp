#include "cluster/membership/membership.h"

#include "core/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace parley::cluster {
namespace {

using Kind = MemberEvent::Kind;

// Whoever is refused tries again and again: what was not said for so long is over.
constexpr auto kRefusedShown = std::chrono::minutes(3);

void log_member(std::string_view what, const ClusterMember& member) {
  log_info(what, {{"node", id_text(member.address.node)},
                  {"name", member.record.name},
                  {"incarnation", member.address.incarnation.value}});
}

}  // namespace

Membership::Membership(NodeAddress self, NodeRecord own, MembershipConfig config, Peers& peers, Transport& transport,
                       const Clock& clock, Random& random, Metrics& metrics, Executor& executor)
    : peers_(peers),
      transport_(transport),
      clock_(clock),
      metrics_(metrics),
      single_thread_(executor.single_thread()),
      config_(std::move(config)),
      swim_(self, std::move(own), random, now(), config_.timing, config_.limits),
      running_(executor.add("members", *this)) {}

void Membership::start() { running_->start(); }

void Membership::stop() { running_->stop(); }

// ---- from outside ----

void Membership::set_own(NodeRecord own) {
  {
    const MutexLock lock(mutex_);
    swim_.set_own(std::move(own));
  }
  running_->wake();
}

void Membership::look_again() {
  look_now_ = true;
  running_->wake();
}

Charter Membership::set_data() {
  Charter charter;
  {
    const MutexLock lock(mutex_);
    swim_.set_data();
    charter = swim_.self().record.charter;
  }
  running_->wake();
  return charter;
}

Charter Membership::charter() const {
  const MutexLock lock(mutex_);
  return swim_.self().record.charter;
}

bool Membership::made_cluster() const {
  const MutexLock lock(mutex_);
  return swim_.made_cluster();
}

bool Membership::leave(milliseconds at_most) {
  MutexLock lock(mutex_);
  swim_.leave(now());
  running_->wake();
  const auto known = [this]() PARLEY_REQUIRES(mutex_) { return swim_.everybody_knows(); };
  return single_thread_ ? known() : answered_.wait_for(lock, at_most, known);
}

MemberView Membership::members() const {
  const MutexLock lock(mutex_);
  MemberView view{swim_.self(), swim_.others(), {}, swim_.health(), clock_.now()};
  for (const auto& [when, why] : refused_) {
    if (when + kRefusedShown > view.now) view.refused.push_back(why);
  }
  return view;
}

void Membership::on_gossip(const NodeAddress& from, Gossip gossip) { put({from, std::move(gossip)}); }
void Membership::on_link_up(const NodeAddress& peer) { put({peer, LinkUp{}}); }
void Membership::on_link_down(const NodeAddress& peer) { put({peer, LinkDown{}}); }

void Membership::on_link_closed(const NodeAddress& peer) { put({peer, LinkClosed{}}); }

void Membership::on_link_refused(const std::string& why) {
  const MutexLock lock(mutex_);
  note_refused(why);
}

void Membership::put(Input input) {
  {
    const MutexLock lock(inbox_mutex_);
    // Links are few, and each of their changes counts.
    if (inbox_.size() >= config_.limits.inbox_messages_max && std::holds_alternative<Gossip>(input.what)) {
      return metrics_.peer_messages_dropped("gossip_waits").add();
    }
    inbox_.push_back(std::move(input));
  }
  running_->wake();
}

// ---- the worker ----

std::chrono::nanoseconds Membership::step(bool /*time_over*/) {
  std::vector<Input> inbox;
  {
    const MutexLock lock(inbox_mutex_);
    inbox.swap(inbox_);
  }
  const bool look_now = look_now_.exchange(false);
  if (config_.look && (look_now || clock_.now() >= look_at_)) {
    look_at_ = clock_.now() + config_.look_every;
    NodeRecord own;
    {
      const MutexLock lock(mutex_);
      own = swim_.self().record;
    }
    config_.look(own);
    const MutexLock lock(mutex_);
    swim_.set_own(std::move(own));
  }
  std::vector<Outgoing> messages;
  std::vector<MemberEvent> events;
  std::vector<PeerPlace> wanted;
  MonoTime due;
  {
    const MutexLock lock(mutex_);
    const auto instant = now();
    for (const auto& input : inbox) take(input, instant);
    if (instant.mono >= swim_.due()) swim_.tick(instant);
    messages = swim_.take_messages();
    events = swim_.take_events();
    for (const auto& event : events) {
      if (event.kind == Kind::stranger) note_refused(event.text);
    }
    wanted = places();
    measure();
    due = config_.look ? std::min(swim_.due(), look_at_) : swim_.due();
    if (swim_.everybody_knows()) answered_.notify_all();
  }
  if (wanted != dialed_) {
    dialed_ = wanted;
    transport_.dial(std::move(wanted));
  }
  // First the listeners: what cluster this is stands on the disk before anybody else hears of it.
  for (const auto& event : events) tell(event);
  // What cannot be sent is as lost as what is lost on its way; Peers counts it.
  for (auto& message : messages) (void)peers_.gossip(message.to, std::move(message.gossip));
  if (due == kNever) return kUntilWoken;
  return std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(due - clock_.now()));
}

void Membership::take(const Input& input, Instant instant) {
  if (const auto* gossip = std::get_if<Gossip>(&input.what)) return swim_.receive(input.from, *gossip, instant);
  if (std::holds_alternative<LinkUp>(input.what)) return swim_.link_up(input.from, instant);
  if (std::holds_alternative<LinkClosed>(input.what)) return swim_.link_closed(input.from, instant);
  swim_.link_down(input.from, instant);
}

void Membership::note_refused(const std::string& why) {
  std::erase_if(refused_, [&](const auto& row) { return row.second == why; });
  refused_.emplace_back(clock_.now(), why);
  if (refused_.size() > config_.limits.strangers_max) refused_.pop_front();
}

std::vector<PeerPlace> Membership::places() const {
  std::set<PeerPlace> all(config_.seeds.begin(), config_.seeds.end());
  for (const auto& seen : swim_.others()) {
    const auto& [address, refutation, state, record] = seen.member;
    // Also who is held for dead: it may be on the other side of a partition, and then it has to be found again.
    if (state == NodeState::left || record.port == 0 || record.host.empty()) continue;
    all.insert({address.node, record.host, record.port});
  }
  return {all.begin(), all.end()};
}

void Membership::measure() {
  std::size_t by_state[4] = {};
  ++by_state[static_cast<std::size_t>(swim_.self().state)];
  for (const auto& seen : swim_.others()) ++by_state[static_cast<std::size_t>(seen.member.state)];
  for (std::size_t i = 0; i < std::size(by_state); ++i) {
    metrics_.cluster_members(to_text(static_cast<NodeState>(i))).set(static_cast<double>(by_state[i]));
  }
  metrics_.cluster_own_health.set(swim_.health());
  metrics_.cluster_clock_offset_seconds.set(static_cast<double>(swim_.self().record.clock_offset_ms) / 1'000.0);
  const auto& counts = swim_.counts();
  const auto count = [](const Counter& metric, std::uint64_t is, std::uint64_t was) {
    if (is != was) metric.add(static_cast<double>(is - was));
  };
  count(metrics_.cluster_suspicions, counts.suspicions, counted_.suspicions);
  count(metrics_.cluster_refutations, counts.refutations, counted_.refutations);
  count(metrics_.cluster_deaths, counts.deaths, counted_.deaths);
  count(metrics_.cluster_probes_failed, counts.probes_failed, counted_.probes_failed);
  count(metrics_.cluster_pauses, counts.pauses, counted_.pauses);
  count(metrics_.cluster_nodes_refused("full"), counts.refused, counted_.refused);
  count(metrics_.cluster_nodes_refused("other_cluster"), counts.strangers, counted_.strangers);
  counted_ = counts;
}

void Membership::tell(const MemberEvent& event) {
  const auto& member = event.member;
  switch (event.kind) {
    case Kind::up:
      log_member("a node is up", member);
      for (auto* listener : listeners_) listener->on_member_up(member);
      return;
    case Kind::suspect:
      log_member("a node does not answer", member);
      for (auto* listener : listeners_) listener->on_member_suspect(member);
      return;
    case Kind::cleared:
      log_member("a node answers again", member);
      for (auto* listener : listeners_) listener->on_member_cleared(member);
      return;
    case Kind::dead:
      log_member("a node is dead", member);
      for (auto* listener : listeners_) listener->on_member_dead(member);
      return;
    case Kind::left:
      log_member("a node has left", member);
      for (auto* listener : listeners_) listener->on_member_left(member);
      return;
    case Kind::changed:
      for (auto* listener : listeners_) listener->on_member_changed(member);
      return;
    case Kind::charter:
      log_info("this node's cluster", {{"cluster", id_text(member.record.charter.cluster)}});
      for (auto* listener : listeners_) listener->on_own_charter(member.record.charter);
      return;
    case Kind::superseded:
      log_error("there is a later process with this node's data directory: this one is no member any more",
                {{"node", id_text(member.address.node)}});
      for (auto* listener : listeners_) listener->on_superseded();
      return;
    case Kind::stranger:
      log_error("a node of another cluster is refused", {{"error", event.text}});
      return;
    case Kind::refused:
      log_warn("a node is refused: there are too many", {{"node", id_text(member.address.node)},
                                                         {"name", member.record.name},
                                                         {"limit", config_.limits.members_max}});
      return;
  }
}

}  // namespace parley::cluster
