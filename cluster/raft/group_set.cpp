#include "cluster/raft/group_set.h"

#include <algorithm>
#include <utility>

namespace parley::cluster::raft {

namespace {

constexpr std::uint64_t kEntryOverhead = 36;  // key and frame

bool is_alone(const Group& group) {
  const auto& members = group.membership();
  return members.voters.size() == 1 && members.voters[0] == group.self() && members.learners.empty() &&
         members.voters_outgoing.empty() && members.learners_next.empty();
}

}  // namespace

struct GroupSet::Replica final : LogStorage {
  Replica(ShardId of, const GroupStore& in, GroupOwner& by) : shard(of), store(in), owner(by) {}

  Result<std::vector<RaftEntry>> entries(LogIndex from, LogIndex to, std::uint64_t bytes_max) override {
    return store.entries(shard, from, to, bytes_max);
  }
  Result<Term> term(LogIndex index) override { return store.term(shard, index); }
  Result<RaftSnapshot> snapshot(ReplicaId to) override {
    auto data = owner.snapshot(shard, to);
    if (!data) return data.error();
    return RaftSnapshot{applied, applied_term, group->membership(), std::move(*data)};
  }

  ShardId shard;
  const GroupStore& store;
  GroupOwner& owner;
  std::unique_ptr<Group> group;
  LogIndex applied;
  Term applied_term;
  std::uint64_t bytes = 0;  // of entries since the last cut of all that could go
  std::optional<LogIndex> kept_after;
  Role role = Role::follower;
  Term term_told;
  ReplicaId leader;
};

GroupSet::GroupSet(const GroupSetConfig& config, GroupStore& store, GroupOwner& owner)
    : config_(config), store_(store), owner_(owner) {}
GroupSet::~GroupSet() = default;

Status GroupSet::open(GroupConfig config) {
  const auto stored = store_.read(config.shard);
  if (!stored) return stored.error();
  if (!stored->has_value()) return make_error(Errc::not_found, "no replica of the shard is here");
  auto replica = std::make_unique<Replica>(config.shard, store_, owner_);
  replica->applied = (*stored)->applied;
  replica->applied_term = (*stored)->cut_term;
  if ((*stored)->applied > (*stored)->cut) {
    const auto term = store_.term(config.shard, (*stored)->applied);
    if (!term) return term.error();
    replica->applied_term = *term;
  }
  config.self = (*stored)->self;
  auto group = Group::create(config, **stored, *replica);
  if (!group) return group.error();
  replica->group = std::move(*group);
  replicas_[config.shard] = std::move(replica);
  touched_.insert(config.shard);
  return {};
}

Group* GroupSet::group(ShardId shard) {
  const auto found = replicas_.find(shard);
  if (found == replicas_.end()) return nullptr;
  touched_.insert(shard);
  return found->second->group.get();
}

void GroupSet::close(ShardId shard) {
  replicas_.erase(shard);
  std::erase_if(unwritten_, [&](const Told& told) { return told.shard == shard; });
}

// By value: it may be the group's own, which goes here.
void GroupSet::broke(ShardId shard, Error error) {
  close(shard);
  owner_.on_broken(shard, error);
}

void GroupSet::keep_log(ShardId shard, std::optional<LogIndex> after) {
  const auto found = replicas_.find(shard);
  if (found != replicas_.end()) found->second->kept_after = after;
}

void GroupSet::tick() {
  for (auto at = replicas_.begin(); at != replicas_.end();) {
    const auto shard = at->first;
    auto& group = *(at++)->second->group;
    touched_.insert(shard);
    if (const auto ticked = group.tick(); !ticked && group.broken()) broke(shard, *group.broken());
  }
}

void GroupSet::step(ShardId shard, const RaftMessage& message) {
  auto* group = this->group(shard);
  if (group == nullptr) return;
  if (const auto stepped = group->step(message); !stepped && group->broken()) broke(shard, *group->broken());
}

std::optional<GroupSet::Turn> GroupSet::turn() {
  Turn turn;
  bool any = false;
  for (const auto shard : std::exchange(touched_, {})) {
    const auto found = replicas_.find(shard);
    if (found == replicas_.end()) continue;
    auto& replica = *found->second;
    while (replica.group->has_ready()) {
      any = true;
      if (!take_ready(shard, replica, turn)) break;
    }
  }
  if (!any) return std::nullopt;
  // Behind everything else of the turn: where the log begins stands in the same row as its term and vote.
  if (log_bytes_ > config_.log_bytes_max) {
    turn.cut = true;
    (void)cut_all(turn.batch);
  }
  turn.number = ++last_turn_;
  return turn;
}

bool GroupSet::take_ready(ShardId shard, Replica& replica, Turn& turn) {
  auto ready = replica.group->ready();
  if (!ready) {
    broke(shard, ready.error());
    return false;
  }
  const bool more_than_entries = store_.write(shard, *ready, turn.batch);
  // The change that ends being alone is synced: others will count on what is before it.
  const bool changes = std::any_of(ready->entries.begin(), ready->entries.end(),
                                   [](const auto& entry) { return entry.kind == RaftEntryKind::change; });
  if (ready->must_sync && !more_than_entries && !changes && is_alone(*replica.group)) {
    turn.alone = true;
  } else if (ready->must_sync) {
    turn.sync = storage::Sync::yes;
  }
  for (const auto& entry : ready->entries) {
    log_bytes_ += entry.payload.size() + kEntryOverhead;
    replica.bytes += entry.payload.size() + kEntryOverhead;
  }
  for (auto& message : ready->messages) owner_.send(shard, std::move(message));
  if (const auto done = apply(shard, replica, *ready, turn); !done) {
    broke(shard, done.error());
    return false;
  }
  if (std::tie(replica.role, replica.term_told, replica.leader) != std::tie(ready->role, ready->term, ready->leader)) {
    replica.role = ready->role;
    replica.term_told = ready->term;
    replica.leader = ready->leader;
    owner_.on_role(shard, ready->role, ready->term, ready->leader);
  }
  for (const auto& read : ready->reads) owner_.on_read(shard, read);
  (void)replica.group->release();
  unwritten_.push_back({last_turn_ + 1, shard, ready->number});
  return true;
}

Status GroupSet::apply(ShardId shard, Replica& replica, const Ready& ready, Turn& turn) {
  auto& group = *replica.group;
  const RaftMembership* changed = nullptr;
  RaftMembership members;
  if (ready.snapshot) {
    owner_.restore(shard, *ready.snapshot, turn.results);
    turn.restored = true;
    members = ready.snapshot->membership;
    changed = &members;
    replica.applied = ready.snapshot->index;
    replica.applied_term = ready.snapshot->term;
    owner_.on_membership(shard, replica.applied, members, nullptr, turn.results);
  }
  for (const auto& entry : ready.committed) {
    if (entry.index.value != replica.applied.value + 1) {
      return make_error(Errc::corrupt, "an entry was committed out of its order");
    }
    replica.applied = entry.index;
    replica.applied_term = entry.term;
    if (entry.kind == RaftEntryKind::command) {
      owner_.apply(shard, entry, turn.results);
      continue;
    }
    auto now = group.apply_change(entry);
    if (!now) return now.error();
    members = std::move(*now);
    changed = &members;
    const auto change = parse_change(entry.payload);
    if (!change) return change.error();
    owner_.on_membership(shard, entry.index, members, &*change, turn.results);
  }
  if (ready.committed.empty() && !ready.snapshot) return {};
  store_.applied(shard, replica.applied, changed, turn.results);
  return group.applied(replica.applied);
}

bool GroupSet::alone(ShardId shard) const {
  const auto found = replicas_.find(shard);
  return found != replicas_.end() && is_alone(*found->second->group);
}

Status GroupSet::cut_all(storage::WriteBatch& batch, std::uint64_t entries_max) {
  log_bytes_ = 0;
  Status worst;
  for (auto at = replicas_.begin(); at != replicas_.end();) {
    const auto shard = at->first;
    auto& replica = *(at++)->second;
    if (replica.applied.value <= store_.begins_after(shard).value + entries_max) continue;
    if (const auto done = cut(shard, replica, batch); !done) {
      worst = done;
      broke(shard, done.error());
    }
  }
  return worst;
}

Status GroupSet::cut(ShardId shard, Replica& replica, storage::WriteBatch& batch) {
  const auto begins = store_.begins_after(shard).value;
  const auto newest = is_alone(*replica.group) ? 0 : config_.log_entries_kept;
  if (replica.applied.value <= begins + newest) return {};
  LogIndex index{replica.applied.value - newest};
  const bool kept = replica.kept_after && *replica.kept_after < index && replica.bytes <= config_.log_bytes_held_max;
  if (kept) index = *replica.kept_after;
  if (!kept) replica.bytes = 0;
  if (index.value <= begins) return {};
  const auto term = replica.group->cut(index);
  if (!term) return term.error();
  store_.cut(shard, index, *term, batch);
  return {};
}

void GroupSet::written(std::uint64_t number) {
  // The newest Ready of each shard stands for those before it.
  std::map<ShardId, std::uint64_t> newest;
  while (!unwritten_.empty() && unwritten_.front().turn <= number) {
    newest[unwritten_.front().shard] = unwritten_.front().ready;
    unwritten_.pop_front();
  }
  for (const auto& [shard, ready] : newest) {
    auto* group = this->group(shard);
    if (group == nullptr) continue;
    auto may_leave = group->persisted(ready);
    if (!may_leave) {
      broke(shard, may_leave.error());
      continue;
    }
    for (auto& message : *may_leave) owner_.send(shard, std::move(message));
  }
}

}  // namespace parley::cluster::raft
