#include "cluster/raft_log.h"

#include "cluster/former_log.h"
#include "cluster/raft_log_others.h"
#include "core/limits.h"
#include "core/log.h"
#include "schemas/codec.h"
#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace parley::cluster {
namespace {

// A start leaves so many of each shard: those of its own and of starts before it are no reason to write.
constexpr std::uint64_t kEntriesLeft = 8;

}  // namespace

RaftLog::RaftLog(const RaftLogConfig& config, storage::Store& store, storage::LogWriter& writer, const Clock& clock,
                 Metrics& metrics, LogOwner& owner)
    : config_(config),
      shard_count_(config.shard_count),
      store_(store),
      writer_(writer),
      clock_(clock),
      metrics_(metrics),
      owner_(owner),
      shards_(config.shard_count) {
  if (config.others) others_ = std::make_unique<Others>(*this, *config.others, store);
}

RaftLog::~RaftLog() { stop(); }

// ---- opening ----

Result<bool> RaftLog::has_replicas() const {
  raft::GroupStore groups(store_);
  for (std::uint16_t i = 0; i < shard_count_; ++i) {
    const auto known = groups.read(ShardId{i});
    if (!known) return known.error();
    if (known->has_value()) return true;
  }
  return false;
}

Status RaftLog::found_all(const std::vector<LogIndex>& applied, Random& random) {
  raft::GroupStore groups(store_);
  storage::WriteBatch batch;
  for (std::uint16_t i = 0; i < shard_count_; ++i) {
    const ShardId id{i};
    const auto former = find_former_log(store_, id);
    if (!former) return former.error();
    raft::GroupStore::Begins begins;
    begins.index = std::max(begins.index, applied[i]);
    if (former->has_value()) begins.term = std::max(begins.term, (*former)->term);
    RaftMembership members;
    members.voters.push_back(ReplicaId{random.next() | 1});  // 0 is nobody
    groups.create(id, members.voters[0], members, begins, batch);
    ReplicaDirectory places;
    places.place(members.voters[0], config_.self);
    batch.put(storage::Family::state, storage::keys::replica_places(id), places.text());
    if (former->has_value()) remove_former_log(id, batch);
  }
  batch.put(storage::Family::state, storage::keys::founded(), storage::keys::number(1));
  return store_.write(batch, storage::Sync::yes);
}

Result<bool> RaftLog::may_found() const {
  if (others_ == nullptr) return true;
  const auto before = store_.get(storage::Family::state, storage::keys::founded());
  if (!before) return before.error();
  return !before->has_value();
}

Status RaftLog::finish_giving_up() {
  const auto marked = store_.get(storage::Family::state, storage::keys::giving_up());
  if (!marked) return marked.error();
  if (!marked->has_value()) return {};
  raft::GroupStore groups(store_);
  storage::WriteBatch batch;
  for (std::uint16_t i = 0; i < shard_count_; ++i) groups.erase(ShardId{i}, batch);
  batch.remove(storage::Family::state, storage::keys::founded());
  batch.remove(storage::Family::state, storage::keys::giving_up());
  return store_.write(batch, storage::Sync::yes);
}

Status RaftLog::read_places(ShardId id) {
  const auto stored = store_.get(storage::Family::state, storage::keys::replica_places(id));
  if (!stored) return stored.error();
  auto places = ReplicaDirectory::parse(stored->value_or(""));
  if (!places) return places.error();
  shards_[id.value].places = std::move(*places);
  return {};
}

// `not_found`: there is no replica of the shard here.
Status RaftLog::open_one(ShardId id) {
  raft::GroupConfig config;
  config.shard = id;
  config.salt = config_.salt + id.value;
  config.window_bytes_max = RaftLimits{}.window_bytes_max;
  if (auto opened = set_->open(config); !opened) return opened;
  if (auto read = read_places(id); !read) return read;
  if (others_ != nullptr) {
    if (auto read = others_->fetch.load(id, clock_.now()); !read) return read;
  }
  auto* group = set_->group(id);
  shards_[id.value].self = group->self();
  shards_[id.value].applied = group->status().applied;
  if (!set_->alone(id)) return {};
  if (auto stood = group->campaign(); !stood) return group->broken() ? *group->broken() : stood.error();
  return {};
}

Status RaftLog::open() {
  ++life_;
  in_flight_ = fed_commands_ = 0;
  restoring_ = results_due_ = false;
  failure_.reset();
  leads_.clear();
  led_ = 0;
  groups_ = std::make_unique<raft::GroupStore>(store_);
  raft::GroupOwner& owner = *this;
  set_ = std::make_unique<raft::GroupSet>(raft::GroupSetConfig{.log_bytes_max = config_.bytes_max}, *groups_, owner);
  opening_ = true;
  const auto opened = [&]() -> Status {
    for (std::uint16_t i = 0; i < shard_count_; ++i) {
      shards_[i] = {};
      if (auto one = open_one(ShardId{i}); !one && one.error().code != Errc::not_found) return one;
    }
    while (auto turn = set_->turn()) {
      if (failure_) return *failure_;
      if (auto written = write_results(turn->results); !written) return written;
      if (!turn->batch.empty()) {
        if (auto written = store_.write(turn->batch, storage::Sync::yes); !written) return written;
      }
      set_->written(turn->number);
      if (failure_) return *failure_;
    }
    if (failure_) return *failure_;
    storage::WriteBatch cut;
    if (auto done = set_->cut_all(cut, kEntriesLeft); !done) return done;
    metrics_.log_bytes.set(0);
    return cut.empty() ? Status() : store_.write(cut, storage::Sync::no);
  }();
  opening_ = false;
  if (!opened) {
    if (std::exchange(results_due_, false)) owner_.on_results_lost(opened.error());
    set_.reset();
    groups_.reset();
    return opened;
  }
  tell_leads();
  return {};
}

// ---- proposing ----

void RaftLog::propose(ShardId id, EntryToken token, std::vector<Command> commands, const MachineBounds& bounds,
                      storage::Sync sync) {
  auto payload = schemas::encode_entry(clock_.wall(), commands, bounds);
  const auto count = commands.size();
  bool taken = false;
  {
    const MutexLock lock(mutex_);
    if (writer_.available()) {
      waiting_.push_back({id, token, std::move(commands), bounds, sync, std::move(payload)});
      taken = true;
    }
  }
  if (!taken) return refuse(id, token, count, make_error(Errc::storage_unavailable));
  wake();
}

void RaftLog::wake() {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(woken_, true)) return;
  }
  storage::LogJob job;
  job.sync = storage::Sync::no;
  job.done = [this](const Status& status) {
    if (!status) lose_waiting(status.error());
  };
  writer_.submit(std::move(job));
}

void RaftLog::refuse(ShardId id, EntryToken token, std::size_t commands, Error error) {
  storage::LogJob job;
  job.sync = storage::Sync::no;
  job.done = [this, id, token, commands, why = std::move(error)](const Status&) {
    owner_.on_lost(id, token, commands, why);
  };
  writer_.submit(std::move(job));
}

void RaftLog::lose_waiting(const Error& error) {
  std::vector<Proposal> waiting;
  {
    const MutexLock lock(mutex_);
    waiting.swap(waiting_);
    woken_ = false;
  }
  for (const auto& one : waiting) owner_.on_lost(one.shard, one.token, one.commands.size(), error);
}

void RaftLog::lose_pending(ShardId id, const Error& error) {
  for (const auto& one : std::exchange(shards_[id.value].pending, {})) {
    owner_.on_lost(id, one.token, one.count, error);
  }
}

// What a group has no room for waits here, and whatever comes after it for that shard.
void RaftLog::feed() {
  std::vector<Proposal> waiting;
  {
    const MutexLock lock(mutex_);
    waiting.swap(waiting_);
    woken_ = false;
  }
  if (others_ != nullptr && others_->is_giving_up()) {
    for (const auto& one : waiting) {
      owner_.on_lost(one.shard, one.token, one.commands.size(), make_error(Errc::not_leader));
    }
    return;
  }
  std::vector<Proposal> later;
  std::set<ShardId> full;
  for (auto& one : waiting) {
    auto& shard = shards_[one.shard.value];
    if (full.contains(one.shard)) {
      later.push_back(std::move(one));
      continue;
    }
    auto* group = set_->group(one.shard);
    auto proposed =
        group == nullptr ? Result<raft::Proposed>(make_error(Errc::not_leader)) : group->propose(one.payload);
    if (!proposed && proposed.error().code == Errc::overloaded && !shard.pending.empty()) {
      full.insert(one.shard);
      later.push_back(std::move(one));
      continue;
    }
    if (!proposed) {
      auto error = proposed.error();
      if (error.code == Errc::not_leader) error.leader = leader_of(one.shard).value_or(ShardLeader(NodeId{})).node.value;
      owner_.on_lost(one.shard, one.token, one.commands.size(), error);
      continue;
    }
    fed_commands_ += one.commands.size();
    if (one.sync == storage::Sync::yes) fed_sync_ = storage::Sync::yes;
    const auto count = one.commands.size();
    shard.pending.push_back({*proposed, one.token, count, std::move(one.commands), one.bounds});
    metrics_.log_entries.add();
  }
  if (later.empty()) return;
  // They are fed at the end of a later turn: there is one when what is ahead of them is written, or others have it.
  const MutexLock lock(mutex_);
  waiting_.insert(waiting_.begin(), std::make_move_iterator(later.begin()), std::make_move_iterator(later.end()));
}

// ---- turns ----

void RaftLog::end_turn() {
  if (!set_) {
    if (others_ != nullptr) (void)others_->post.take();
    return lose_waiting(make_error(Errc::storage_unavailable));
  }
  if (!restoring_) {
    if (others_ != nullptr) take_in();
    take_turns();
  }
  if (set_ && !restoring_) {
    feed();
    take_turns();
  }
  if (others_ == nullptr) return;
  send_out();
  note_handed_over();
}

void RaftLog::take_turns() {
  while (set_ && !restoring_) {
    auto turn = set_->turn();
    if (!turn || !finish(std::move(*turn))) return;
  }
}

bool RaftLog::finish(raft::GroupSet::Turn turn) {
  if (turn.restored) {
    turn.batch.append(std::move(turn.results));
    (void)owner_.take_results(turn.batch);
    turn.sync = storage::Sync::yes;
  } else if (!failure_) {
    if (const auto written = write_results(turn.results); !written) failure_ = written.error();
  }
  if (failure_) {
    fail(*failure_);
    return false;
  }
  if (!turn.restored) tell_leads();
  count_log(turn);
  if (turn.batch.empty() && in_flight_ == 0) {
    set_->written(turn.number);
    return true;
  }
  storage::LogJob job;
  job.batch = std::move(turn.batch);
  job.sync = turn.sync == storage::Sync::yes || (turn.alone && fed_sync_ == storage::Sync::yes) ? storage::Sync::yes
                                                                                                : storage::Sync::no;
  job.commands = std::exchange(fed_commands_, 0);
  fed_sync_ = storage::Sync::no;
  job.done = [this, life = life_, number = turn.number, restored = turn.restored](const Status& status) {
    on_written(life, number, restored, status);
  };
  restoring_ = restoring_ || turn.restored;
  ++in_flight_;
  writer_.submit(std::move(job));
  return true;
}

Status RaftLog::write_results(storage::WriteBatch& batch) {
  const auto sync = owner_.take_results(batch);
  if (batch.empty()) return {};
  if (auto written = store_.write(batch, sync); !written) return written;
  if (std::exchange(results_due_, false)) owner_.on_results_written();
  return {};
}

void RaftLog::on_written(std::uint64_t life, std::uint64_t turn, bool restored, const Status& status) {
  if (life != life_ || !set_) return;
  --in_flight_;
  if (!status) return fail(status.error());
  if (restored) {
    restoring_ = false;
    if (std::exchange(results_due_, false)) owner_.on_results_written();
    tell_leads();
  }
  set_->written(turn);
}

void RaftLog::fail(const Error& error) {
  if (!set_) return;
  // A node that is alone wins its shards back with its disk, and its actors never notice. Of others there is a new
  // leader soon.
  std::vector<ShardId> lost;
  for (std::uint16_t i = 0; i < shard_count_; ++i) {
    if (shards_[i].role == raft::Role::leader && !set_->alone(ShardId{i})) lost.push_back(ShardId{i});
  }
  set_.reset();
  groups_.reset();
  restoring_ = false;
  fed_commands_ = 0;
  leads_.clear();
  if (writer_.available()) writer_.fail(error);  // first: whoever hears of a loss finds the log down
  for (std::uint16_t i = 0; i < shard_count_; ++i) lose_pending(ShardId{i}, error);
  for (const auto id : lost) {
    auto& shard = shards_[id.value];
    if (std::exchange(shard.led, {}).value != 0) --led_;
    shard.role = raft::Role::follower;
    owner_.on_following(id, leader_of(id));
  }
  owner_.on_results_lost(error);
  results_due_ = false;
  lose_waiting(error);
}

void RaftLog::count_log(const raft::GroupSet::Turn& turn) {
  metrics_.log_bytes.set(static_cast<double>(set_->log_bytes()));
  if (turn.cut) metrics_.log_cuts.add();
}

// ---- what the groups say ----

void RaftLog::apply(ShardId id, const RaftEntryView& entry, storage::WriteBatch& batch) {
  if (failure_) return;
  shards_[id.value].applied = entry.index;
  if (!is_due(id, entry.index, batch)) return;
  auto& shard = shards_[id.value];
  CommittedEntry committed{.shard = id, .index = entry.index};
  // Another leader's entry in the place of the first: none of them is committed.
  if (!shard.pending.empty() && shard.pending.front().name.index == entry.index &&
      shard.pending.front().name.term != entry.term) {
    lose_pending(id, make_error(Errc::not_leader));
  }
  if (!shard.pending.empty() && shard.pending.front().name.index == entry.index) {
    auto& first = shard.pending.front();
    committed.token = first.token;
    committed.commands = std::move(first.commands);
    committed.bounds = first.bounds;
    committed.proposed_here = true;
  } else if (!entry.payload.empty()) {
    auto decoded = schemas::decode_entry(entry.payload);
    if (!decoded) {
      failure_ = make_error(decoded.error().code, fmt::format("log entry {} of shard {}: {}", entry.index.value,
                                                              id.value, decoded.error().message));
      return;
    }
    committed.commands = std::move(decoded->commands);
    committed.bounds = decoded->bounds;
  }
  results_due_ = true;
  const bool here = committed.proposed_here;
  if (auto applied = owner_.on_committed(std::move(committed)); !applied) {
    failure_ = applied.error();  // it is pending still, and lost with the rest
    return;
  }
  if (here) shard.pending.pop_front();
  if (shard.role == raft::Role::leader && entry.term == shard.term && shard.led != shard.term) {
    if (shard.led.value == 0) ++led_;
    shard.led = shard.term;
    leads_.push_back(id);
    if (!opening_) metrics_.shard_leads_taken.add();
  }
}

// Whether the machine is to have the entry: not while the state that stands for it is on its way.
bool RaftLog::is_due(ShardId id, LogIndex index, storage::WriteBatch& batch) {
  if (others_ == nullptr || !others_->fetch.restoring(id)) return true;
  const bool due = others_->fetch.applies(id, index, batch);
  if (others_->fetch.restoring(id)) return due;
  // The state is what it is to be, by this entry: the machine has not seen it yet.
  auto read = read_places(id);
  if (read) read = owner_.on_state_replaced(id, due ? LogIndex{index.value - 1} : index);
  if (!read) failure_ = read.error();
  return due && read;
}

void RaftLog::on_role(ShardId id, raft::Role role, Term term, ReplicaId) {
  auto& shard = shards_[id.value];
  const bool led = shard.role == raft::Role::leader;
  shard.role = role;
  shard.term = term;
  if (role == raft::Role::leader) {
    if (others_ != nullptr && !led) others_->begin_leading(id, clock_.now());
    return;
  }
  if (!led && role != raft::Role::follower) return;
  lose_pending(id, make_error(Errc::not_leader));
  if (const auto was = std::exchange(shard.led, {}); was.value != 0) {
    --led_;
    if (others_ != nullptr && others_->shards[id.value].handing_over == was) metrics_.shard_leads_handed_over.add();
  }
  owner_.on_following(id, leader_of(id));
}

void RaftLog::tell_leads() {
  if (opening_) return;
  for (const auto id : std::exchange(leads_, {})) {
    const auto& shard = shards_[id.value];
    if (shard.led.value == 0) continue;
    owner_.on_leading(id, shard.led);
    if (others_ == nullptr) continue;
    for (const auto& [node, link] : others_->post.links()) others_->post.news(node).led.push_back(led_news(id, node));
  }
}

std::optional<ShardLeader> RaftLog::leader_of(ShardId id) const {
  if (others_ == nullptr) return std::nullopt;
  const auto& leader = others_->shards[id.value].leader;
  if (leader.term < shards_[id.value].term || leader.node == NodeId{}) return std::nullopt;
  return ShardLeader(leader.node, leader.term);
}

void RaftLog::on_membership(ShardId id, LogIndex index, const RaftMembership& members, const raft::Change* change,
                            storage::WriteBatch& batch) {
  if (failure_) return;
  shards_[id.value].applied = index;
  if (change == nullptr) return;  // what a snapshot says stands in the state that came with it
  if (!is_due(id, index, batch)) return;
  auto& places = shards_[id.value].places;
  if (change->kind != raft::Change::Kind::remove && change->node != NodeId{}) places.place(change->id, change->node);
  places.keep(members);
  batch.put(storage::Family::state, storage::keys::replica_places(id), places.text());
  // The machine counts it as an entry without commands.
  results_due_ = true;
  if (auto applied = owner_.on_committed({.shard = id, .index = index}); !applied) failure_ = applied.error();
}

void RaftLog::restore(ShardId id, const RaftSnapshot& snapshot, storage::WriteBatch& batch) {
  CHECK(others_ != nullptr);
  if (failure_) return;
  // Its rows are in the store already. Entries behind it may come in the same turn.
  auto done = others_->fetch.restored(id, snapshot, batch);
  if (done) done = read_places(id);
  if (done) done = owner_.on_state_replaced(id, snapshot.index);
  if (done) return;
  log_error("a shard's state was not restored", {{"shard", id.value}, {"error", done.error().message}});
  failure_ = done.error();
}

// Called inside the group: it must not be asked anything.
Result<std::string> RaftLog::snapshot(ShardId id, ReplicaId to) {
  const auto& shard = shards_[id.value];
  if (others_ == nullptr || shard.self == ReplicaId{}) return make_error(Errc::overloaded);
  auto offered = others_->source.offer(id, shard.self, to, shard.applied, clock_.now());
  if (offered) others_->shards[id.value].copies.insert(to);
  return offered;
}

void RaftLog::on_read(ShardId, const raft::ReadDone&) {}

void RaftLog::send(ShardId id, RaftMessage message) {
  if (others_ == nullptr) return;
  const auto node = shards_[id.value].places.node_of(message.to);
  if (node) return others_->post.send(*node, id, std::move(message));
  if (message.kind == RaftKind::snapshot) others_->undelivered.emplace_back(id, message.to);
}

void RaftLog::on_broken(ShardId id, const Error& error) {
  if (opening_) {
    if (!failure_) failure_ = error;
    return;
  }
  log_error("a shard's replica stopped", {{"shard", id.value}, {"error", error.message}});
  metrics_.storage_errors.add();
  lose_pending(id, error);
  if (shards_[id.value].led.value != 0) --led_;
  shards_[id.value] = {};
  owner_.on_following(id, std::nullopt);
}

}  // namespace parley::cluster
