#include "cluster/local_shards.h"

#include "cluster/machine/retention.h"
#include "core/log.h"
#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::cluster {
namespace {

using storage::Family;
namespace keys = storage::keys;

// Results are written and told in groups of about this many commands: fewer writes than one for each
// entry, and the first of a large turn need not wait for the last.
constexpr std::size_t kResultsMax = 256;
constexpr std::size_t kTrimsPerEntryMax = 256;
constexpr EntryToken kOwnEntry = 0;
// After a crash, who was here was surely here until the last stamp.
constexpr auto kStampEvery = seconds(5);
constexpr auto kTidyEvery = seconds(30);

MachineConfig machine_config(const LocalShardsConfig& config) {
  MachineConfig machine;
  machine.idempotency_window = config.idempotency_window;
  machine.idempotency_keys_max = config.idempotency_keys_max;
  machine.cursor_lifetime = config.cursor_lifetime;
  machine.cursors_per_channel_max = config.cursors_per_channel_max;
  return machine;
}

MachineBounds machine_bounds(const LocalShardsConfig& config) {
  return {config.idempotency_window, config.idempotency_keys_max, config.cursor_lifetime};
}

}  // namespace

LocalShards::LocalShards(storage::Store& store, const Clock& clock, Metrics& metrics, LocalShardsConfig config,
                         ShardListener& listener)
    : store_(store),
      clock_(clock),
      metrics_(metrics),
      config_(config),
      bounds_(machine_bounds(config)),
      pending_commands_max_(config.pending_commands_max),
      listener_(listener),
      reader_(store, config.shard_count, config.page_bytes_max),
      people_(store, config.shard_count),
      writer_(store, clock, metrics, [this] { recover(); }),
      log_(config.shard_count, config.log_bytes_max, store, writer_, clock, metrics, *this),
      reads_(config.reads_waiting_max) {
  for (std::uint16_t i = 0; i < config.shard_count; ++i) {
    shards_.push_back(std::make_unique<Shard>(ShardMachine(ShardId{i}, machine_config(config), store)));
  }
}

LocalShards::~LocalShards() {
  reads_.stop();   // its sweeps propose
  writer_.stop();  // its completions apply and tell
  if (!in_order_ || !writer_.available() || broken_) return;
  storage::WriteBatch end;
  end.remove(Family::state, keys::running());
  (void)store_.write(end, storage::Sync::yes);  // if it fails, the next start finds no end in order
}

Status LocalShards::start() {
  if (const auto same = check_shard_count(); !same) return same;
  const auto lost = tail_may_be_lost();
  if (!lost) return lost.error();
  if (const auto loaded = load(false, *lost); !loaded) return loaded;
  if (const auto begun = begin_life(); !begun) return begun;
  metrics_.shards.set(config_.shard_count);
  metrics_.shards_without_leader.set(0);
  writer_.on_turn_end([this] { end_turn(); });
  auto& executor = config_.executor != nullptr ? *config_.executor : threads();
  writer_.start(executor);
  const auto interval =
      std::chrono::duration_cast<milliseconds>(config_.retention_sweep_interval) / config_.shard_count;
  const auto turn = std::min(std::max(interval, milliseconds(10)), milliseconds(kStampEvery));
  const auto turns_a_sweep = std::max<std::int64_t>(interval / turn, 1);
  reads_.start(executor, clock_, turn, [this, turns_a_sweep] {
    stamp_alive();
    if (const auto now = clock_.now(); now >= tidy_at_) {
      tidy_at_ = now + kTidyEvery;
      store_.tidy();
    }
    if (++turns_ % turns_a_sweep != 0) return;
    sweep_shard(ShardId{next_swept_});
    next_swept_ = static_cast<std::uint16_t>((next_swept_ + 1) % config_.shard_count);
  });
  return {};
}

// Channels are spread over the shards by their count: another count would look for them elsewhere.
Status LocalShards::check_shard_count() {
  if (config_.shard_count == 0 || config_.shard_count >= storage::kShardCountMax) {
    return make_error(Errc::config_invalid, "the count of shards is between 1 and 65534");
  }
  const auto stored = store_.get(Family::state, keys::shard_count());
  if (!stored) return stored.error();
  if (!stored->has_value()) {
    storage::WriteBatch batch;
    batch.put(Family::state, keys::shard_count(), keys::number(config_.shard_count));
    return store_.write(batch, storage::Sync::yes);
  }
  const auto count = keys::parse_number(**stored);
  if (!count) return make_error(Errc::corrupt, "the stored count of shards is unreadable");
  if (*count != config_.shard_count) {
    return make_error(Errc::config_invalid, fmt::format("the data directory was made for {} shards, the configuration "
                                                        "says {}: the count cannot change later",
                                                        *count, config_.shard_count));
  }
  return {};
}

// A process that ended in order synced everything and took its mark away. One that was killed left all it wrote to the
// operating system: only if the machine went down since, or may have, is something missing.
Result<bool> LocalShards::tail_may_be_lost() {
  const auto before = store_.get(Family::state, keys::running());
  if (!before) return before.error();
  storage::WriteBatch mark;
  mark.put(Family::state, keys::running(), config_.boot);
  const bool lost = before->has_value() && (config_.boot.empty() || **before != config_.boot);
  // Synced with the new lineage, or with the log's heads: until then the mark of the process before stands.
  if (!lost) {
    if (const auto written = store_.write(mark, storage::Sync::no); !written) return written.error();
  }
  return lost;
}

// Synced: nothing is proposed before.
Status LocalShards::begin_lineage() {
  storage::WriteBatch batch;
  for (const auto& shard : shards_) {
    shard->machine.begin_lineage();
    shard->machine.take_writes(batch);
  }
  batch.put(Family::state, keys::running(), config_.boot);
  metrics_.histories_renewed.add();
  return store_.write(batch, storage::Sync::yes);
}

// From the first request on the store says that there was a process: the one after it must know even when this one
// does not live to its first regular stamp.
Status LocalShards::begin_life() {
  const auto before = store_.get(Family::state, keys::alive());
  if (!before) return before.error();
  if (before->has_value()) alive_before_.ms = static_cast<std::int64_t>(keys::parse_number(**before).value_or(0));
  storage::WriteBatch stamp;
  stamp.put(Family::state, keys::alive(), keys::number(static_cast<std::uint64_t>(clock_.wall().ms)));
  return store_.write(stamp, storage::Sync::yes);
}

Result<Unfinished> LocalShards::unfinished(ShardId shard) const {
  auto found = people_.unfinished(shard);
  if (found) found->alive = alive_before_;
  return found;
}

// Brings the machines to where the log ends. `tell_effects`: they go to the listener, as own entries. `tail_lost`:
// what was told before may not be there.
Status LocalShards::load(bool tell_effects, bool tail_lost) {
  if (const auto opened = log_.open(); !opened) return opened;
  std::uint64_t replayed = 0;
  for (std::uint16_t i = 0; i < config_.shard_count; ++i) {
    auto& machine = shards_[i]->machine;
    if (const auto loaded = machine.load(); !loaded) return loaded;
    count_kept(*shards_[i]);
    tell_unknown(ShardId{i}, machine.applied());
    const auto replay = log_.replay(ShardId{i}, machine.applied(), [&](CommittedEntry entry) -> Status {
      ++replayed;
      if (auto applied = apply(std::move(entry)); !applied) return applied;
      if (told_commands_ < kResultsMax) return {};
      if (auto written = write_results(); !written) return written;
      if (!tell_effects) told_.clear();
      tell();
      return {};
    });
    if (!replay) return replay;
    log_.applied(ShardId{i}, machine.applied());
  }
  if (const auto written = write_results(); !written) return written;
  if (tail_lost) {
    if (const auto begun = begin_lineage(); !begun) return begun;
  }
  if (!tell_effects) told_.clear();
  tell();
  storage::WriteBatch cut;
  log_.cut_found(cut);
  if (!cut.empty()) {
    if (const auto written = store_.write(cut, storage::Sync::no); !written) return written;
  }
  if (replayed > 0) log_info("log replayed", {{"entries", replayed}});
  return {};
}

// ---- proposing ----

// A node that is alone leads everything, in the term that the opening of the log began.
void LocalShards::begin_leading() {
  leading_ = true;
  for (std::uint16_t i = 0; i < config_.shard_count; ++i) listener_.on_leading(ShardId{i}, log_.term(ShardId{i}));
}

void LocalShards::propose(ShardId shard, EntryToken entry, std::vector<Command> commands, storage::Sync sync) {
  CHECK(entry != kOwnEntry);
  propose_checked(shard, entry, std::move(commands), sync);
}

void LocalShards::propose_checked(ShardId id, EntryToken entry, std::vector<Command> commands, storage::Sync sync) {
  CHECK(id.value < shards_.size() && !commands.empty());
  const auto count = commands.size();
  const auto before = shards_[id.value]->pending.fetch_add(count);
  if (before > 0 && before + count > pending_commands_max_) {
    return log_.refuse(id, entry, count, make_error(Errc::overloaded));
  }
  if (!writes_.load(std::memory_order_acquire)) {
    if (auto begun = begin_writing(); !begun) return log_.refuse(id, entry, count, begun.error());
  }
  log_.propose(id, entry, std::move(commands), bounds_, sync);
}

Status LocalShards::begin_writing() {
  const MutexLock lock(first_write_mutex_);
  if (agreed_) return {};
  if (config_.before_first_write) {
    if (auto allowed = config_.before_first_write(); !allowed) return allowed;
  }
  agreed_ = true;
  writes_.store(true, std::memory_order_release);
  return {};
}

// ---- the log thread ----

void LocalShards::on_committed(CommittedEntry entry) {
  const auto id = entry.shard;
  const auto token = entry.token;
  const auto commands = entry.commands.size();
  const bool here = entry.proposed_here;
  const auto lost = [&](const Error& error) {
    if (here) on_lost(id, token, commands, error);
  };
  if (broken_) return lost(make_error(Errc::storage_unavailable));
  if (told_.empty()) results_begun_ = clock_.now();
  if (const auto applied = apply(std::move(entry)); !applied) {
    lose_results(applied.error());
    return lost(applied.error());
  }
  if (told_commands_ >= kResultsMax) end_turn();
}

void LocalShards::on_lost(ShardId id, EntryToken token, std::size_t commands, const Error& error) {
  shards_[id.value]->pending -= commands;
  if (token != kOwnEntry) listener_.on_refused(id, token, error);
}

Status LocalShards::apply(CommittedEntry entry) {
  auto& shard = *shards_[entry.shard.value];
  const auto commands = entry.commands.size();
  auto effects = shard.machine.apply(entry.index, std::move(entry.commands), entry.bounds);
  if (!effects) return effects.error();
  if (!shard.touched) {
    shard.touched = true;
    touched_.push_back(entry.shard);
  }
  told_commands_ += commands;
  told_.push_back({entry.shard, entry.index, entry.token, std::move(effects).value(), entry.proposed_here});
  return {};
}

Status LocalShards::write_results() {
  if (touched_.empty()) return {};
  storage::WriteBatch batch;
  std::uint64_t trimmed = 0;
  bool must_sync = false;
  std::sort(touched_.begin(), touched_.end());  // rising keys are cheaper to insert
  for (const auto id : touched_) {
    auto& shard = *shards_[id.value];
    shard.machine.take_writes(batch);
    trimmed += shard.machine.take_trimmed();
    must_sync = shard.machine.must_sync() || must_sync;
    log_.applied(id, shard.machine.applied());
    count_kept(shard);
    shard.touched = false;
  }
  touched_.clear();
  log_.cut(batch);
  // Not synced: the log is, and the machine would come to the same results again. But see cluster/machine/lineage.h.
  const auto sync = must_sync ? storage::Sync::yes : storage::Sync::no;
  if (auto written = store_.write(batch, sync); !written) return written;
  if (trimmed > 0) metrics_.retention_trimmed.add(static_cast<double>(trimmed));
  metrics_.commands_applied.add(static_cast<double>(told_commands_));
  return {};
}

void LocalShards::count_kept(Shard& shard) {
  kept_sessions_ += shard.machine.kept_sessions() - shard.kept_sessions;
  shard.kept_sessions = shard.machine.kept_sessions();
  metrics_.kept_sessions.set(static_cast<double>(kept_sessions_));
  metrics_.kept_sessions_evicted.add(static_cast<double>(shard.machine.take_evicted_sessions()));
  kept_session_bytes_ += shard.machine.kept_session_bytes() - shard.kept_session_bytes;
  shard.kept_session_bytes = shard.machine.kept_session_bytes();
  metrics_.kept_sessions_bytes.set(static_cast<double>(kept_session_bytes_));
  cursor_bytes_ += shard.machine.cursor_bytes() - shard.cursor_bytes;
  shard.cursor_bytes = shard.machine.cursor_bytes();
  metrics_.cursor_bytes.set(static_cast<double>(cursor_bytes_));
  metrics_.cursors_forgotten.add(static_cast<double>(shard.machine.take_forgotten_cursors()));
}

void LocalShards::tell() {
  auto told = std::exchange(told_, {});
  told_commands_ = 0;
  for (auto& one : told) {
    if (one.token == kOwnEntry) continue_trims(one);
    listener_.on_applied(one.shard, one.token, std::move(one.effects));
  }
}

void LocalShards::end_turn() {
  if (told_.empty()) return;
  if (const auto written = write_results(); !written) return lose_results(written.error());
  metrics_.apply_seconds.observe(std::chrono::duration<double>(clock_.now() - results_begun_).count());
  for (const auto& one : told_) {
    if (one.proposed_here) shards_[one.shard.value]->pending -= one.effects.size();
  }
  tell();
}

// The log has the entries; whether the store has their results is unknown. Nothing of them may be
// acknowledged, and the machines know more than they should.
void LocalShards::lose_results(const Error& error) {
  broken_ = true;
  for (const auto& one : told_) {
    if (one.proposed_here) on_lost(one.shard, one.token, one.effects.size(), error);
  }
  keep_unknown();
  writer_.fail(error);
}

void LocalShards::keep_unknown() {
  for (const auto id : touched_) shards_[id.value]->touched = false;
  touched_.clear();
  told_commands_ = 0;
  for (auto& one : std::exchange(told_, {})) unknown_.push_back(std::move(one));
}

// Results that were stored after all will not be replayed: subscribers are told now, or never. The
// others come again with the replay.
void LocalShards::tell_unknown(ShardId id, LogIndex applied) {
  for (auto& one : unknown_) {
    if (one.shard == id && one.index <= applied) listener_.on_applied(id, kOwnEntry, std::move(one.effects));
  }
  std::erase_if(unknown_, [id](const Told& one) { return one.shard == id; });
}

void LocalShards::recover() {
  if (const auto loaded = load(true, true); !loaded) {
    keep_unknown();
    log_error("shards not recovered", {{"error", loaded.error().message}});
    return writer_.fail(loaded.error());
  }
  broken_ = false;
}

// ---- retention of idle channels ----

void LocalShards::sweep(std::function<void()> done) {
  const bool taken = reads_.push([this, done] {
    for (std::uint16_t i = 0; i < config_.shard_count; ++i) sweep_shard(ShardId{i});
    done();
  });
  if (!taken) done();
}

void LocalShards::sweep_shard(ShardId id) {
  if (!available() || !leading_) return;  // before, nobody could be told what came of it
  const auto now = clock_.wall();
  std::vector<Command> due;
  const auto range = keys::metas(id);
  const auto scanned =
      store_.scan(Family::state, range.from, range.to, storage::ScanOrder::forward,
                  [&](std::string_view key, std::string_view value) {
                    auto channel = keys::meta_channel(key);
                    const auto meta = schemas::decode_channel_meta(value);
                    if (!channel || !meta) return storage::Visit::go_on;  // who opens the channel is told of the damage
                    const bool cursors_due = meta->cursors > 0 && meta->cursors_oldest + config_.cursor_lifetime <= now;
                    if (cursors_due || retention_due(*meta, now))
                      due.push_back({std::move(*channel), now, TrimHistory{meta->retention}});
                    return due.size() < kTrimsPerEntryMax ? storage::Visit::go_on : storage::Visit::stop;
                  });
  const auto found = scanned ? sessions_due(id, now, due) : scanned;
  if (!found) {
    metrics_.storage_errors.add();
    log_warn("retention sweep failed", {{"shard", id.value}, {"error", found.error().message}});
  }
  if (!due.empty()) propose_checked(id, kOwnEntry, std::move(due), storage::Sync::no);
}

// Sessions that are over, in a shard that no session asks.
Status LocalShards::sessions_due(ShardId id, WallTime now, std::vector<Command>& due) const {
  const auto range = keys::session_ends(id);
  return store_.scan(Family::state, range.from, range.to, storage::ScanOrder::forward,
                     [&](std::string_view key, std::string_view) {
                       if (due.size() >= kTrimsPerEntryMax) return storage::Visit::stop;
                       auto end = keys::parse_session_end(key);
                       if (!end) return storage::Visit::go_on;  // load() tells of the damage
                       if (end->expires > now) return storage::Visit::stop;
                       due.push_back({std::move(end->place), now, ForgetSession{true}});
                       return storage::Visit::go_on;
                     });
}

// A sweep or a trim that was cut short at its bound has more to do, once its first part is applied.
void LocalShards::continue_trims(const Told& told) {
  const bool cut_short = told.effects.size() >= kTrimsPerEntryMax ||
                         std::any_of(told.effects.begin(), told.effects.end(), [](const Effect& effect) {
                           const auto* removed = std::get_if<Effect::Removed>(&effect.what);
                           return removed != nullptr && removed->count >= kTrimCommandMax;
                         });
  // Not taken when the readers are busy: the next regular sweep goes on then.
  if (cut_short) (void)reads_.push([this, id = told.shard] { sweep_shard(id); });
}

void LocalShards::stamp_alive() {
  const auto now = clock_.now();
  if (now < stamp_at_ || !available()) return;
  stamp_at_ = now + kStampEvery;
  storage::LogJob job;
  job.batch.put(Family::state, keys::alive(), keys::number(static_cast<std::uint64_t>(clock_.wall().ms)));
  job.sync = storage::Sync::no;
  job.done = [](const Status&) {};  // a failed write is the writer's to tell; the next stamp comes anyway
  writer_.submit(std::move(job));
}

// ---- reads ----

template <class Value, class Read>
void LocalShards::read(std::function<void(Result<Value>)> done, Read run) {
  const bool taken = reads_.push([done, run = std::move(run)] { done(run()); });
  if (!taken) done(make_error(Errc::overloaded));
}

void LocalShards::open_channel(ChannelKey channel, std::function<void(Result<ChannelState>)> done) {
  read(std::move(done), [this, channel = std::move(channel)]() -> Result<ChannelState> {
    auto state = reader_.open_channel(channel);
    if (!state) return state;
    auto told = people_.told(channel);
    if (!told) return told.error();
    state->told = std::move(*told);
    return state;
  });
}

void LocalShards::read_history(GetHistory query, std::function<void(Result<HistoryPage>)> done) {
  read(std::move(done), [this, query = std::move(query)] { return reader_.read_history(query); });
}

void LocalShards::read_cursor(ChannelKey channel, std::string client_id,
                              std::function<void(Result<CursorFound>)> done) {
  read(std::move(done), [this, channel = std::move(channel), client_id = std::move(client_id)] {
    return reader_.read_cursor(channel, client_id, clock_.wall(), config_.cursor_lifetime);
  });
}

void LocalShards::read_unfinished(ShardId shard, std::function<void(Result<Unfinished>)> done) {
  read(std::move(done), [this, shard] { return unfinished(shard); });
}

void LocalShards::read_users(std::vector<UserKey> users, std::function<void(Result<std::vector<UserAbout>>)> done) {
  read(std::move(done), [this, users = std::move(users)] { return people_.read_users(users); });
}

void LocalShards::list_users(ListUsers query, std::function<void(Result<UserPage>)> done) {
  read(std::move(done), [this, query = std::move(query)] { return people_.list_users(query); });
}

void LocalShards::list_domain(ListDomain query, std::function<void(Result<UserPage>)> done) {
  read(std::move(done), [this, query = std::move(query)] { return people_.list_domain(query); });
}

void LocalShards::read_notices(std::vector<NoticeRef> refs,
                               std::function<void(Result<std::vector<std::pair<NoticeRef, Notice>>>)> done) {
  read(std::move(done), [this, refs = std::move(refs)] { return people_.read_notices(refs); });
}

void LocalShards::read_dead(std::string target, NoticeRef after, std::size_t limit,
                            std::function<void(Result<std::vector<StoredDead>>)> done) {
  read(std::move(done),
       [this, target = std::move(target), after, limit] { return people_.read_dead(target, after, limit); });
}

Result<std::shared_ptr<Shards>> start_local_shards(storage::Store& store, const Clock& clock, Metrics& metrics,
                                                   LocalShardsConfig config, ShardListener& listener) {
  auto shards = std::make_shared<LocalShards>(store, clock, metrics, config, listener);
  if (const auto started = shards->start(); !started) return started.error();
  return std::shared_ptr<Shards>(std::move(shards));
}

}  // namespace parley::cluster
