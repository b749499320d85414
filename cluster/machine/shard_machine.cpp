#include "cluster/machine/shard_machine.h"

#include "cluster/machine/lineage.h"
#include "cluster/machine/retention.h"
#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::cluster {
namespace {

using storage::Family;
namespace keys = storage::keys;

// Below this many records, a history is erased by single deletes: see retention.h on range tombstones.
constexpr std::uint64_t kRangeDeleteMin = 1'024;

}  // namespace

ShardMachine::ShardMachine(ShardId shard, MachineConfig config, const storage::Store& store)
    : shard_(shard),
      config_(config),
      store_(store),
      writes_(store),
      metas_(shard, store, config.metas_cached_max),
      remembered_(shard, config.idempotency_window, config.idempotency_keys_max),
      notices_(shard),
      sessions_(shard),
      cursors_(shard) {}

Status ShardMachine::load(std::optional<LogIndex> applied) {
  writes_.forget();
  metas_.forget();
  applied_ = {};
  applied_changed_ = false;
  const auto stored = store_.get(Family::state, keys::applied(shard_));
  if (!stored) return stored.error();
  if (stored->has_value()) {
    const auto index = keys::parse_number(**stored);
    if (!index)
      return make_error(Errc::corrupt, fmt::format("shard {}: its applied index is unreadable", shard_.value));
    applied_ = LogIndex{*index};
  }
  if (applied) applied_ = *applied;
  lineage_ = 0;
  lineage_changed_ = must_sync_ = false;
  const auto lineage = store_.get(Family::state, keys::lineage(shard_));
  if (!lineage) return lineage.error();
  if (lineage->has_value()) {
    const auto number = keys::parse_number(**lineage);
    if (!number) return make_error(Errc::corrupt, fmt::format("shard {}: its lineage is unreadable", shard_.value));
    lineage_ = *number;
  }
  if (auto loaded = notices_.load(store_); !loaded) return loaded;
  if (auto loaded = sessions_.load(store_); !loaded) return loaded;
  if (auto loaded = cursors_.load(store_); !loaded) return loaded;
  return remembered_.load(store_);
}

void ShardMachine::begin_lineage() {
  ++lineage_;
  lineage_changed_ = true;
}

Result<std::vector<Effect>> ShardMachine::apply(LogIndex index, std::vector<Command> commands,
                                                const MachineBounds& bounds) {
  CHECK(index.value == applied_.value + 1);  // the log gives entries in order; anything else is our bug
  bounds_ = bounds;
  if (bounds_.idempotency_window.count() == 0) bounds_.idempotency_window = config_.idempotency_window;
  if (bounds_.idempotency_keys_max == 0) bounds_.idempotency_keys_max = config_.idempotency_keys_max;
  if (bounds_.cursor_lifetime.count() == 0) bounds_.cursor_lifetime = config_.cursor_lifetime;
  remembered_.bound(bounds_.idempotency_window, bounds_.idempotency_keys_max);
  std::vector<Effect> effects;
  effects.reserve(commands.size());
  for (auto& command : commands) {
    auto what = std::visit([&](auto& one) { return run(command.channel, command.time, std::move(one)); }, command.what);
    if (!what) return what.error();
    effects.push_back(Effect{std::move(command.channel), std::move(what).value()});
  }
  applied_ = index;
  applied_changed_ = true;
  return effects;
}

void ShardMachine::take_writes(storage::WriteBatch& batch) {
  metas_.write_changed(batch);
  writes_.take(batch);
  if (applied_changed_) batch.put(Family::state, keys::applied(shard_), keys::number(applied_.value));
  applied_changed_ = false;
  if (lineage_changed_) batch.put(Family::state, keys::lineage(shard_), keys::number(lineage_));
  lineage_changed_ = false;
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& channel, WallTime time, AppendPublication&& command) {
  const auto found = metas_.get(channel);
  if (!found) return found.error();
  auto& meta = **found;
  if (!command.idempotency_key.empty()) {
    if (auto first = remembered_.find_key(channel, command.key_scope, command.idempotency_key, time)) {
      // What is stored of a lineage before goes by the name it has in this one, as for everybody who reads it.
      if (first->offset <= meta.newest) first->epoch = epoch_in(meta, lineage_);
      return What(Effect::Duplicate{*first});
    }
  }
  if (!command.once.empty()) {
    const auto seen = remembered_.judge_once(channel, command.once, command.once_repeat, time);
    if (seen == RememberedTable::Once::replayed) return What(Effect::Replayed{});
    // Its time began with the first one.
    if (seen == RememberedTable::Once::again) command.once.clear();
  }

  if (!Position{meta.epoch, {}}.exists()) {
    meta.epoch = command.epoch_if_new.value != 0 ? command.epoch_if_new : first_epoch(channel, time);
  } else {
    meta.epoch = epoch_in(meta, lineage_);
    must_sync_ = must_sync_ || (command.unsynced && !meta.unsynced);
  }
  meta.unsynced = command.unsynced;
  meta.lineage = lineage_;
  auto publication = std::make_shared<Publication>();
  publication->event = std::move(command.event);
  publication->data = std::move(command.data);
  publication->kind = command.kind;
  publication->user_id = std::move(command.user_id);
  publication->id_form = command.id_form;
  publication->except = command.except;
  publication->position = {meta.epoch, Offset{meta.newest.value + 1}};
  publication->time = time;

  auto record = schemas::encode_publication(*publication);
  if (meta.stored_from > meta.newest) meta.oldest_time = time;
  meta.newest = publication->position.offset;
  meta.bytes += record.size();
  meta.retention = command.retention;
  if (command.cache) meta.cached = meta.newest;
  writes_.put(Family::history, keys::publication(shard_, channel, meta.newest), std::move(record));
  const auto trimmed = retain_after_append({shard_, channel, command.retention, time}, meta, writes_);
  if (!trimmed) return trimmed.error();
  trimmed_ += *trimmed;
  if (meta.cached < meta.oldest) meta.cached = {};
  metas_.changed(channel);

  if (!command.idempotency_key.empty() || !command.once.empty()) {
    remembered_.add({channel.text(), std::move(command.idempotency_key), std::move(command.once), publication->position,
                     time, std::move(command.key_scope)},
                    writes_);
  }
  return What(Effect::Appended{std::move(publication)});
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& channel, WallTime, RemovePublication&& command) {
  const auto found = metas_.get(channel);
  if (!found) return found.error();
  auto& meta = **found;
  const auto offset = command.position.offset;
  if (command.position.epoch != epoch_in(meta, lineage_) || offset < meta.stored_from || offset > meta.newest) {
    return What(Effect::Nothing{});
  }
  auto key = keys::publication(shard_, channel, offset);
  const auto stored = writes_.get(Family::history, key);
  if (!stored) return stored.error();
  if (!stored->has_value()) {
    return make_error(Errc::corrupt,
                      fmt::format("{}: publication {} is missing in the history", channel.text(), offset.value));
  }
  const auto old = schemas::decode_publication(**stored);
  if (!old) return old.error();
  if (old->deleted) return What(Effect::Nothing{});
  Publication hole;
  hole.time = old->time;
  hole.deleted = true;
  auto record = schemas::encode_publication(hole);
  meta.bytes = meta.bytes - std::min<std::uint64_t>(meta.bytes, (*stored)->size()) + record.size();
  if (meta.cached == offset) meta.cached = {};
  writes_.put(Family::history, std::move(key), std::move(record));
  metas_.changed(channel);
  // Below `oldest` nobody saw it any more, but its data is gone now too.
  if (offset < meta.oldest) return What(Effect::Nothing{});
  return What(Effect::Removed{1});
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& channel, WallTime, RemoveHistory&&) {
  const auto found = metas_.get(channel);
  if (!found) return found.error();
  auto& meta = **found;
  if (meta.newest.value == 0) return What(Effect::Nothing{});
  const auto count = meta.count();
  if (meta.newest.value + 1 - meta.stored_from.value >= kRangeDeleteMin) {
    auto range = keys::publications(shard_, channel, meta.stored_from, meta.newest);
    writes_.remove_range(Family::history, std::move(range.from), std::move(range.to));
  } else {
    for (auto offset = meta.stored_from; offset <= meta.newest; ++offset.value) {
      writes_.remove(Family::history, keys::publication(shard_, channel, offset));
    }
  }
  meta.oldest = meta.stored_from = Offset{meta.newest.value + 1};
  meta.bytes = 0;
  meta.cached = {};
  metas_.changed(channel);
  return What(Effect::Removed{count});
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& channel, WallTime time, TrimHistory&& command) {
  const auto found = metas_.get(channel);
  if (!found) return found.error();
  auto& meta = **found;
  const auto trimmed = retain_now({shard_, channel, command.retention, time}, meta, writes_, kTrimCommandMax);
  if (!trimmed) return trimmed.error();
  trimmed_ += *trimmed;
  if (meta.cached < meta.oldest) meta.cached = {};
  if (meta.cursors > 0 && meta.cursors_oldest + bounds_.cursor_lifetime <= time) {
    if (const auto dropped = drop_cursors(channel, meta, time, {}); !dropped) return dropped.error();
  }
  metas_.changed(channel);
  if (*trimmed == 0) return What(Effect::Nothing{});
  return What(Effect::Removed{*trimmed});
}

}  // namespace parley::cluster
