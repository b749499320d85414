#include "cluster/shard_machine.h"

#include "cluster/retention.h"
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
      sessions_(shard) {}

Status ShardMachine::load() {
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
  if (auto loaded = notices_.load(store_); !loaded) return loaded;
  if (auto loaded = sessions_.load(store_); !loaded) return loaded;
  return remembered_.load(store_);
}

Result<std::vector<Effect>> ShardMachine::apply(LogIndex index, std::vector<Command> commands) {
  CHECK(index.value == applied_.value + 1);  // the log gives entries in order; anything else is our bug
  std::vector<Effect> effects;
  effects.reserve(commands.size());
  for (auto& command : commands) {
    auto what = std::visit([&](auto& one) { return run(command.channel, command.time, std::move(one)); }, command.what);
    if (!what) return what.error();
    effects.push_back(Effect{std::move(command.channel), 0, std::move(what).value()});
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
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& channel, WallTime time, AppendPublication&& command) {
  if (!command.idempotency_key.empty()) {
    if (const auto first = remembered_.find_key(channel, command.idempotency_key, time))
      return What(Effect::Duplicate{*first});
  }
  if (!command.once.empty() && remembered_.knows_once(channel, command.once, time)) return What(Effect::Replayed{});

  const auto found = metas_.get(channel);
  if (!found) return found.error();
  auto& meta = **found;
  if (!Position{meta.epoch, {}}.exists()) {
    CHECK(command.epoch_if_new.value != 0);  // the proposer always sends one: it cannot know
    meta.epoch = command.epoch_if_new;
  }
  auto publication = std::make_shared<Publication>();
  publication->event = std::move(command.event);
  publication->data = std::move(command.data);
  publication->kind = command.kind;
  publication->user_id = std::move(command.user_id);
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
    remembered_.add(
        {channel.text(), std::move(command.idempotency_key), std::move(command.once), publication->position, time},
        writes_);
  }
  return What(Effect::Appended{std::move(publication)});
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& channel, WallTime, RemovePublication&& command) {
  const auto found = metas_.get(channel);
  if (!found) return found.error();
  auto& meta = **found;
  const auto offset = command.position.offset;
  if (command.position.epoch != meta.epoch || offset < meta.stored_from || offset > meta.newest) {
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
  if (meta.cursors > 0 && meta.cursors_oldest + config_.cursor_lifetime <= time) {
    if (const auto dropped = drop_cursors(channel, meta, time); !dropped) return dropped.error();
  }
  metas_.changed(channel);
  if (*trimmed == 0) return What(Effect::Nothing{});
  return What(Effect::Removed{*trimmed});
}

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& channel, WallTime time, SaveCursors&& command) {
  const auto found = metas_.get(channel);
  if (!found) return found.error();
  auto& meta = **found;
  for (const auto& cursor : command.cursors) {
    auto key = keys::cursor(shard_, channel, cursor.client_id);
    const auto stored = writes_.get(Family::state, key);
    if (!stored) return stored.error();
    const bool known = stored->has_value();
    if (cursor.forget) {
      if (!known) continue;
      writes_.remove(Family::state, std::move(key));
      --meta.cursors;
      continue;
    }
    auto offset = std::min(cursor.offset, meta.newest);
    if (known) {
      const auto before = schemas::decode_cursor(**stored);
      if (!before) return before.error();
      offset = std::max(offset, before->offset);  // a confirmation that comes late takes nothing back
    } else {
      if (meta.cursors == 0) meta.cursors_oldest = time;
      ++meta.cursors;
    }
    writes_.put(Family::state, std::move(key), schemas::encode_cursor({offset, time}));
  }
  if (meta.cursors > config_.cursors_per_channel_max) {
    if (const auto dropped = drop_cursors(channel, meta, time); !dropped) return dropped.error();
  }
  metas_.changed(channel);
  return What(Effect::Nothing{});
}

// Expired ones; then, if there are still too many, the oldest down to seven eighths of the bound, so
// that the next scan is far away.
Status ShardMachine::drop_cursors(const ChannelKey& channel, Meta& meta, WallTime now) {
  struct Stored {
    WallTime time;
    std::string key;
  };
  std::vector<Stored> cursors;
  Status outcome;
  const auto range = keys::cursors(shard_, channel);
  const auto scanned =
      writes_.scan(Family::state, range.from, range.to, [&](std::string_view key, std::string_view value) {
        const auto cursor = schemas::decode_cursor(value);
        if (!cursor) {
          outcome = cursor.error();
          return storage::Visit::stop;
        }
        cursors.push_back({cursor->time, std::string(key)});
        return storage::Visit::go_on;
      });
  if (!scanned) return scanned;
  if (!outcome) return outcome;
  std::stable_sort(cursors.begin(), cursors.end(), [](const Stored& a, const Stored& b) { return a.time < b.time; });
  const auto bound = config_.cursors_per_channel_max;
  const auto target = cursors.size() > bound ? bound - bound / 8 : cursors.size();
  std::size_t gone = 0;
  while (gone < cursors.size() &&
         (cursors.size() - gone > target || cursors[gone].time + config_.cursor_lifetime <= now)) {
    writes_.remove(Family::state, std::move(cursors[gone++].key));
  }
  meta.cursors = static_cast<std::uint32_t>(cursors.size() - gone);
  meta.cursors_oldest = gone < cursors.size() ? cursors[gone].time : WallTime{};
  return {};
}

}  // namespace parley::cluster
