#include "tests/sim/shards.h"

#include "cluster/machine/retention.h"
#include "core/check.h"
#include "schemas/codec.h"
#include "schemas/log_frame.h"
#include "storage/keys.h"

#include <utility>

namespace parley::sim {

using storage::Family;
using storage::Sync;
namespace keys = storage::keys;

namespace {

constexpr milliseconds kFirstPause{20};
constexpr milliseconds kLongestPause{5'000};
constexpr std::size_t kPageBytesMax = 4 * 1024 * 1024;
constexpr seconds kSweepInterval{5};

}  // namespace

Shards::Shards(Scheduler& scheduler, const Plan& plan, Disk& disk, cluster::ShardListener& listener,
               Scheduler::Owner owner)
    : scheduler_(scheduler),
      plan_(plan),
      disk_(disk),
      listener_(listener),
      owner_(std::move(owner)),
      reader_(disk, plan.shards, kPageBytesMax),
      logs_(plan.shards),
      touched_(plan.shards, false) {
  for (std::uint16_t i = 0; i < plan.shards; ++i) machines_.emplace_back(ShardId{i}, cluster::MachineConfig{}, disk);
}

Status Shards::start() {
  if (const auto loaded = load(false); !loaded) return loaded;
  sweep();
  return {};
}

// ---- the log (cluster/single_voter_log.cpp) ----

Status Shards::open_log() {
  storage::WriteBatch heads;
  log_bytes_ = 0;
  for (std::uint16_t i = 0; i < plan_.shards; ++i) {
    const ShardId id{i};
    auto& log = logs_[i];
    log = {};
    const auto stored = disk_.get(Family::log, keys::log_head(id));
    if (!stored) return stored.error();
    if (stored->has_value()) {
      const auto head = schemas::decode_log_head(**stored);
      if (!head) return head.error();
      log = {head->term, head->cut_index, head->cut_index, head->cut_term, {}};
    }
    const auto range = keys::log_entries(id);
    const auto scanned =
        disk_.scan(Family::log, range.from, range.to, storage::ScanOrder::backward, [&](std::string_view key, auto) {
          if (const auto index = keys::log_index(key)) log.last = std::max(log.last, *index);
          return storage::Visit::stop;
        });
    if (!scanned) return scanned;
    ++log.term.value;
    heads.put(Family::log, keys::log_head(id), schemas::encode_log_head({log.term, log.cut, log.cut_term}));
  }
  return disk_.write(heads, Sync::yes);
}

Status Shards::replay(ShardId id, LogIndex applied) {
  const auto& log = logs_[id.value];
  if (applied < log.cut || applied > log.last) return make_error(Errc::corrupt, "the log was cut too far");
  for (LogIndex index{applied.value + 1}; index <= log.last; ++index.value) {
    const auto bytes = disk_.get(Family::log, keys::log_entry(id, index));
    if (!bytes) return bytes.error();
    CHECK(bytes->has_value());
    const auto framed = schemas::unframe_log_entry(id, index, **bytes);
    if (!framed) return framed.error();
    auto entry = schemas::decode_entry(framed->payload);
    if (!entry) return entry.error();
    if (plan_.bug == Bug::replay_skipped) std::erase_if(entry->commands, [](const Command&) { return true; });
    if (auto done = apply(id, index, 0, std::move(entry->commands)); !done) return done;
  }
  return {};
}

void Shards::propose(ShardId id, cluster::EntryToken token, std::vector<Command> commands, Sync sync) {
  Job job{.shard = id, .token = token};
  if (up_) {
    auto& log = logs_[id.value];
    job.index = LogIndex{++log.last.value};
    job.batch.put(
        Family::log, keys::log_entry(id, job.index),
        schemas::frame_log_entry({id, log.term, job.index}, schemas::encode_entry(scheduler_.wall(), commands)));
    for (const auto& operation : job.batch.operations()) log_bytes_ += operation.key.size() + operation.value.size();
    job.sync = plan_.bug == Bug::ack_before_sync ? Sync::no : sync;
    job.commands = std::move(commands);
  } else {
    job.refusal = make_error(Errc::storage_unavailable);
  }
  queue_.push_back(std::move(job));
  scheduler_.after(nanoseconds(0), owner_, [this] { turn(); });
}

void Shards::cut_logs(storage::WriteBatch& batch) {
  // The bug cuts with every write: a crash must come between two of them to show it.
  if (log_bytes_ <= (plan_.bug == Bug::cut_before_results ? 0 : plan_.log_bytes_max)) return;
  log_bytes_ = 0;
  for (std::uint16_t i = 0; i < plan_.shards; ++i) {
    const ShardId id{i};
    auto& log = logs_[i];
    if (log.applied <= log.cut) continue;
    const auto bytes = disk_.get(Family::log, keys::log_entry(id, log.applied));
    if (!bytes || !bytes->has_value()) continue;
    const auto framed = schemas::unframe_log_entry(id, log.applied, **bytes);
    if (!framed) continue;
    batch.remove_range(Family::log, keys::log_entry(id, LogIndex{log.cut.value + 1}),
                       keys::log_entry(id, LogIndex{log.applied.value + 1}));
    log.cut = log.applied;
    log.cut_term = framed->term;
    batch.put(Family::log, keys::log_head(id), schemas::encode_log_head({log.term, log.cut, log.cut_term}));
  }
}

// ---- the log thread (storage/log_writer.cpp, cluster/local_shards.cpp) ----

void Shards::turn() {
  if (writing_ || failure_ || queue_.empty()) return;
  writing_ = true;
  auto jobs = std::exchange(queue_, {});
  storage::WriteBatch batch;
  auto sync = Sync::no;
  for (auto& job : jobs) {
    if (job.batch.empty()) continue;
    if (job.sync == Sync::yes) sync = Sync::yes;
    batch.append(std::move(job.batch));
  }
  const auto takes = batch.empty() ? nanoseconds(0) : disk_.begin_write(batch, sync);
  scheduler_.after(takes, owner_, [this, jobs = std::move(jobs), batch = std::move(batch), sync]() mutable {
    turn_done(std::move(jobs), batch, sync);
  });
}

void Shards::turn_done(std::vector<Job> jobs, const storage::WriteBatch& batch, Sync sync) {
  Status written;
  if (!batch.empty()) written = disk_.write(batch, sync);
  if (!written) fail(written.error());
  for (auto& job : jobs) {
    if (job.index.value == 0) {
      lost(job.shard, job.token, job.refusal);
    } else if (written) {
      committed(job);
    } else {
      lost(job.shard, job.token, *failure_);
    }
  }
  if (!told_.empty()) {
    if (const auto results = write_results(); !results) {
      lose_results(results.error());
    } else {
      tell();
    }
  }
  writing_ = false;
  if (failure_) return try_recovery(kFirstPause);
  turn();
}

void Shards::committed(Job& job) {
  if (broken_) return lost(job.shard, job.token, make_error(Errc::storage_unavailable));
  if (const auto applied = apply(job.shard, job.index, job.token, std::move(job.commands)); !applied) {
    lose_results(applied.error());
    lost(job.shard, job.token, applied.error());
  }
}

void Shards::lost(ShardId shard, cluster::EntryToken token, const Error& error) {
  if (token != 0) listener_.on_refused(shard, token, error);
}

Status Shards::apply(ShardId shard, LogIndex index, cluster::EntryToken token, std::vector<Command> commands) {
  auto effects = machines_[shard.value].apply(index, std::move(commands));
  if (!effects) return effects.error();
  touched_[shard.value] = true;
  told_.push_back({shard, index, token, std::move(effects).value()});
  return {};
}

Status Shards::write_results() {
  storage::WriteBatch batch;
  auto sync = Sync::no;
  for (std::uint16_t i = 0; i < plan_.shards; ++i) {
    if (!touched_[i]) continue;
    machines_[i].take_writes(batch);
    if (machines_[i].must_sync()) sync = Sync::yes;
    logs_[i].applied = machines_[i].applied();
    touched_[i] = false;
  }
  if (plan_.bug == Bug::cut_before_results) {
    storage::WriteBatch cut;
    cut_logs(cut);
    if (const auto written = cut.empty() ? Status{} : disk_.write(cut, Sync::no); !written) return written;
  } else {
    cut_logs(batch);
  }
  return batch.empty() ? Status{} : disk_.write(batch, sync);
}

Status Shards::begin_lineage() {
  storage::WriteBatch batch;
  for (auto& machine : machines_) {
    machine.begin_lineage();
    machine.take_writes(batch);
  }
  return disk_.write(batch, Sync::yes);
}

void Shards::tell() {
  for (auto& one : std::exchange(told_, {})) listener_.on_applied(one.shard, one.token, std::move(one.effects));
}

void Shards::lose_results(const Error& error) {
  broken_ = true;
  for (const auto& one : told_) lost(one.shard, one.token, error);
  keep_unknown();
  fail(error);
}

void Shards::keep_unknown() {
  touched_.assign(plan_.shards, false);
  for (auto& one : std::exchange(told_, {})) unknown_.push_back(std::move(one));
}

void Shards::tell_unknown(ShardId id, LogIndex applied) {
  for (auto& one : unknown_) {
    if (one.shard == id && one.index <= applied) listener_.on_applied(id, 0, std::move(one.effects));
  }
  std::erase_if(unknown_, [id](const Told& one) { return one.shard == id; });
}

void Shards::fail(const Error& error) {
  if (failure_) return;
  failure_ = make_error(Errc::storage_unavailable, error.message);
  up_ = false;
  scheduler_.note("storage failed", error.message);
}

void Shards::try_recovery(milliseconds pause) {
  if (disk_.recover()) {
    failure_.reset();
    if (const auto loaded = load(true); !loaded) {
      keep_unknown();
      fail(loaded.error());
    }
    if (!failure_) {
      broken_ = false;
      refuse_waiting();
      up_ = true;
      scheduler_.note("storage recovered");
      return;
    }
  }
  refuse_waiting();
  scheduler_.after(pause, owner_, [this, pause] { try_recovery(std::min(pause * 2, kLongestPause)); });
}

void Shards::refuse_waiting() {
  const auto why = make_error(Errc::storage_unavailable);
  for (auto& job : std::exchange(queue_, {})) lost(job.shard, job.token, why);
}

Status Shards::load(bool tell_effects) {
  if (const auto opened = open_log(); !opened) return opened;
  for (std::uint16_t i = 0; i < plan_.shards; ++i) {
    if (const auto loaded = machines_[i].load(); !loaded) return loaded;
    tell_unknown(ShardId{i}, machines_[i].applied());
    if (const auto replayed = replay(ShardId{i}, machines_[i].applied()); !replayed) return replayed;
  }
  if (const auto written = write_results(); !written) return written;
  // Each start here is one after a power loss, each recovery one of a disk that lost what was not synced.
  if (plan_.bug != Bug::epoch_kept) {
    if (const auto begun = begin_lineage(); !begun) return begun;
  }
  if (!tell_effects) told_.clear();
  tell();
  return {};
}

// ---- the reader thread ----

void Shards::sweep() {
  scheduler_.after(kSweepInterval, owner_, [this] {
    for (std::uint16_t i = 0; i < plan_.shards && up_; ++i) {
      std::vector<Command> due;
      const auto range = keys::metas(ShardId{i});
      const auto scanned =
          disk_.scan(Family::state, range.from, range.to, storage::ScanOrder::forward,
                     [&](std::string_view key, std::string_view value) {
                       auto channel = keys::meta_channel(key);
                       const auto meta = schemas::decode_channel_meta(value);
                       CHECK(channel && meta);
                       if (cluster::retention_due(*meta, scheduler_.wall())) {
                         due.push_back({std::move(*channel), scheduler_.wall(), TrimHistory{meta->retention}});
                       }
                       return storage::Visit::go_on;
                     });
      if (scanned && !due.empty()) propose(ShardId{i}, 0, std::move(due), Sync::no);
    }
    sweep();
  });
}

void Shards::open_channel(const ChannelKey& channel, std::function<void(Result<cluster::ChannelState>)> done) {
  reads_.post(scheduler_, scheduler_.between(microseconds(10), microseconds(400)), owner_,
              [this, channel, done = std::move(done)] { done(reader_.open_channel(channel)); });
}

void Shards::read_history(GetHistory query, std::function<void(Result<HistoryPage>)> done) {
  if (query.since && plan_.bug == Bug::resume_off_by_one) ++query.since->offset.value;
  if (query.since && plan_.bug == Bug::resume_repeats && query.since->offset.value > 0) --query.since->offset.value;
  reads_.post(scheduler_, scheduler_.between(microseconds(10), milliseconds(2)), owner_,
              [this, query = std::move(query), done = std::move(done)] {
                auto page = reader_.read_history(query);
                scheduler_.note(
                    "read", page ? query.channel.text() + " to " + position_text(page->newest) : page.error().message);
                done(std::move(page));
              });
}

void Shards::read_cursor(const ChannelKey& channel, const std::string& client_id,
                         std::function<void(Result<CursorFound>)> done) {
  reads_.post(scheduler_, scheduler_.between(microseconds(10), microseconds(400)), owner_,
              [this, channel, client_id, done = std::move(done)] {
                done(reader_.read_cursor(channel, client_id, scheduler_.wall(), kCursorLifetime));
              });
}

}  // namespace parley::sim
