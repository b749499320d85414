#include "tests/raft/world.h"

#include "core/check.h"
#include "schemas/peer/raft.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::raft {

using cluster::raft::Change;
using cluster::raft::GroupStatus;

namespace {

constexpr std::uint64_t kCalmFor = 15'000;  // then everything is to have come together
constexpr std::size_t kReplicasMax = 40;

std::uint64_t late(SeededRandom& random) { return random.below(1'500); }

}  // namespace

void Counts::add(const Counts& other) {
  runs += other.runs;
  acknowledged += other.acknowledged;
  changes += other.changes;
  transfers += other.transfers;
  crashes += other.crashes;
  wipes += other.wipes;
  snapshots += other.snapshots;
  reads += other.reads;
  messages += other.messages;
  elections += other.elections;
  turns += other.turns;
}

World::World(const Profile& profile, std::uint64_t seed) : profile_(profile), random_(seed * 7919 + 13) {}

void World::at(std::uint64_t time, std::function<void()> run) { events_.push({time, order_++, std::move(run)}); }

void World::note(std::uint64_t kind, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  for (const auto value : {now_, kind, a, b, c}) trace_ = (trace_ ^ value) * 1099511628211ULL;
}

void World::fail(const std::string& why) {
  if (failure_.empty()) failure_ = fmt::format("at {} ms: {}", now_, why);
}

Place* World::place(ReplicaId id) {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &found->second;
}

std::optional<ReplicaId> World::replica_on(ShardId shard, unsigned node) {
  for (const auto& [id, place] : places_) {
    if (place.shard == shard && place.node == node && !place.gone) return id;
  }
  return std::nullopt;
}

Node* World::leader(ShardId shard) {
  Node* best = nullptr;
  for (auto& node : nodes_) {
    if (!node->leads(shard)) continue;
    if (best == nullptr || node->group(shard)->status().term > best->group(shard)->status().term) best = node.get();
  }
  return best;
}

// ---- the network ----

void World::deliver(unsigned from, unsigned to, const std::vector<RaftToShard>& messages) {
  const bool lost = cuts_.contains({from, to}) || (!calm_ && chance(profile_.lost));
  for (const auto& [shard, message] : messages) {
    ++counts_.messages;
    if (message.kind == RaftKind::snapshot) {
      ++counts_.snapshots;
      if (planted(Bug::snapshot_unreported)) continue;
      const auto life = nodes_[from]->life();
      at(now_ + 20 + random_.below(100), [this, from, life, lost, on = shard, target = message.to] {
        auto& node = *nodes_[from];
        if (!node.up() || node.life() != life) return;
        if (auto* group = node.group(on)) (void)group->report_snapshot(target, !lost);
        node.drain();
      });
    } else if (lost && random_.below(4) == 0) {
      const auto life = nodes_[from]->life();
      at(now_ + 1, [this, from, life, on = shard, target = message.to] {
        auto& node = *nodes_[from];
        if (!node.up() || node.life() != life) return;
        if (auto* group = node.group(on)) (void)group->report_unreachable(target);
        node.drain();
      });
    }
  }
  if (lost) return;
  auto made = schemas::raft_batches(messages, 65'536);
  if (made.dropped != 0) fail("a message is too large to be sent");
  for (const auto& bytes : made.batches) {
    const unsigned copies = !calm_ && chance(profile_.doubled) ? 2 : 1;
    for (unsigned i = 0; i < copies; ++i) {
      auto time = now_ + 1 + random_.below(calm_ ? 5 : profile_.latency_max);
      if (!calm_ && (i > 0 || chance(profile_.late))) time += late(random_);
      if (profile_.in_order) {
        auto& last = last_arrival_[{from, to}];
        time = last = std::max(last, time);
      }
      at(time, [this, to, bytes] {
        note(2, to, hashed(1, bytes), bytes.size());
        nodes_[to]->receive(bytes);
      });
    }
  }
}

// ---- replicas that come and go ----

ReplicaId World::add_replica(ShardId shard, unsigned node) {
  const ReplicaId id{next_replica_++};
  places_[id] = {shard, node};
  return id;
}

// It may go once a majority of the voters that are left has applied its removal, durably.
void World::removed(ShardId shard, ReplicaId id) {
  at(now_ + (planted(Bug::gone_at_once) ? 0 : 200), [this, shard, id] {
    auto* about = place(id);
    if (about == nullptr || about->gone) return;
    auto& node = *nodes_[about->node];
    auto* group = node.group(shard);
    if (group == nullptr || group->membership().has(id)) return;  // down: it is told again when it applies it again
    bool settled = planted(Bug::gone_at_once);
    if (auto* leads = leader(shard); !settled && leads != nullptr && leads != &node) {
      const auto members = leads->group(shard)->membership();
      std::size_t know = 0;
      for (const auto voter : members.voters) {
        const auto* other = place(voter);
        if (other == nullptr || other->gone) continue;
        cluster::raft::GroupStore looked(*nodes_[other->node]->disk().synced());
        const auto stored = looked.read(shard);
        if (stored && stored->has_value() && (*stored)->applied >= group->status().applied) ++know;
      }
      settled = !members.has(id) && 2 * know > members.voters.size();
    }
    if (!settled) return removed(shard, id);
    about->gone = true;
    about->grave = node.disk().synced();
    // Its own copy: the disk goes on.
    auto copy = std::make_shared<storage::MemoryStore>();
    storage::WriteBatch all;
    for (const auto family : {storage::Family::log, storage::Family::state}) {
      CHECK(about->grave->scan(family, "", std::string(4, '\xff'), storage::ScanOrder::forward,
                               [&](auto key, auto value) {
                                 all.put(family, std::string(key), std::string(value));
                                 return storage::Visit::go_on;
                               }));
    }
    CHECK(copy->write(all, storage::Sync::yes));
    about->grave = copy;
    node.remove(shard);
  });
}

// A disk can be lost for good where the others are a majority, and no change of the membership is on its way that could
// make them none.
bool World::may_wipe(unsigned node) {
  for (unsigned i = 0; i < profile_.shards; ++i) {
    const ShardId shard{static_cast<std::uint16_t>(i)};
    const auto self = replica_on(shard, node);
    if (!self) continue;
    auto* leads = leader(shard);
    if (leads == nullptr) return false;
    const auto status = leads->group(shard)->status();
    const auto& members = leads->group(shard)->membership();
    if (status.commit != status.last || status.change_pending) return false;
    if (!members.votes(*self)) {
      for (const auto& known : checks_.of(shard).memberships) {
        if (known.votes(*self)) return false;  // removed, but perhaps the others do not know yet
      }
      continue;
    }
    if (members.voters.size() < 3) return false;
    for (const auto voter : members.voters) {
      const auto& where = *place(voter);
      if (where.gone) return false;
      auto* group = nodes_[where.node]->group(shard);
      if (group == nullptr || group->status().last > status.last || group->membership() != members) return false;
    }
  }
  return true;
}

void World::wipe() {
  const auto chosen = somebody();
  if (!chosen || !may_wipe((*chosen)->number())) return;
  auto& node = **chosen;
  note(4, node.number(), 0, 0);
  const auto grave = node.disk().synced();
  node.crash();
  std::vector<std::pair<ReplicaId, ShardId>> lost;
  for (auto& [id, place] : places_) {
    if (place.node != node.number() || place.gone) continue;
    place.grave = grave;
    place.gone = true;
    lost.emplace_back(id, place.shard);
  }
  node.wipe();
  if (planted(Bug::same_id_again)) {
    for (const auto& [id, shard] : lost) {
      places_[id].gone = false;
      places_[id].grave = nullptr;
      node.create(shard, id, {});
    }
  }
  at(now_ + 200 + random_.below(1'000), [&node] {
    if (!node.up()) node.start();
  });
}

// ---- what happens ----

std::optional<Node*> World::somebody() {
  std::vector<Node*> up;
  for (auto& node : nodes_) {
    if (node->up()) up.push_back(node.get());
  }
  if (up.empty()) return std::nullopt;
  return up[random_.below(up.size())];
}

void World::every(unsigned about, void (World::*chaos)()) {
  if (about == 0) return;
  at(now_ + 1 + random_.below(2 * about), [this, about, chaos] {
    if (calm_) return;
    (this->*chaos)();
    every(about, chaos);
  });
}

void World::client() {
  const auto shard = some_shard();
  std::vector<Node*> leaders;
  for (auto& node : nodes_) {
    if (node->leads(shard)) leaders.push_back(node.get());
  }
  if (!leaders.empty()) {
    auto& node = *leaders[random_.below(leaders.size())];
    const auto number = next_command_++;
    const auto proposed = node.group(shard)->propose(command(number, random_.below(120)));
    if (proposed) asked[{shard, *proposed}] = {node.number(), node.life(), number, false};
    node.drain();
    if (node.up() && node.leads(shard) && chance(100)) {
      if (const auto read = node.group(shard)->read_index()) {
        reads[{node.number(), node.life(), shard, *read}] = checks_.of(shard).newest_acknowledged;
      }
      node.drain();
    }
  }
  if (!calm_) at(now_ + 1 + random_.below(25), [this] { client(); });
}

void World::crash() {
  const auto chosen = somebody();
  if (!chosen) return;
  auto& node = **chosen;
  node.crash();
  at(now_ + 30 + random_.below(770), [&node] {
    if (!node.up()) node.start();
  });
}

void World::cut() {
  cuts_.clear();
  const auto one = static_cast<unsigned>(random_.below(nodes_.size()));
  const auto count = static_cast<unsigned>(nodes_.size());
  switch (random_.below(4)) {
    case 0:  // one alone
      for (unsigned i = 0; i < count; ++i) {
        cuts_.insert({one, i});
        cuts_.insert({i, one});
      }
      break;
    case 1: {  // two sides
      std::vector<bool> side(count);
      for (unsigned i = 0; i < count; ++i) side[i] = random_.below(2) == 0;
      for (unsigned a = 0; a < count; ++a) {
        for (unsigned b = 0; b < count; ++b) {
          if (side[a] != side[b]) cuts_.insert({a, b});
        }
      }
      break;
    }
    case 2:  // one way
      for (unsigned i = 0; i < count; ++i) cuts_.insert({one, i});
      break;
    default:
      break;
  }
  at(now_ + 100 + random_.below(800), [this] { cuts_.clear(); });
}

void World::transfer() {
  const auto shard = some_shard();
  auto* node = leader(shard);
  if (node == nullptr) return;
  const auto& voters = node->group(shard)->membership().voters;
  if (voters.empty()) return;
  ++counts_.transfers;
  (void)node->group(shard)->transfer(voters[random_.below(voters.size())]);
  node->drain();
}

void World::change() {
  const auto shard = some_shard();
  auto* node = leader(shard);
  if (node == nullptr) return;
  auto& group = *node->group(shard);
  const auto members = group.membership();
  const auto status = group.status();
  std::optional<Change> wanted;
  if (!members.learners.empty()) {
    const auto learner = members.learners[random_.below(members.learners.size())];
    if (chance(150) || place(learner)->gone) {
      wanted = Change{Change::Kind::remove, learner};
    } else if (profile_.name != "solo") {
      wanted = Change{Change::Kind::add_voter, learner};
    }
  } else if (members.voters.size() < profile_.voters + 1 && chance(600) && places_.size() < kReplicasMax) {
    if (status.change_pending || !status.term_committed) return;
    std::vector<unsigned> free;
    for (auto& one : nodes_) {
      if (one->up() && !replica_on(shard, one->number())) free.push_back(one->number());
    }
    if (free.empty()) return;
    const auto where = free[random_.below(free.size())];
    const auto id = add_replica(shard, where);
    nodes_[where]->create(shard, id, {});
    nodes_[where]->drain();
    wanted = Change{Change::Kind::add_learner, id};
  } else if (members.voters.size() > 1 &&
             std::none_of(members.voters.begin(), members.voters.end(), [&](auto id) { return place(id)->gone; })) {
    const auto voter = members.voters[random_.below(members.voters.size())];
    if (voter == replica_on(shard, node->number()) && chance(700)) {
      for (const auto other : members.voters) {
        if (other == voter) continue;
        (void)group.transfer(other);
        break;
      }
    } else {
      wanted = Change{Change::Kind::remove, voter};
    }
  }
  if (wanted && node->up() && node->group(shard) != nullptr) {
    if (const auto proposed = node->group(shard)->propose_membership(*wanted)) {
      asked[{shard, *proposed}] = {node->number(), node->life(), 0, true};
    } else if (wanted->kind == Change::Kind::add_learner) {
      // Nobody waits for it.
      auto& about = *place(wanted->id);
      about.gone = true;
      if (nodes_[about.node]->up()) nodes_[about.node]->remove(shard);
    }
  }
  node->drain();
}

// Whoever is gone for good is taken off, or a group could not go on when the next one fails.
void World::repair() {
  for (unsigned i = 0; i < profile_.shards; ++i) {
    const ShardId shard{static_cast<std::uint16_t>(i)};
    auto* node = leader(shard);
    if (node == nullptr) continue;
    auto members = node->group(shard)->membership();
    members.voters.insert(members.voters.end(), members.learners.begin(), members.learners.end());
    for (const auto id : members.voters) {
      if (!place(id)->gone) continue;
      (void)node->group(shard)->propose_membership({Change::Kind::remove, id});
      break;
    }
    node->drain();
  }
  at(now_ + 250, [this] { repair(); });
}

void World::found() {
  const unsigned count = std::max(profile_.voters + (profile_.change != 0 ? 2U : 0U), 1U);
  for (unsigned i = 0; i < count; ++i) nodes_.push_back(std::make_unique<Node>(*this, i));
  for (unsigned i = 0; i < profile_.shards; ++i) {
    const ShardId shard{static_cast<std::uint16_t>(i)};
    RaftMembership members;
    std::vector<unsigned> where;
    for (unsigned v = 0; v < profile_.voters; ++v) {
      where.push_back((i + v) % count);
      members.voters.push_back(add_replica(shard, where.back()));
    }
    for (unsigned v = 0; v < profile_.voters; ++v) nodes_[where[v]]->create(shard, members.voters[v], members);
    checks_.of(shard).memberships.push_back(members);
    if (planted(Bug::log_from_the_start)) checks_.of(shard).newest = LogIndex{};
  }
  for (auto& node : nodes_) node->start();
}

void World::step() {
  auto event = std::move(const_cast<Event&>(events_.top()));
  events_.pop();
  now_ = event.time;
  event.run();
}

bool World::converged() {
  for (unsigned i = 0; i < profile_.shards; ++i) {
    const ShardId shard{static_cast<std::uint16_t>(i)};
    auto* node = leader(shard);
    if (node == nullptr) return false;
    const auto status = node->group(shard)->status();
    if (status.applied < checks_.of(shard).newest || status.commit != status.last || !status.term_committed)
      return false;
    auto members = node->group(shard)->membership();
    members.voters.insert(members.voters.end(), members.learners.begin(), members.learners.end());
    for (const auto id : members.voters) {
      const auto* where = place(id);
      if (where->gone) return false;
      auto* other = nodes_[where->node]->group(shard);
      if (other == nullptr || other->status().applied != status.applied) return false;
    }
    for (const auto id : members.voters) {
      auto& other = *nodes_[place(id)->node];
      if (other.machine(shard).commands() != node->machine(shard).commands() ||
          other.group(shard)->membership() != node->group(shard)->membership()) {
        fail("replicas differ");
      }
    }
  }
  return true;
}

std::string World::state() {
  std::string text;
  for (unsigned i = 0; i < profile_.shards; ++i) {
    const ShardId shard{static_cast<std::uint16_t>(i)};
    for (auto& node : nodes_) {
      auto* group = node->group(shard);
      const auto id = replica_on(shard, node->number());
      if (group == nullptr || !id) continue;
      const auto now = group->status();
      text += fmt::format(" [shard {} replica {} role {} term {} commit {} last {} persisted {} applied {} voters", i,
                          id->value, static_cast<int>(now.role), now.term.value, now.commit.value, now.last.value,
                          now.persisted.value, now.applied.value);
      for (const auto one : group->membership().voters) text += fmt::format(" {}", one.value);
      text += " learners";
      for (const auto one : group->membership().learners) text += fmt::format(" {}", one.value);
      text += "]";
    }
  }
  return text;
}

Outcome World::run() {
  counts_.runs = 1;
  found();
  at(5, [this] { client(); });
  every(profile_.crash, &World::crash);
  every(profile_.cut, &World::cut);
  every(profile_.transfer, &World::transfer);
  every(profile_.change, &World::change);
  every(profile_.wipe, &World::wipe);
  if (profile_.wipe != 0) at(500, [this] { repair(); });
  const std::uint64_t end = profile_.seconds * 1'000ULL;
  while (failure_.empty() && !events_.empty() && events_.top().time <= end) step();
  if (failure_.empty()) {
    calm_ = true;
    cuts_.clear();
    for (std::uint64_t after = 1'500; after < 1'600; after += 10) at(end + after, [this] { client(); });
    bool together = false;
    std::uint64_t look = end + 3'000;
    while (failure_.empty() && !together && !events_.empty() && events_.top().time <= end + kCalmFor) {
      step();
      if (now_ < look) continue;
      look = now_ + 50;
      together = converged();
    }
    if (failure_.empty() && !together) fail("they do not come together:" + state());
  }
  for (unsigned i = 0; i < profile_.shards && failure_.empty(); ++i) {
    const ShardId shard{static_cast<std::uint16_t>(i)};
    if (const auto breach = checks_.final(shard, leader(shard)->machine(shard).commands())) fail(*breach);
  }
  return {failure_, trace_, counts_};
}

Outcome simulate(const RunConfig& config) {
  plant(config.bug);
  Outcome outcome;
  {
    World world(*config.profile, config.seed);
    outcome = world.run();
  }
  plant(Bug::none);
  return outcome;
}

}  // namespace parley::raft
