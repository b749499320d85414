#include "tests/unit/cluster/placement/world.h"

#include "core/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace parley::cluster::placement {
namespace {

constexpr milliseconds kUnanswered{2'000};         // then a leader knows that a replica is silent
constexpr milliseconds kForgotten{600'000};        // by gossip, who is dead
constexpr std::int64_t kEntriesPerSecond = 5'000;  // of a copy
constexpr std::int64_t kCommittedPerSecond = 20;

}  // namespace

// ---- what happens ----

void World::at(milliseconds in, std::function<void()> what) {
  events_.emplace(std::pair{now_ + in, ++sequence_}, std::move(what));
}

milliseconds World::between(std::int64_t from, std::int64_t to) {
  return milliseconds(from + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(to - from + 1))));
}

NodeId World::add_node(std::string zone) {
  const NodeId id{random_.next()};
  nodes_[id].zone = std::move(zone);
  start(id);
  return id;
}

void World::start(NodeId id) {
  auto& node = nodes_.at(id);
  node.up = true;
  node.state = NodeState::alive;
  node.changed = now_;
  if (node.intent == Intent::drain) node.intent = Intent::stay;
  node.heard.clear();
  node.planner = std::make_unique<Planner>(config_.rules, config_.shards);
  node.planner->pause(paused_);
  const auto process = ++node.process;
  announce(id);
  for (const auto& [other, row] : nodes_) {
    if (other != id && (row.up || now_ - row.changed < kForgotten)) {
      at(between(100, 1'500), [this, id, other = other] { tell(id, other); });
    }
  }
  at(between(0, config_.round.count()), [this, id, process] { round(id, process); });
}

void World::stop(NodeId id, NodeState how) {
  auto& node = nodes_.at(id);
  node.up = false;
  node.state = how;
  node.changed = now_;
  ++node.process;
  announce(id);
}

void World::set_intent(NodeId id, Intent intent) {
  nodes_.at(id).intent = intent;
  announce(id);
}

void World::lose_disk(NodeId id) {
  for (auto& group : groups_) {
    for (auto& member : group.members) {
      if (member.node == id) member.lost = true;
    }
  }
}

void World::mistake(NodeId id) {
  const bool dead = random_.below(2) == 0;
  for (auto& [observer, node] : nodes_) {
    if (observer == id || !node.up || random_.below(2) == 0) continue;
    const auto heard = node.heard.find(id);
    if (heard == node.heard.end()) continue;
    heard->second.mistaken = dead ? NodeState::dead : NodeState::suspect;
    heard->second.mistaken_until = now_ + (dead ? between(2'000, 40'000) : between(500, 6'000));
  }
}

void World::found() {
  CHECK(nodes_.size() == 1);
  groups_.resize(config_.shards);
  for (auto& group : groups_) {
    group.members.push_back({.id = {++last_id_}, .node = nodes_.begin()->first, .voter = true});
    group.election = now_;
  }
  at(milliseconds(0), [this] { tick(); });
}

void World::pause(bool paused) {
  paused_ = paused;
  for (auto& [id, node] : nodes_) node.planner->pause(paused);
}

void World::announce(NodeId about) {
  auto& subject = nodes_.at(about);
  ++subject.version;
  for (const auto& [observer, node] : nodes_) {
    if (!node.up) continue;
    const auto late = observer == about                  ? milliseconds(0)
                      : subject.state == NodeState::dead ? between(700, 11'000)
                                                         : between(50, 2'000);
    at(late, [this, observer = observer, about] { tell(observer, about); });
  }
}

// News is what is true when it arrives; a death is believed by some before others.
void World::tell(NodeId observer, NodeId about) {
  auto& node = nodes_.at(observer);
  const auto& subject = nodes_.at(about);
  if (!node.up) return;
  auto& heard = node.heard[about];
  if (heard.version == subject.version) return;
  heard = {.version = subject.version, .sighting = {about, subject.zone, subject.state, subject.intent}, .since = now_};
}

Picture World::picture(NodeId id) const {
  Picture picture;
  const auto& node = nodes_.at(id);
  for (const auto& [about, heard] : node.heard) {
    const bool dead = heard.sighting.state != NodeState::alive;
    if (dead && now_ - heard.since > kForgotten) continue;
    picture.nodes.push_back(heard.sighting);
    if (!dead && heard.mistaken_until > now_) picture.nodes.back().state = heard.mistaken;
  }
  std::set<NodeId> holders;
  for (const auto& group : groups_) {
    const bool mine = std::any_of(group.members.begin(), group.members.end(),
                                  [id](const Member& member) { return member.node == id; });
    if (!mine) continue;
    for (const auto& member : group.members) holders.insert(member.node);
  }
  picture.holders.assign(holders.begin(), holders.end());
  for (const auto& [other, row] : nodes_) {  // as an operator's list that is replicated
    if (row.intent == Intent::remove && now_ - row.changed > milliseconds(2'000)) picture.removed.push_back(other);
  }
  return picture;
}

void World::run(milliseconds time) {
  const auto end = now_ + time;
  while (!events_.empty() && events_.begin()->first.first <= end) {
    auto next = events_.extract(events_.begin());
    now_ = next.key().first;
    next.mapped()();
  }
  now_ = end;
}

bool World::settle(milliseconds quiet, milliseconds at_most) {
  last_step_ = now_;
  const auto end = now_ + at_most;
  while (now_ < end && now_ - last_step_ < quiet) run(seconds(10));
  return now_ - last_step_ >= quiet;
}

// ---- groups ----

const World::Member* World::member(const Group& group, ReplicaId id) {
  const auto found =
      std::find_if(group.members.begin(), group.members.end(), [id](const Member& one) { return one.id == id; });
  return found == group.members.end() ? nullptr : &*found;
}

bool World::has_majority(const Group& group) const {
  std::size_t voters = 0;
  std::size_t living = 0;
  for (const auto& one : group.members) {
    if (!one.voter) continue;
    ++voters;
    if (lives(one)) ++living;
  }
  return living > voters / 2;
}

void World::elect(Group& group) {
  const auto* leader = member(group, group.leader);
  const bool majority = has_majority(group);
  if (leader != nullptr) {
    if (majority && leader->voter && lives(*leader)) return;
    group.leader = {};
    group.pending = false;
    ++group.term;
    group.election = now_ + between(1'000, 3'000);
  }
  if (!majority || now_ < group.election) return;
  std::vector<ReplicaId> able;
  for (const auto& one : group.members) {
    if (one.voter && lives(one) && one.lacks == 0) able.push_back(one.id);
  }
  if (able.empty()) return;
  group.leader = able[random_.below(able.size())];
  group.led_since = now_;
  ++group.term;
  ++counts_.elections;
}

void World::tick() {
  for (std::size_t shard = 0; shard < groups_.size(); ++shard) {
    auto& group = groups_[shard];
    elect(group);
    if (group.leader == ReplicaId{}) continue;
    for (auto& one : group.members) {
      if (one.id == group.leader) continue;
      one.lacks =
          lives(one) ? std::max<std::int64_t>(0, one.lacks - kEntriesPerSecond) : one.lacks + kCommittedPerSecond;
    }
  }
  at(seconds(1), [this] { tick(); });
}

ShardView World::view(std::size_t shard) const {
  const auto& group = groups_[shard];
  ShardView view{.shard = {static_cast<std::uint16_t>(shard)},
                 .replicas = {},
                 .leader = group.leader,
                 .led_for = std::chrono::duration_cast<milliseconds>(now_ - group.led_since),
                 .change_pending = group.pending};
  for (const auto& one : group.members) {
    Replica replica{.id = one.id, .node = one.node, .voter = one.voter};
    replica.answers = lives(one) || now_ - nodes_.at(one.node).changed < kUnanswered;
    if (view.led_for > seconds(1)) replica.lacks = static_cast<std::uint64_t>(one.lacks);
    replica.snapshot = !one.voter && one.lacks > 10'000;
    replica.lost = one.lost && nodes_.at(one.node).up;
    view.replicas.push_back(replica);
  }
  return view;
}

void World::round(NodeId id, std::uint64_t process) {
  auto& node = nodes_.at(id);
  if (node.process != process) return;
  node.planner->update(picture(id), now_);
  std::vector<ShardView> led;
  for (std::size_t shard = 0; shard < groups_.size(); ++shard) {
    const auto* leader = member(groups_[shard], groups_[shard].leader);
    if (leader != nullptr && leader->node == id) led.push_back(view(shard));
  }
  const auto steps = node.planner->steps(led, now_);
  for (std::size_t i = 0; i < led.size(); ++i) {
    if (steps[i].action != Action::none) begin(id, led[i].shard.value, steps[i]);
  }
  at(config_.round, [this, id, process] { round(id, process); });
}

void World::begin(NodeId id, std::size_t shard, const Step& step) {
  auto& group = groups_[shard];
  ++counts_.steps;
  last_step_ = now_;
  if (step.action == Action::add_learner) check_budget(id, shard);
  group.pending = true;
  at(between(20, 2'000), [this, shard, term = group.term, step] { carry_out(shard, term, step); });
}

void World::carry_out(std::size_t shard, std::uint64_t term, Step step) {
  auto& group = groups_[shard];
  if (group.term != term) return;  // another leader: it is lost
  if (!has_majority(group)) return;
  group.pending = false;
  if (random_.below(20) == 0) return;  // it failed
  const auto before = group;
  const auto leader_node = member(group, group.leader)->node;
  const auto needed =
      std::min(config_.rules.replicas,
               nodes_.at(leader_node).planner->plan().desired(ShardId{static_cast<std::uint16_t>(shard)}).size());
  const auto place = std::find_if(group.members.begin(), group.members.end(),
                                  [&](const Member& one) { return one.id == step.replica; });
  switch (step.action) {
    case Action::none:
      return;
    case Action::add_learner:
      ++counts_.added;
      group.members.push_back({.id = {++last_id_}, .node = step.node, .lacks = between(2'000, 150'000).count()});
      break;
    case Action::promote:
      ++counts_.promoted;
      place->voter = true;
      break;
    case Action::remove:
      ++counts_.removed;
      if (step.replica == group.leader) return breach(shard, step, "the leader is removed");
      group.members.erase(place);
      break;
    case Action::transfer:
      if (!place->voter) return breach(shard, step, "a learner shall lead");
      if (!lives(*place) || place->lacks > 64) return;
      ++counts_.transfers;
      ++group.transfers;
      group.leader = step.replica;
      group.led_since = now_;
      ++group.term;
      return;
  }
  check(shard, step, before, needed);
}

}  // namespace parley::cluster::placement
