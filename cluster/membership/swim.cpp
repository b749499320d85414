// What is believed of whom, and why. What is asked and told: swim_probes.cpp.
#include "cluster/membership/swim.h"

#include "core/check.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::cluster {
namespace {

int rank(NodeState state) { return static_cast<int>(state); }

}  // namespace

Swim::Swim(NodeAddress self, NodeRecord own, Random& random, Instant now, SwimTiming timing, ClusterLimits limits)
    : random_(random),
      timing_(timing),
      limits_(limits),
      founding_(self, own.charter),
      next_probe_(now.mono + milliseconds(random.below(1 + static_cast<std::uint64_t>(timing.probe_every.count())))),
      next_sync_(now.mono + timing.sync_every),
      next_sync_dead_(now.mono + timing.sync_dead_every),
      now_(now) {
  CHECK(self.exists());
  self_ = {self, 0, NodeState::alive, std::move(own)};
  self_.record.revision = 1;
  found(now);
  expected_ = due();
}

// ---- what comes in ----

void Swim::tick(Instant now) {
  begin(now);
  if (!superseded_) {
    if (leaving_) {
      run_goodbyes(now);
    } else {
      run_probes(now);
      run_suspicions(now);
      if (now.mono >= next_probe_) probe_next(now);
      if (now.mono >= refute_at_) refute_now(now);
      if (own_changed_ && now.mono >= spread_due()) change_own_record(About::record);
      if (now.mono >= next_sync_) {
        next_sync_ = now.mono + timing_.sync_every;
        std::vector<NodeAddress> linked_ones;
        for (const auto& [node, entry] : entries_) {
          if (entry.member.lives() && linked(entry.member.address)) linked_ones.push_back(entry.member.address);
        }
        if (!linked_ones.empty()) send_all(linked_ones[random_.below(linked_ones.size())], true);
      }
      if (now.mono >= next_sync_dead_) {
        next_sync_dead_ = now.mono + timing_.sync_dead_every;
        std::vector<NodeAddress> dead_ones;
        for (const auto& [node, link] : links_) {
          const auto* member = find(node);
          if (link.up && (member == nullptr || member->state == NodeState::dead)) dead_ones.push_back(link.peer);
        }
        if (!dead_ones.empty()) send_all(dead_ones[random_.below(dead_ones.size())], true);
      }
      forget_old(now.mono);
      found(now);
    }
  }
  expected_ = due();
}

MonoTime Swim::due() const {
  if (superseded_) return kNever;
  auto at = kNever;
  const auto no_later_than = [&at](MonoTime time) { at = std::min(at, time); };
  if (leaving_) {
    for (const auto& [node, goodbye] : goodbyes_) no_later_than(goodbye.again);
    return at;
  }
  no_later_than(next_probe_);
  no_later_than(next_sync_);
  no_later_than(next_sync_dead_);
  no_later_than(refute_at_);
  if (own_changed_) no_later_than(spread_due());
  for (const auto& [nonce, probe] : probes_)
    no_later_than(probe.asked ? probe.ends : std::min(probe.ask_at, probe.ends));
  for (const auto& [nonce, relay] : relays_) no_later_than(relay.ends);
  for (const auto& [node, entry] : entries_) {
    if (!entry.suspicion) continue;
    no_later_than(entry.probe_again);
    no_later_than(death_due(entry));
  }
  return at;
}

void Swim::receive(const NodeAddress& from, const Gossip& gossip, Instant now) {
  begin(now);
  if (superseded_ || from.node == self_.address.node) return;
  const auto link = links_.find(from.node);
  if (link != links_.end() && link->second.peer.incarnation > from.incarnation) return;  // of a process that is gone
  auto place = entries_.find(from.node);
  if (place != entries_.end() && place->second.member.address.incarnation > from.incarnation) return;

  const auto named = std::find_if(gossip.rumours.begin(), gossip.rumours.end(),
                                  [&](const Rumour& rumour) { return rumour.about == from && rumour.record; });
  Charter theirs;
  if (named != gossip.rumours.end()) theirs = named->record->charter;
  theirs.cluster = gossip.cluster;
  theirs.data = gossip.data;
  if (is_stranger(from, named != gossip.rumours.end() ? named->record->name : "", theirs, now)) return;

  if (auto* entry = entry_of(from)) {
    entry->heard = now.mono;
    entry->nowhere = false;
    if (entry->member.state != NodeState::left && gossip.refutation > entry->member.refutation) {
      set_alive(*entry, gossip.refutation, now);
    }
  }
  for (const auto& rumour : gossip.rumours) {
    hear(rumour, now);
    if (superseded_) return;
  }
  forget_old(now.mono);
  found(now);

  if (const auto* ping = std::get_if<Ping>(&gossip.what)) {
    if (ping->target == self_.address) send(from, Ack{ping->nonce});
  } else if (const auto* ack = std::get_if<Ack>(&gossip.what)) {
    acked(from, ack->nonce, gossip, now);
  } else if (const auto* probe = std::get_if<ProbeFor>(&gossip.what)) {
    relay_for(from, *probe, now);
  } else if (const auto* silent = std::get_if<NoAnswer>(&gossip.what)) {
    not_answered(*silent, now);
  } else if (std::get<Sync>(gossip.what).answer && !leaving_) {
    send_all(from, false);
  }
  // Somebody whom nobody told of yet.
  if (!leaving_ && entry_of(from) == nullptr) {
    const auto up = links_.find(from.node);
    if (up != links_.end() && up->second.up && now.mono >= up->second.asked_all) {
      up->second.asked_all = now.mono + seconds(1);
      send_all(from, true);
    }
  }
  expected_ = due();
}

void Swim::link_up(const NodeAddress& peer, Instant now) {
  begin(now);
  auto& link = links_[peer.node];
  if (link.peer.incarnation > peer.incarnation) return;
  link = {.peer = peer, .up = true, .asked_all = now.mono + seconds(1)};
  if (superseded_ || leaving_) return;
  if (auto* entry = entry_of(peer)) {
    // Its process has just introduced itself. What it was asked before went with the link before.
    entry->nowhere = false;
    entry->heard = now.mono;
    std::erase_if(probes_, [&](const auto& row) { return row.second.target == peer; });
  }
  send_all(peer, false);
  expected_ = due();
}

void Swim::link_closed(const NodeAddress& peer, Instant now) {
  begin(now);
  const auto place = links_.find(peer.node);
  if (place == links_.end() || place->second.peer != peer || place->second.closed) return;
  if (now.mono < doubts_closed_until_) return;
  place->second.closed = true;
  // Of one that was up its end is told next.
  auto* entry = entry_of(peer);
  const bool asks = entry != nullptr && entry->member.lives() && !superseded_ && !leaving_;
  if (!place->second.up && asks) start_probe(*entry, now);
  expected_ = due();
}

void Swim::link_down(const NodeAddress& peer, Instant now) {
  begin(now);
  const auto place = links_.find(peer.node);
  if (place == links_.end() || place->second.peer != peer) return;
  place->second.up = false;
  std::erase_if(relays_, [&](const auto& row) {
    if (row.second.target != peer) return false;
    end_relay(row.second);
    return true;
  });
  if (leaving_) goodbyes_.erase(peer.node);
  auto* entry = entry_of(peer);
  if (entry == nullptr) {
    links_.erase(place);
  } else if (entry->member.lives() && !superseded_ && !leaving_) {
    start_probe(*entry, now);  // a hint: nothing is believed yet
  }
  expected_ = due();
}

void Swim::set_own(NodeRecord own) {
  own.revision = self_.record.revision;
  own.charter = self_.record.charter;
  own.clock_offset_ms = self_.record.clock_offset_ms;
  if (own == self_.record) return;
  const bool urgent =
      own.draining != self_.record.draining || own.removed != self_.record.removed || own.orders != self_.record.orders;
  self_.record = std::move(own);
  // What is planned with nodes is news for everybody at once; counts can wait.
  if (urgent && !leaving_ && !superseded_) {
    change_own_record(About::state);
    return send_to_all({rumour_of_self(true)});
  }
  own_changed_ = true;
  expected_ = std::min(expected_, due());
}

void Swim::set_data() {
  founding_.set_data();
  if (self_.record.charter == founding_.own()) return;
  self_.record.charter = founding_.own();
  change_own_record(About::state);
}

void Swim::leave(Instant now) {
  if (leaving_ || superseded_) return;
  begin(now);
  leaving_ = true;
  self_.state = NodeState::left;
  probes_.clear();
  relays_.clear();
  for (const auto& [node, entry] : entries_) {
    if (entry.member.lives() && linked(entry.member.address)) goodbyes_[node] = {random_.next(), now.mono};
  }
  run_goodbyes(now);
  expected_ = due();
}

// ---- what is believed ----

void Swim::tell(MemberEvent::Kind kind, const ClusterMember& member, std::string text) {
  events_.push_back({kind, member, std::move(text)});
}

// Whoever stood still knows nothing of the time in between: nobody was silent in it.
void Swim::begin(Instant instant) {
  now_ = instant;
  const auto now = instant.mono;
  if (expected_ == kNever || now <= expected_ + timing_.late) return;
  const auto gap = now - expected_;
  ++counts_.pauses;
  health_by(2);
  probes_.clear();
  relays_.clear();
  for (auto& [node, entry] : entries_) {
    if (entry.suspicion) entry.suspicion->put_off(gap);
    entry.heard = std::min(now, entry.heard + gap);
  }
  next_probe_ = now + stretched(timing_.probe_every);
  doubts_closed_until_ = now + timing_.closed_doubted;
  expected_ = kNever;
}

void Swim::health_by(int change) {
  health_ =
      static_cast<unsigned>(std::clamp(static_cast<int>(health_) + change, 0, static_cast<int>(timing_.health_max)));
}

bool Swim::is_stranger(const NodeAddress& who, std::string_view name, const Charter& theirs, Instant now) {
  if (meet(self_.record.charter, theirs) != Meeting::refuse) return false;
  const auto place =
      std::find_if(strangers_.begin(), strangers_.end(), [&](const auto& row) { return row.first == who; });
  if (place != strangers_.end() && now.mono < place->second) return true;
  if (place == strangers_.end() && name.empty()) return true;  // it says its name with the first that a link brings
  if (place != strangers_.end()) strangers_.erase(place);
  if (strangers_.size() >= limits_.strangers_max) strangers_.erase(strangers_.begin());
  strangers_.emplace_back(who, now.mono + seconds(60));
  ++counts_.strangers;
  ClusterMember stranger{who, 0, NodeState::alive, {}};
  stranger.record.name = name;
  stranger.record.charter = theirs;
  const auto named = [](std::string_view their_name, const NodeAddress& node) {
    return fmt::format("{} ({})", their_name.empty() ? "a node" : their_name, id_text(node.node));
  };
  tell(MemberEvent::Kind::stranger, stranger,
       refusal(named(self_.record.name, self_.address), self_.record.charter, named(name, who), theirs));
  return true;
}

bool Swim::has_room() const { return living() < limits_.members_max; }

void Swim::hear(const Rumour& rumour, Instant now) {
  if (rumour.about.node == self_.address.node) return hear_of_self(rumour, now);
  if (leaving_) return;
  const auto place = entries_.find(rumour.about.node);
  if (place == entries_.end()) return meet_new(rumour, now);
  auto& entry = place->second;
  if (rumour.about.incarnation < entry.member.address.incarnation) return;
  if (rumour.about.incarnation == entry.member.address.incarnation) return hear_of_same_process(entry, rumour, now);
  // Another process of the node: the one that was known is no more.
  const bool lives = rank(rumour.state) <= rank(NodeState::suspect);
  if (lives && (!rumour.record || (!entry.member.lives() && !has_room()))) return;
  if (lives && is_stranger(rumour.about, rumour.record->name, rumour.record->charter, now)) return;
  if (entry.member.lives()) bury(entry, entry.member.refutation, NodeState::dead, rumour.about, now);
  if (!lives) {
    // Its record is the former one's, and gives way to each that this process says itself.
    entry.member = {rumour.about, rumour.refutation, rumour.state, entry.member.record};
    entry.member.record.revision = 0;
    entry.by = rumour.by;
    return;
  }
  entries_.erase(place);
  meet_new(rumour, now);
}

void Swim::hear_of_self(const Rumour& rumour, Instant now) {
  if (rumour.about.incarnation > self_.address.incarnation) {
    superseded_ = true;
    tell(MemberEvent::Kind::superseded, self_);
    return;
  }
  if (rumour.about != self_.address || leaving_ || rumour.state == NodeState::alive) return;
  // What is said of a lower refutation has been contradicted, and goes out with every message.
  if (rumour.refutation < self_.refutation) return;
  refute(rumour.refutation, rumour.state != NodeState::suspect, now);
}

void Swim::refute(std::uint32_t refutation, bool death, Instant now) {
  wanted_refutation_ = std::max(wanted_refutation_, refutation + 1);
  if (wanted_refutation_ <= refutation) return;  // the last number there is
  if (refute_at_ != kNever) return;
  if (!death) return refute_now(now);
  if (now.mono - last_comeback_ > timing_.comeback_forgotten) comebacks_ = 0;
  auto pause = milliseconds(0);
  if (comebacks_ > 0) {
    pause = std::min(timing_.comeback_pause_max, timing_.comeback_pause * (1U << std::min(comebacks_ - 1, 20U)));
  }
  const auto at = last_comeback_ + pause;
  if (comebacks_ > 0 && at > now.mono) {
    refute_at_ = at;
    return;
  }
  ++comebacks_;
  last_comeback_ = now.mono;
  refute_now(now);
}

void Swim::refute_now(Instant now) {
  if (refute_at_ != kNever && now.mono >= refute_at_) {
    ++comebacks_;
    last_comeback_ = now.mono;
  }
  refute_at_ = kNever;
  self_.refutation = std::max(self_.refutation, wanted_refutation_);
  ++counts_.refutations;
  health_by(1);  // perhaps it is this node that is slow
  rumours_.put(self_.address.node, About::state, true);
  send_to_all({rumour_of_self(true)});
}

void Swim::meet_new(const Rumour& rumour, Instant now) {
  // Of the dead whom nobody here knew nothing is kept: two nodes would remind each other of them for ever.
  if (rank(rumour.state) > rank(NodeState::suspect)) return;
  if (!rumour.record) return;  // it comes with the next message that has all
  if (is_stranger(rumour.about, rumour.record->name, rumour.record->charter, now)) return;
  if (!has_room()) {
    ++counts_.refused;
    if (now.mono < told_refused_) return;
    told_refused_ = now.mono + seconds(10);
    return tell(MemberEvent::Kind::refused, {rumour.about, rumour.refutation, rumour.state, *rumour.record});
  }
  Entry entry;
  entry.member = {rumour.about, rumour.refutation, NodeState::alive, *rumour.record};
  entry.since = now.mono;
  auto& placed = entries_[rumour.about.node] = std::move(entry);
  table_changed_ = true;
  rumours_.put(rumour.about.node, About::state, true);
  order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(random_.below(order_.size() + 1)), rumour.about.node);
  tell(MemberEvent::Kind::up, placed.member);
  if (rumour.state == NodeState::suspect) suspect(placed, rumour.refutation, rumour.by, now);
}

void Swim::hear_of_same_process(Entry& entry, const Rumour& rumour, Instant now) {
  auto& member = entry.member;
  const bool lives = rank(rumour.state) <= rank(NodeState::suspect);
  if (lives && !rumour.record && member.record.revision == 0) return;  // as in meet_new()
  if (rumour.record && rumour.record->revision > member.record.revision && member.state != NodeState::left) {
    if (member.lives() && is_stranger(rumour.about, rumour.record->name, rumour.record->charter, now)) return;
    member.record = *rumour.record;
    table_changed_ = true;
    rumours_.put(member.address.node, About::record, true);
    if (member.lives()) tell(MemberEvent::Kind::changed, member);
  }
  if (member.state == NodeState::left) return;
  switch (rumour.state) {
    case NodeState::alive:
      if (rumour.refutation > member.refutation) set_alive(entry, rumour.refutation, now);
      return;
    case NodeState::suspect:
      if (rumour.refutation < member.refutation ||
          (member.state == NodeState::dead && rumour.refutation == member.refutation)) {
        return;
      }
      return suspect(entry, rumour.refutation, rumour.by, now);
    case NodeState::dead:
      if (rumour.refutation < member.refutation ||
          (member.state == NodeState::dead && rumour.refutation == member.refutation)) {
        return;
      }
      // Somebody else cannot reach it, and this node has just heard of it: then that is a suspicion here, which its
      // own silence will confirm, or its contradiction end.
      if (member.lives() && now.mono - entry.heard < timing_.word_counts && linked(member.address)) {
        return suspect(entry, rumour.refutation, rumour.by, now);
      }
      return bury(entry, rumour.refutation, NodeState::dead, rumour.by, now);
    case NodeState::left:
      return bury(entry, std::max(rumour.refutation, member.refutation), NodeState::left, rumour.by, now);
  }
}

void Swim::set_alive(Entry& entry, std::uint32_t refutation, Instant now) {
  auto& member = entry.member;
  const auto before = member.state;
  if (!member.lives() && !has_room()) return;
  member.refutation = refutation;
  member.state = NodeState::alive;
  entry.suspicion.reset();
  entry.by = {};
  entry.since = now.mono;
  table_changed_ = true;
  rumours_.put(member.address.node, About::state, before == NodeState::dead);
  if (before == NodeState::suspect) tell(MemberEvent::Kind::cleared, member);
  if (before != NodeState::dead) return;
  if (std::find(order_.begin(), order_.end(), member.address.node) == order_.end())
    order_.push_back(member.address.node);
  tell(MemberEvent::Kind::up, member);
}

void Swim::suspect(Entry& entry, std::uint32_t refutation, NodeAddress by, Instant now) {
  auto& member = entry.member;
  const auto node = member.address.node;
  if (member.state == NodeState::suspect && member.refutation == refutation) {
    if (!entry.suspicion->confirm(by, confirmations_wanted())) return;
    entry.by = by;
    rumours_.put(node, About::state, false);
    return;
  }
  // A dead one that is suspected with a higher refutation lived in between.
  if (member.state == NodeState::dead) set_alive(entry, refutation, now);
  if (!member.lives()) return;  // no room
  member.refutation = refutation;
  const bool was_suspected = member.state == NodeState::suspect;
  member.state = NodeState::suspect;
  entry.suspicion.emplace(now.mono, by);
  entry.by = by;
  entry.since = now.mono;
  // Without a link the others have to be asked before anything is made of that.
  entry.probe_again = linked(member.address) ? now.mono + timing_.probe_every : now.mono;
  ++counts_.suspicions;
  rumours_.put(node, About::state, false);
  if (!was_suspected) tell(MemberEvent::Kind::suspect, member);
}

void Swim::bury(Entry& entry, std::uint32_t refutation, NodeState state, NodeAddress by, Instant now) {
  auto& member = entry.member;
  const bool lived = member.lives();
  member.refutation = refutation;
  member.state = state;
  entry.suspicion.reset();
  entry.by = by;
  entry.since = now.mono;
  table_changed_ = true;
  std::erase(order_, member.address.node);
  std::erase_if(probes_, [&](const auto& row) { return row.second.target == member.address; });
  rumours_.put(member.address.node, About::state, false);
  if (!lived) return;
  if (state == NodeState::dead) ++counts_.deaths;
  tell(state == NodeState::left ? MemberEvent::Kind::left : MemberEvent::Kind::dead, member);
}

void Swim::forget_old(MonoTime now) {
  std::vector<std::pair<MonoTime, NodeId>> remembered;
  for (auto place = entries_.begin(); place != entries_.end();) {
    const auto& entry = place->second;
    if (!entry.member.lives() && now - entry.since > timing_.remember) {
      place = forget(place);
      continue;
    }
    if (!entry.member.lives()) remembered.emplace_back(entry.since, place->first);
    ++place;
  }
  if (remembered.size() <= limits_.remembered_max) return;
  std::sort(remembered.begin(), remembered.end());
  remembered.resize(remembered.size() - limits_.remembered_max);
  for (const auto& [since, node] : remembered) forget(entries_.find(node));
}

std::map<NodeId, Swim::Entry>::iterator Swim::forget(std::map<NodeId, Entry>::iterator place) {
  rumours_.drop(place->first);
  const auto link = links_.find(place->first);
  if (link != links_.end() && !link->second.up) links_.erase(link);
  return entries_.erase(place);
}

// ---- the own record ----

void Swim::change_own_record(About what) {
  own_changed_ = false;
  std::vector<std::int64_t> offsets;
  for (const auto& [node, entry] : entries_) {
    if (entry.member.lives() && entry.offset_ms) offsets.push_back(*entry.offset_ms);
  }
  if (!offsets.empty()) {
    const auto middle = offsets.begin() + static_cast<std::ptrdiff_t>(offsets.size() / 2);
    std::nth_element(offsets.begin(), middle, offsets.end());
    self_.record.clock_offset_ms = -*middle;
  }
  ++self_.record.revision;
  rumours_.put(self_.address.node, what, true);
  spread_ = now_.mono;
}

void Swim::found(Instant now) {
  if (!table_changed_ || leaving_) return;
  table_changed_ = false;
  std::vector<Founding::Other> others;
  for (const auto& [node, entry] : entries_) {
    if (entry.member.lives()) others.push_back({entry.member.address, entry.member.record.charter});
  }
  // It comes to an end by itself: an id, another candidate, data.
  for (int steps = 0; steps < 8 && founding_.step(others, random_); ++steps) continue;
  if (founding_.own() == self_.record.charter) return;
  const auto before = std::exchange(self_.record.charter, founding_.own());
  change_own_record(About::state);
  const auto& after = self_.record.charter;
  if (before.cluster == after.cluster && before.data == after.data) return;  // whom it backs is nobody's business here
  tell(MemberEvent::Kind::charter, self_);
  // Whoever was here while nobody had an id, and is of another cluster now.
  for (auto place = entries_.begin(); place != entries_.end();) {
    auto& member = place->second.member;
    if (!member.lives() || !is_stranger(member.address, member.record.name, member.record.charter, now)) {
      ++place;
      continue;
    }
    bury(place->second, member.refutation, NodeState::dead, self_.address, now);
    place = forget(place);  // of no concern to others
  }
}

// ---- what is known ----

std::vector<Swim::Seen> Swim::others() const {
  std::vector<Seen> all;
  all.reserve(entries_.size());
  for (const auto& [node, entry] : entries_) {
    all.push_back({entry.member, entry.since, linked(entry.member.address), entry.offset_ms});
  }
  return all;
}

const ClusterMember* Swim::find(NodeId node) const {
  const auto place = entries_.find(node);
  return place == entries_.end() ? nullptr : &place->second.member;
}

bool Swim::linked(const NodeAddress& peer) const {
  const auto place = links_.find(peer.node);
  return place != links_.end() && place->second.peer == peer && place->second.up;
}

LinkState Swim::link_state(const NodeAddress& peer) const {
  const auto place = links_.find(peer.node);
  if (place == links_.end() || place->second.peer != peer) return LinkState::none;
  if (place->second.up) return LinkState::up;
  return place->second.closed ? LinkState::closed : LinkState::none;
}

Swim::Entry* Swim::entry_of(const NodeAddress& address) {
  const auto place = entries_.find(address.node);
  return place == entries_.end() || place->second.member.address != address ? nullptr : &place->second;
}

std::size_t Swim::living() const {
  return 1 + static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(),
                                                    [](const auto& row) { return row.second.member.lives(); }));
}

}  // namespace parley::cluster
