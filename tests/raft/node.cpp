#include "core/check.h"
#include "schemas/peer/raft.h"
#include "schemas/replica.h"
#include "storage/keys.h"
#include "tests/raft/world.h"

#include <fmt/format.h>

namespace parley::raft {

using cluster::raft::GroupConfig;
using cluster::raft::GroupSet;
using cluster::raft::GroupStore;

namespace {

constexpr std::uint64_t kTick = 10;

}  // namespace

void Node::start() {
  ++life_;
  store_ = std::make_unique<GroupStore>(disk_.store());
  set_ = std::make_unique<GroupSet>(cluster::raft::GroupSetConfig{4'096, 8}, *store_, *this);
  machines_.clear();
  for (unsigned i = 0; i < world_.profile().shards && up(); ++i) {
    const ShardId shard{static_cast<std::uint16_t>(i)};
    const auto stored = store_->read(shard);
    if (!stored) return world_.fail("reading: " + stored.error().message);
    if (stored->has_value()) open(shard);
  }
  if (!up()) return;
  world_.at(world_.now() + world_.random().below(kTick), [this, life = life_] { tick(life); });
  drain();
}

void Node::open(ShardId shard) {
  auto& machine = machines_.insert_or_assign(shard, Machine(shard)).first->second;
  machine.read(disk_.store());
  GroupConfig config;
  config.shard = shard;
  config.salt = world_.random().next();
  // Small, so that every bound is met.
  config.message_bytes_max = 4'096;
  config.messages_in_flight_max = 8;
  config.uncommitted_bytes_max = 1 << 20;
  config.committed_bytes_max = 16'384;
  config.window_bytes_max = 2'048;
  // Nothing of a former leader's stayed behind what replaced it.
  Term newest;
  const auto all = storage::keys::replica_entries(shard);
  CHECK(disk_.store().scan(
      storage::Family::log, all.from, all.to, storage::ScanOrder::forward, [&](auto key, auto value) {
        const auto entry = schemas::unframe_replica_entry(shard, *storage::keys::replica_entry_index(key), value);
        if (!entry || entry->term < newest) world_.fail("the stored log goes back in its terms, or is damaged");
        if (entry) newest = entry->term;
        return storage::Visit::go_on;
      }));
  if (const auto opened = set_->open(config); !opened) world_.fail("opening: " + opened.error().message);
}

void Node::create(ShardId shard, ReplicaId id, const RaftMembership& members) {
  storage::WriteBatch batch;
  GroupStore fresh(disk_.store());
  fresh.create(shard, id, members, {}, batch);
  if (planted(Bug::log_from_the_start) && !members.voters.empty()) {
    RaftMembership none;
    fresh.create(shard, id, none, {}, batch);
    fresh.applied(shard, {}, &members, batch);
  }
  if (up()) {
    // As the log writer would, behind what waits.
    const auto last = disk_.flush(~std::uint64_t{0});
    if (last != 0) set_->written(last);
  }
  disk_.write_now(batch);
  if (up()) open(shard);
}

void Node::remove(ShardId shard) {
  set_->close(shard);
  storage::WriteBatch batch;
  store_->erase(shard, batch);
  const auto last = disk_.flush(~std::uint64_t{0});
  if (last != 0) set_->written(last);
  disk_.write_now(batch);
  machines_.erase(shard);
}

void Node::crash() {
  if (!up()) return;
  ++world_.counts().crashes;
  const auto kept = world_.random().below(disk_.at_risk() + 1);
  world_.note(1, number_, disk_.at_risk(), kept);
  set_.reset();
  store_.reset();
  outbox_.clear();
  disk_.crash(kept);
  ++life_;
}

void Node::wipe() {
  crash();
  ++world_.counts().wipes;
  disk_.wipe();
}

// What a snapshot would do is asked before it is stepped (docs/adr/0022): the answer has to be what happens.
void Node::step(ShardId shard, const RaftMessage& message) {
  auto* group = set_->group(shard);
  if (group == nullptr || message.kind != RaftKind::snapshot) return set_->step(shard, message);
  const auto before = group->status();
  const bool restores = group->would_restore(message);
  set_->step(shard, message);
  group = set_->group(shard);
  if (group == nullptr) return;
  const auto after = group->status();
  const auto index = message.snapshot->index;
  if (restores ? after.last != index || after.commit != index : after.last != before.last) {
    world_.fail("a snapshot did something else than was said before");
  }
}

void Node::tick(std::uint64_t life) {
  if (!up() || life != life_) return;
  set_->tick();
  drain();
  world_.at(world_.now() + kTick, [this, life] { tick(life); });
}

void Node::drain() {
  while (up() && !disk_.restoring()) {
    auto turn = set_->turn();
    if (!turn) break;
    ++world_.counts().turns;
    const auto number = turn->number;
    world_.note(3, number_, number, turn->batch.operations().size());
    if (turn->alone) turn->sync = storage::Sync::yes;
    disk_.write_results(*turn);
    auto due = world_.now() + world_.random().below(world_.profile().disk_max + 1);
    if (!world_.calm() && world_.chance(world_.profile().stalls)) due += world_.random().below(1'500);
    disk_clock_ = std::max(disk_clock_, due);
    disk_.queue(std::move(*turn), disk_clock_);
    world_.at(disk_clock_, [this, life = life_] { flush(life); });
    if (planted(Bug::persisted_early)) set_->written(number);
  }
  for (auto& [to, messages] : outbox_) world_.deliver(number_, to, messages);
  outbox_.clear();
}

void Node::flush(std::uint64_t life) {
  if (!up() || life != life_) return;
  const auto last = disk_.flush(world_.now());
  if (last == 0) return;
  if (!planted(Bug::persisted_early)) set_->written(last);
  drain();
}

void Node::receive(const std::string& bytes) {
  if (!up()) return;
  const auto messages = schemas::decode_raft_batch(bytes);
  if (!messages) return world_.fail("decoding: " + messages.error().message);
  for (const auto& [shard, message] : *messages) {
    if (!up()) return;
    auto* group = set_->group(shard);
    if (group == nullptr) continue;
    step(shard, message);
  }
  drain();
}

void Node::apply(ShardId shard, const RaftEntryView& entry, storage::WriteBatch& batch) {
  const auto command = machines_.at(shard).apply(entry, batch);
  auto* group = set_->group(shard);
  const auto durable = [&](ReplicaId id, LogIndex index, Term term) {
    const auto* place = world_.place(id);
    if (place == nullptr) return false;
    const auto store = place->grave ? place->grave : world_.node(place->node).disk().synced();
    GroupStore looked(*store);
    const auto known = looked.read(shard);
    if (!known || !known->has_value() || (*known)->self != id) return false;
    if (index <= (*known)->cut) return true;
    const auto has = looked.term(shard, index);
    return has.ok() && *has == term;
  };
  if (const auto breach = world_.checks().applied(shard, entry, group->membership(), durable)) world_.fail(*breach);
  const auto asked = world_.asked.find({shard, {entry.index, entry.term}});
  if (asked == world_.asked.end() || asked->second.node != number_ || asked->second.life != life_) return;
  if (asked->second.change) world_.fail("a change of the membership became something else");
  if (asked->second.command != command) world_.fail("a proposal's name means another command");
  auto& checks = world_.checks().of(shard);
  checks.acknowledged.insert(command);
  checks.newest_acknowledged = std::max(checks.newest_acknowledged, entry.index);
  ++world_.counts().acknowledged;
  world_.asked.erase(asked);
}

void Node::restore(ShardId shard, const RaftSnapshot& snapshot, storage::WriteBatch& batch) {
  machines_.at(shard).restore(snapshot, batch);
}

Result<std::string> Node::snapshot(ShardId shard, ReplicaId) { return machines_.at(shard).snapshot(); }

void Node::on_membership(ShardId shard, LogIndex index, const RaftMembership& members, const cluster::raft::Change*,
                         storage::WriteBatch&) {
  if (world_.checks().changed(shard, index, members)) ++world_.counts().changes;
  const auto self = world_.replica_on(shard, number_);
  if (self && !members.has(*self)) world_.removed(shard, *self);
}

void Node::on_role(ShardId shard, Role role, Term term, ReplicaId) {
  if (role != Role::leader) return;
  ++world_.counts().elections;
  const auto self = world_.replica_on(shard, number_);
  const auto status = set_->group(shard)->status();
  const auto breach = world_.checks().elected(shard, *self, term, status.last, store_->begins_after(shard),
                                              [&](LogIndex index) -> std::optional<Term> {
                                                const auto has = store_->term(shard, index);
                                                if (!has) return std::nullopt;
                                                return *has;
                                              });
  if (breach) world_.fail(*breach);
}

void Node::on_read(ShardId shard, const cluster::raft::ReadDone& done) {
  const auto asked = world_.reads.find({number_, life_, shard, done.read});
  if (asked == world_.reads.end()) return world_.fail("an answer to a read that nobody asked");
  ++world_.counts().reads;
  if (done.index < asked->second) world_.fail("a read of what was before");
  world_.reads.erase(asked);
}

// What a message promises is on the disk: its term, and the vote that it gives.
void Node::check_promise(ShardId shard, const RaftMessage& message) {
  const bool of_a_term_to_come =
      message.kind == RaftKind::request_pre_vote || message.kind == RaftKind::request_pre_vote_response;
  if (of_a_term_to_come || message.term.value == 0 || planted(Bug::persisted_early)) return;
  const auto bytes = disk_.synced()->get(storage::Family::log, storage::keys::replica_head(shard));
  const auto head = schemas::decode_replica_head(bytes->value());
  if (head->term < message.term) {
    world_.fail(fmt::format("a message of term {}, which is not on its sender's disk", message.term.value));
  }
  if (message.kind == RaftKind::request_vote_response && !message.reject && head->term == message.term &&
      head->vote != message.to) {
    world_.fail("a vote that is not on its sender's disk");
  }
}

void Node::send(ShardId shard, RaftMessage message) {
  check_promise(shard, message);
  const auto* place = world_.place(message.to);
  if (place == nullptr || place->gone) return;
  outbox_[place->node].push_back({shard, std::move(message)});
}

void Node::on_broken(ShardId shard, const Error& error) {
  world_.fail(fmt::format("node {}, shard {}: {}", number_, shard.value, error.message));
}

bool Node::leads(ShardId shard) {
  auto* group = this->group(shard);
  return group != nullptr && group->status().role == Role::leader;
}

}  // namespace parley::raft
