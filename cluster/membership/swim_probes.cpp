// What is asked and told, and when. What is made of the answers: swim.cpp.
#include "cluster/membership/swim.h"

#include <algorithm>
#include <bit>

namespace parley::cluster {
namespace {

// Of what goes with a ping or an answer. All that is known fills messages.
constexpr std::size_t kRiderBytesMax = 3'500;
constexpr milliseconds kGoodbyeEvery{200};
constexpr milliseconds kRoundTripMax{100};  // of a longer one nothing is learned about clocks

// At most that many bytes on the wire (schemas/peer.capnp): words, rounded up, and a zero behind each text.
std::size_t bytes_of(const std::string& text) { return (text.size() + 8) / 8 * 8; }
std::size_t bytes_of(const Rumour& rumour) {
  constexpr std::size_t kRumour = 48, kRecord = 128;
  if (!rumour.record) return kRumour;
  const auto& record = *rumour.record;
  return kRumour + kRecord + bytes_of(record.name) + bytes_of(record.host) + bytes_of(record.zone) +
         bytes_of(record.version) + 16 * record.removed.size() + 32 * record.orders.size();
}

}  // namespace

// ---- messages ----

Gossip Swim::message(decltype(Gossip::what) what) const {
  return {.wall_ms = now_.wall.ms,
          .cluster = self_.record.charter.cluster,
          .data = self_.record.charter.data,
          .refutation = self_.refutation,
          .what = what};
}

Rumour Swim::rumour_of_self(bool with_record) const {
  Rumour rumour{.about = self_.address, .refutation = self_.refutation, .state = self_.state};
  if (with_record) rumour.record = self_.record;
  return rumour;
}

Rumour Swim::rumour_of(const Entry& entry, bool with_record) const {
  const auto& member = entry.member;
  Rumour rumour{.about = member.address, .refutation = member.refutation, .state = member.state, .by = entry.by};
  if (with_record && member.lives()) rumour.record = member.record;
  return rumour;
}

unsigned Swim::times_told(unsigned each) const {
  return each * static_cast<unsigned>(std::bit_width(living()));  // 1 + the logarithm, rounded down
}

bool Swim::send(const NodeAddress& to, decltype(Gossip::what) what) {
  if (!linked(to)) return false;
  auto gossip = message(what);
  add_rumours(to, gossip);
  messages_.push_back({to, std::move(gossip)});
  return true;
}

void Swim::add_rumours(const NodeAddress& to, Gossip& gossip) {
  std::size_t bytes = 0;
  const auto add = [&](Rumour rumour) {
    bytes += bytes_of(rumour);
    gossip.rumours.push_back(std::move(rumour));
  };
  if (leaving_) return add(rumour_of_self(false));
  // Who is suspected hears it first: it alone can say that it lives.
  const auto* receiver = entry_of(to);
  if (receiver != nullptr && receiver->member.state != NodeState::alive) add(rumour_of(*receiver, false));
  for (const auto& item : rumours_.order()) {
    if (item.node == to.node) continue;
    if (gossip.rumours.size() >= limits_.rumours_per_message_max) return;
    Rumour rumour;
    if (item.node == self_.address.node) {
      rumour = rumour_of_self(item.with_record);
    } else if (const auto place = entries_.find(item.node); place != entries_.end()) {
      rumour = rumour_of(place->second, item.with_record);
    } else {
      rumours_.drop(item.node);
      continue;
    }
    if (bytes + bytes_of(rumour) > kRiderBytesMax) return;
    rumours_.told(item.node, times_told(timing_.retransmits), times_told(1));
    add(std::move(rumour));
  }
}

void Swim::send_all(const NodeAddress& to, bool answer) {
  if (!linked(to)) return;
  constexpr std::size_t kHeadBytes = 256;
  auto gossip = message(Sync{false});
  std::size_t bytes = kHeadBytes;
  const auto add = [&](Rumour rumour) {
    const auto more = bytes_of(rumour);
    if (bytes + more > limits_.gossip_bytes_max || gossip.rumours.size() >= limits_.rumours_per_message_max) {
      messages_.push_back({to, std::exchange(gossip, message(Sync{false}))});
      bytes = kHeadBytes;
    }
    bytes += more;
    gossip.rumours.push_back(std::move(rumour));
  };
  add(rumour_of_self(true));
  for (const auto& [node, entry] : entries_) add(rumour_of(entry, true));
  gossip.what = Sync{answer};
  messages_.push_back({to, std::move(gossip)});
}

void Swim::send_to_all(const std::vector<Rumour>& rumours) {
  for (const auto& [node, link] : links_) {
    if (!link.up) continue;
    auto gossip = message(Sync{false});
    gossip.rumours = rumours;
    messages_.push_back({link.peer, std::move(gossip)});
  }
}

// ---- probes ----

void Swim::probe_next(Instant now) {
  next_probe_ = now.mono + stretched(timing_.probe_every);
  for (int round = 0; round < 2; ++round) {
    while (!order_.empty()) {
      const auto node = order_.back();
      order_.pop_back();
      const auto place = entries_.find(node);
      if (place == entries_.end() || !place->second.member.lives()) continue;
      return start_probe(place->second, now);
    }
    for (const auto& [node, entry] : entries_) {
      if (entry.member.lives()) order_.push_back(node);
    }
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random_.below(i)]);
  }
}

void Swim::start_probe(Entry& entry, Instant now) {
  const auto target = entry.member.address;
  auto place =
      std::find_if(probes_.begin(), probes_.end(), [&](const auto& row) { return row.second.target == target; });
  if (place == probes_.end()) {
    ++counts_.probes;
    const auto nonce = random_.next();
    const auto ask_at = now.mono + stretched(timing_.probe_timeout);
    place =
        probes_
            .insert_or_assign(nonce, Probe{.target = target,
                                           .ask_at = ask_at,
                                           .ends = ask_at + stretched(timing_.relay_timeout + timing_.probe_timeout),
                                           .sent_wall = now.wall,
                                           .sent = now.mono})
            .first;
    if (send(target, Ping{nonce, target})) return;
  } else if (place->second.asked) {
    return;
  }
  // It cannot be asked: others are, at once.
  ask_others(place->first, place->second, now);
}

void Swim::ask_others(std::uint64_t nonce, Probe& probe, Instant now) {
  probe.asked = true;
  std::vector<NodeAddress> others;
  for (const auto& [node, entry] : entries_) {
    if (entry.member.lives() && entry.member.address != probe.target && linked(entry.member.address)) {
      others.push_back(entry.member.address);
    }
  }
  for (; probe.relays < timing_.relays && !others.empty(); ++probe.relays) {
    std::swap(others[random_.below(others.size())], others.back());
    send(others.back(), ProbeFor{nonce, probe.target});
    others.pop_back();
  }
  // Nobody to ask, and a link that has ended: that is all there is to know.
  if (probe.relays == 0 && link_state(probe.target) == LinkState::closed) probe.ends = now.mono;
}

void Swim::run_probes(Instant now) {
  std::vector<std::uint64_t> ended;
  for (auto& [nonce, probe] : probes_) {
    if (!probe.asked && now.mono >= probe.ask_at) ask_others(nonce, probe, now);
    if (now.mono >= probe.ends) ended.push_back(nonce);
  }
  for (const auto nonce : ended) {
    const auto place = probes_.find(nonce);
    if (place == probes_.end()) continue;
    const auto probe = place->second;
    probes_.erase(place);
    fail_probe(probe, now);
  }
  std::vector<Relay> silent;
  std::erase_if(relays_, [&](const auto& row) {
    if (now.mono < row.second.ends) return false;
    silent.push_back(row.second);
    return true;
  });
  for (const auto& relay : silent) end_relay(relay);
}

void Swim::fail_probe(const Probe& probe, Instant now) {
  ++counts_.probes_failed;
  // Of those who were asked nobody says at least that it is silent: then it is perhaps this node that hears nothing.
  if (probe.nacks < probe.relays || (probe.relays == 0 && linked(probe.target))) health_by(1);
  auto* entry = entry_of(probe.target);
  if (entry == nullptr || !entry->member.lives()) return;
  // Where nobody says anything of links it stays as it was.
  if (probe.links > 0 || linked(probe.target)) {
    entry->nowhere = false;
  } else if (probe.closed > 0 || probe.relays == 0) {
    entry->nowhere = true;
  }
  suspect(*entry, entry->member.refutation, self_.address, now);
}

void Swim::acked(const NodeAddress& from, std::uint64_t nonce, const Gossip& gossip, Instant now) {
  if (leaving_) {
    std::erase_if(goodbyes_, [&](const auto& row) { return row.first == from.node && row.second.nonce == nonce; });
    return;
  }
  if (const auto place = probes_.find(nonce); place != probes_.end()) {
    const auto probe = place->second;
    probes_.erase(place);
    health_by(-1);
    auto* entry = entry_of(probe.target);
    if (entry == nullptr) return;
    entry->heard = now.mono;
    entry->nowhere = false;
    if (from == probe.target && now.mono - probe.sent <= kRoundTripMax) {
      const auto theirs = std::clamp<std::int64_t>(gossip.wall_ms, 0, std::int64_t{1} << 52);  // a peer says anything
      const auto offset = theirs - (probe.sent_wall.ms / 2 + now.wall.ms / 2);
      // An eighth of each: a single slow answer moves it little. A clock that was set moves it at once.
      const bool jumped = !entry->offset_ms || std::abs(offset - *entry->offset_ms) > 1'000;
      entry->offset_ms = jumped ? offset : *entry->offset_ms + (offset - *entry->offset_ms) / 8;
    }
    return;
  }
  if (const auto place = relays_.find(nonce); place != relays_.end()) {
    const auto relay = place->second;
    relays_.erase(place);
    if (from == relay.target) send(relay.asker, Ack{relay.nonce});
  }
}

void Swim::relay_for(const NodeAddress& asker, const ProbeFor& what, Instant now) {
  if (leaving_) return;
  if (what.target == self_.address) {
    send(asker, Ack{what.nonce});
    return;
  }
  if (relays_.size() >= limits_.relayed_probes_max) return;
  const auto nonce = random_.next();
  if (!send(what.target, Ping{nonce, what.target})) {
    send(asker, NoAnswer{what.nonce, link_state(what.target)});
    return;
  }
  relays_.insert_or_assign(nonce, Relay{asker, what.nonce, what.target, now.mono + timing_.relay_timeout});
}

void Swim::end_relay(const Relay& relay) { send(relay.asker, NoAnswer{relay.nonce, link_state(relay.target)}); }

void Swim::not_answered(const NoAnswer& what, Instant now) {
  const auto place = probes_.find(what.nonce);
  if (place == probes_.end()) return;
  auto& probe = place->second;
  ++probe.nacks;
  if (what.link == LinkState::up) ++probe.links;
  if (what.link == LinkState::closed) ++probe.closed;
  if (linked(probe.target) || probe.nacks < probe.relays) return;
  const auto failed = probe;
  probes_.erase(place);
  fail_probe(failed, now);
}

// ---- suspicions ----

std::size_t Swim::confirmations_wanted() const {
  const auto others = living();
  return others < 3 ? 0 : std::min<std::size_t>(timing_.relays, others - 2);
}

bool Swim::gone(const Entry& entry) const {
  const auto& address = entry.member.address;
  return entry.nowhere && link_state(address) == LinkState::closed;
}

MonoTime Swim::death_due(const Entry& entry) const {
  return std::max(entry.suspicion->began(), entry.heard) +
         entry.suspicion->timeout(gone(entry), confirmations_wanted(), timing_);
}

void Swim::run_suspicions(Instant now) {
  for (auto& [node, entry] : entries_) {
    if (!entry.suspicion) continue;
    if (now.mono >= death_due(entry)) {
      bury(entry, entry.member.refutation, NodeState::dead, self_.address, now);
    } else if (now.mono >= entry.probe_again) {
      // All who suspect it ask it again, so that it hears of it; in a large cluster less often each.
      const auto pause = 2 * timing_.probe_every * std::max<std::size_t>(1, living() / 10);
      entry.probe_again = now.mono + stretched(pause);
      start_probe(entry, now);
    }
  }
}

// ---- leaving ----

void Swim::run_goodbyes(Instant now) {
  std::erase_if(goodbyes_, [&](const auto& row) {
    const auto place = links_.find(row.first);
    return place == links_.end() || !place->second.up;
  });
  for (auto& [node, goodbye] : goodbyes_) {
    if (now.mono < goodbye.again) continue;
    goodbye.again = now.mono + kGoodbyeEvery;
    const auto to = links_.at(node).peer;
    send(to, Ping{goodbye.nonce, to});
  }
}

}  // namespace parley::cluster
