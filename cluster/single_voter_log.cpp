#include "cluster/single_voter_log.h"

#include "schemas/codec.h"
#include "schemas/log_frame.h"
#include "storage/keys.h"

#include <fmt/format.h>

namespace parley::cluster {
namespace {

// Fewer than this many entries go one by one: a range tombstone costs whoever reads past it.
constexpr std::uint64_t kRangeDeleteMin = 16;

}  // namespace

using storage::Family;
namespace keys = storage::keys;

SingleVoterLog::SingleVoterLog(std::uint16_t shard_count, std::uint64_t bytes_max, storage::Store& store,
                               storage::LogWriter& writer, const Clock& clock, const Metrics& metrics,
                               CommitListener& listener)
    : bytes_max_(bytes_max), store_(store), writer_(writer), clock_(clock), metrics_(metrics), listener_(listener) {
  for (std::uint16_t i = 0; i < shard_count; ++i) shards_.push_back(std::make_unique<Shard>());
}

Status SingleVoterLog::open() {
  storage::WriteBatch heads;
  bytes_ = 0;
  for (std::uint16_t i = 0; i < shards_.size(); ++i) {
    const ShardId id{i};
    auto& shard = *shards_[i];
    MutexLock lock(shard.mutex);
    if (const auto found = read(id, shard); !found) return found;
    ++shard.term.value;
    heads.put(Family::log, keys::log_head(id), schemas::encode_log_head({shard.term, shard.cut, shard.cut_term}));
  }
  return store_.write(heads, storage::Sync::yes);
}

Status SingleVoterLog::read(ShardId id, Shard& shard) const {
  shard.term = shard.cut_term = {};
  shard.last = shard.cut = shard.applied = {};
  const auto stored = store_.get(Family::log, keys::log_head(id));
  if (!stored) return stored.error();
  if (stored->has_value()) {
    const auto head = schemas::decode_log_head(**stored);
    if (!head) return head.error();
    shard.term = head->term;
    shard.cut = head->cut_index;
    shard.cut_term = head->cut_term;
  }
  const auto range = keys::log_entries(id);
  LogIndex last = shard.cut;
  const auto scanned =
      store_.scan(Family::log, range.from, range.to, storage::ScanOrder::backward, [&](std::string_view key, auto) {
        if (const auto index = keys::log_index(key)) last = std::max(last, *index);
        return storage::Visit::stop;
      });
  shard.last = shard.found = last;
  return scanned;
}

Status SingleVoterLog::replay(ShardId id, LogIndex applied, const Replay& visit) const {
  auto& shard = *shards_[id.value];
  LogIndex last;
  {
    const MutexLock lock(shard.mutex);
    last = shard.last;
  }
  if (applied < shard.cut || applied > last) {
    return make_error(Errc::corrupt, fmt::format("shard {}: its state is at entry {}, its log has {} to {}", id.value,
                                                 applied.value, shard.cut.value + 1, last.value));
  }
  // One entry at a time: who applies it reads the store himself.
  for (LogIndex index{applied.value + 1}; index <= last; ++index.value) {
    const auto bytes = store_.get(Family::log, keys::log_entry(id, index));
    if (!bytes) return bytes.error();
    if (!bytes->has_value()) {
      return make_error(Errc::corrupt, fmt::format("log entry {} of shard {} is missing", index.value, id.value));
    }
    const auto framed = schemas::unframe_log_entry(id, index, **bytes);
    if (!framed) return framed.error();
    auto entry = schemas::decode_entry(framed->payload);
    if (!entry) {
      return make_error(entry.error().code,
                        fmt::format("log entry {} of shard {}: {}", index.value, id.value, entry.error().message));
    }
    if (auto visited = visit({id, index, 0, std::move(entry->commands), entry->bounds}); !visited) return visited;
  }
  return {};
}

Term SingleVoterLog::term(ShardId id) const {
  const auto& shard = *shards_[id.value];
  const MutexLock lock(shard.mutex);
  return shard.term;
}

void SingleVoterLog::propose(ShardId id, EntryToken token, std::vector<Command> commands, const MachineBounds& bounds,
                             storage::Sync sync) {
  const auto payload = schemas::encode_entry(clock_.wall(), commands, bounds);
  const auto count = commands.size();
  auto& shard = *shards_[id.value];
  {
    MutexLock lock(shard.mutex);
    // Asked under the lock: an index that open() does not know of must not be given away while the
    // log is down (see log_writer.h).
    if (writer_.available()) {
      const LogIndex index{++shard.last.value};
      storage::LogJob job;
      auto key = keys::log_entry(id, index);
      auto framed = schemas::frame_log_entry({id, shard.term, index}, payload);
      const auto bytes = key.size() + framed.size();
      job.batch.put(Family::log, std::move(key), std::move(framed));
      job.sync = sync;
      job.commands = count;
      job.done = [this, id, index, token, bytes, bounds, entry = std::move(commands)](const Status& written) mutable {
        if (written) {
          bytes_ += bytes;
          metrics_.log_bytes.set(static_cast<double>(bytes_));
          listener_.on_committed({id, index, token, std::move(entry), bounds, true});
        } else {
          listener_.on_lost(id, token, entry.size(), written.error());
        }
      };
      writer_.submit(std::move(job));
      metrics_.log_entries.add();
      return;
    }
  }
  refuse(id, token, count, make_error(Errc::storage_unavailable));
}

void SingleVoterLog::applied(ShardId id, LogIndex index) { shards_[id.value]->applied = index; }

void SingleVoterLog::cut(storage::WriteBatch& batch) {
  if (bytes_ <= bytes_max_) return;
  for (std::uint16_t i = 0; i < shards_.size(); ++i) {
    auto& shard = *shards_[i];
    // What was found was cut when it was applied: all that is left is of this term.
    if (shard.applied > shard.found) cut_shard(ShardId{i}, shard, present_term(shard), batch);
  }
  bytes_ = 0;
  metrics_.log_bytes.set(0);
  metrics_.log_cuts.add();
}

void SingleVoterLog::cut_found(storage::WriteBatch& batch) {
  for (std::uint16_t i = 0; i < shards_.size(); ++i) {
    const ShardId id{i};
    auto& shard = *shards_[i];
    if (shard.applied <= shard.cut) continue;
    // An applied entry that is damaged by now harms nobody any more.
    const auto term = term_at(id, shard.applied);
    cut_shard(id, shard, term ? *term : Term{present_term(shard).value - 1}, batch);
  }
  bytes_ = 0;
  metrics_.log_bytes.set(0);
}

Term SingleVoterLog::present_term(Shard& shard) {
  const MutexLock lock(shard.mutex);
  return shard.term;
}

void SingleVoterLog::cut_shard(ShardId id, Shard& shard, Term cut_term, storage::WriteBatch& batch) {
  if (shard.applied <= shard.cut) return;
  const LogIndex first{shard.cut.value + 1};
  if (shard.applied.value - shard.cut.value >= kRangeDeleteMin) {
    batch.remove_range(Family::log, keys::log_entry(id, first), keys::log_entry(id, LogIndex{shard.applied.value + 1}));
  } else {
    for (auto index = first; index <= shard.applied; ++index.value) {
      batch.remove(Family::log, keys::log_entry(id, index));
    }
  }
  const MutexLock lock(shard.mutex);
  shard.cut = shard.applied;
  shard.cut_term = cut_term;
  batch.put(Family::log, keys::log_head(id), schemas::encode_log_head({shard.term, shard.cut, shard.cut_term}));
}

Result<Term> SingleVoterLog::term_at(ShardId id, LogIndex index) const {
  const auto bytes = store_.get(Family::log, keys::log_entry(id, index));
  if (!bytes) return bytes.error();
  if (!bytes->has_value()) return make_error(Errc::corrupt);
  const auto framed = schemas::unframe_log_entry(id, index, **bytes);
  if (!framed) return framed.error();
  return framed->term;
}

void SingleVoterLog::refuse(ShardId id, EntryToken token, std::size_t commands, Error error) {
  storage::LogJob job;
  job.sync = storage::Sync::no;
  job.done = [this, id, token, commands, why = std::move(error)](const Status&) {
    listener_.on_lost(id, token, commands, why);
  };
  writer_.submit(std::move(job));
}

}  // namespace parley::cluster
