#include "cluster/local_shards.h"

#include "cluster/former_log.h"
#include "cluster/machine/retention.h"
#include "core/log.h"
#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::cluster {
namespace {

using storage::Family;
namespace keys = storage::keys;

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

RaftLogConfig log_config(const LocalShardsConfig& config, Random& random) {
  RaftLogConfig log;
  log.shard_count = config.shard_count;
  log.bytes_max = config.log_bytes_max;
  log.self = config.self;
  log.salt = config.salt;
  if (config.peers != nullptr) {
    log.others = {config.peers, config.random ? config.random.get() : &random, config.placement};
  }
  return log;
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
      log_(log_config(config, own_random_), store, writer_, clock, metrics, *this),
      reads_(config.reads_waiting_max) {
  for (std::uint16_t i = 0; i < config.shard_count; ++i) {
    shards_.push_back(std::make_unique<Shard>(ShardMachine(ShardId{i}, machine_config(config), store)));
  }
  leads_.resize(config.shard_count);
}

LocalShards::~LocalShards() {
  log_.stop();     // its ticks
  reads_.stop();   // its sweeps propose
  writer_.stop();  // its completions apply and tell
  if (!in_order_ || !writer_.available()) return;
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
  metrics_.shards_led.set(static_cast<double>(log_.shards_led()));
  writer_.on_turn_end([this] { log_.end_turn(); });
  auto& executor = config_.executor != nullptr ? *config_.executor : threads();
  writer_.start(executor);
  log_.start(executor);
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
  for (std::uint16_t i = 0; i < config_.shard_count; ++i) {
    if (!log_.alone(ShardId{i})) continue;  // where others vote all that was told was synced, here or there
    auto& machine = shards_[i]->machine;
    machine.begin_lineage();
    machine.take_writes(batch);
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
  tells_ = tell_effects;
  if (const auto applied = apply_former_logs(); !applied) return applied;
  for (std::uint16_t i = 0; i < config_.shard_count; ++i) {
    auto& machine = shards_[i]->machine;
    if (const auto loaded = machine.load(); !loaded) return loaded;
    count_kept(*shards_[i]);
    tell_unknown(ShardId{i}, machine.applied());
  }
  const auto before = metrics_.commands_applied.value();
  if (const auto opened = log_.open(); !opened) return opened;
  tells_ = true;
  if (tail_lost) {
    if (const auto begun = begin_lineage(); !begun) return begun;
  }
  if (const auto replayed = metrics_.commands_applied.value() - before; replayed > 0) {
    log_info("log replayed", {{"commands", static_cast<std::uint64_t>(replayed)}});
  }
  return {};
}

Status LocalShards::apply_former_logs() {
  if (auto given_up = log_.finish_giving_up(); !given_up) return given_up;
  const auto has = log_.has_replicas();
  if (!has) return has.error();
  if (*has) return {};
  bool former_there = false;
  std::vector<LogIndex> applied(config_.shard_count);
  for (std::uint16_t i = 0; i < config_.shard_count; ++i) {
    const ShardId id{i};
    const auto former = find_former_log(store_, id);
    if (!former) return former.error();
    if (!former->has_value()) continue;
    former_there = true;
    auto& machine = shards_[i]->machine;
    if (const auto loaded = machine.load(); !loaded) return loaded;
    const auto replayed = replay_former_log(store_, id, **former, machine.applied(), [&](FormerEntry entry) -> Status {
      if (auto effects = machine.apply(entry.index, std::move(entry.commands), entry.bounds); !effects) {
        return effects.error();
      }
      storage::WriteBatch batch;
      machine.take_writes(batch);
      return store_.write(batch, storage::Sync::no);
    });
    if (!replayed) return replayed;
    applied[i] = machine.applied();
  }
  if (!config_.founds && !former_there) return {};
  const auto may = log_.may_found();
  if (!may) return may.error();
  if (!*may && !former_there) return {};
  return log_.found_all(applied, config_.random ? *config_.random : own_random_);
}

// ---- proposing ----

void LocalShards::begin_leading() {
  const MutexLock lock(leads_mutex_);
  leading_ = true;
  for (std::uint16_t i = 0; i < config_.shard_count; ++i) {
    if (leads_[i].value != 0) listener_.on_leading(ShardId{i}, leads_[i]);
  }
}

Status LocalShards::on_state_replaced(ShardId id, std::optional<LogIndex> applied) {
  auto& shard = *shards_[id.value];
  if (shard.touched) std::erase(touched_, id);
  shard.touched = false;
  if (auto loaded = shard.machine.load(applied); !loaded) return loaded;
  count_kept(shard);
  return {};
}

// A node that is alone loses its lead with its disk, and wins it back: its actors never notice.
void LocalShards::on_leading(ShardId id, Term term) {
  const MutexLock lock(leads_mutex_);
  const bool led = std::exchange(leads_[id.value], term).value != 0;
  if (leading_ && !led) listener_.on_leading(id, term);
}

void LocalShards::on_following(ShardId id, std::optional<ShardLeader> leader) {
  const MutexLock lock(leads_mutex_);
  leads_[id.value] = {};
  if (leading_) listener_.on_following(id, leader);
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

Status LocalShards::on_committed(CommittedEntry entry) {
  if (touched_.empty()) results_begun_ = clock_.now();
  auto& shard = *shards_[entry.shard.value];
  const auto commands = entry.commands.size();
  auto effects = shard.machine.apply(entry.index, std::move(entry.commands), entry.bounds);
  if (!effects) return effects.error();
  if (!shard.touched) {
    shard.touched = true;
    touched_.push_back(entry.shard);
  }
  if (commands == 0) return {};
  told_commands_ += commands;
  told_.push_back({entry.shard, entry.index, entry.token, std::move(effects).value(), entry.proposed_here});
  return {};
}

void LocalShards::on_lost(ShardId id, EntryToken token, std::size_t commands, const Error& error) {
  shards_[id.value]->pending -= commands;
  if (token != kOwnEntry) listener_.on_refused(id, token, error);
}

storage::Sync LocalShards::take_results(storage::WriteBatch& batch) {
  bool must_sync = false;
  std::sort(touched_.begin(), touched_.end());  // rising keys are cheaper to insert
  for (const auto id : touched_) {
    auto& shard = *shards_[id.value];
    shard.machine.take_writes(batch);
    trimmed_ += shard.machine.take_trimmed();
    must_sync = shard.machine.must_sync() || must_sync;
    count_kept(shard);
    shard.touched = false;
  }
  touched_.clear();
  // Not synced: the log is, and the machine would come to the same results again. But see cluster/machine/lineage.h.
  return must_sync ? storage::Sync::yes : storage::Sync::no;
}

void LocalShards::on_results_written() {
  if (const auto trimmed = std::exchange(trimmed_, 0); trimmed > 0) {
    metrics_.retention_trimmed.add(static_cast<double>(trimmed));
  }
  metrics_.commands_applied.add(static_cast<double>(told_commands_));
  metrics_.apply_seconds.observe(std::chrono::duration<double>(clock_.now() - results_begun_).count());
  for (const auto& one : told_) {
    if (one.proposed_here) shards_[one.shard.value]->pending -= one.effects.size();
  }
  if (!tells_) told_.clear();
  tell();
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

// The log has the entries; whether the store has their results is unknown. Nothing of them may be
// acknowledged, and the machines know more than they should.
void LocalShards::on_results_lost(const Error& error) {
  for (const auto& one : told_) {
    if (one.proposed_here) on_lost(one.shard, one.token, one.effects.size(), error);
  }
  keep_unknown();
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
    log_error("shards not recovered", {{"error", loaded.error().message}});
    return writer_.fail(loaded.error());
  }
}

// ---- retention of idle channels ----

void LocalShards::sweep(std::function<void()> done) {
  const bool taken = reads_.push([this, done] {
    for (std::uint16_t i = 0; i < config_.shard_count; ++i) sweep_shard(ShardId{i});
    done();
  });
  if (!taken) done();
}

bool LocalShards::leads(ShardId id) {
  const MutexLock lock(leads_mutex_);
  return leading_ && leads_[id.value].value != 0;
}

void LocalShards::sweep_shard(ShardId id) {
  if (!available() || !leads(id)) return;  // or nobody could be told what came of it
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
