// Confirmed positions of stock clients: kept for channels that exist, bounded in number and bytes, forgotten in time or
// when others need the room. What is forgotten before its time leaves a mark on its channel, so that nobody who comes
// back without a position is taken for one who is there for the first time.

#include "cluster/machine/lineage.h"
#include "cluster/machine/shard_machine.h"
#include "storage/keys.h"

#include <algorithm>

namespace parley::cluster {

using storage::Family;
namespace keys = storage::keys;

Result<ShardMachine::What> ShardMachine::run(const ChannelKey& channel, WallTime time, SaveCursors&& command) {
  const auto found = metas_.get(channel);
  if (!found) return found.error();
  auto& meta = **found;
  const bool holds_nothing = meta.epoch.value == 0 && meta.cursors == 0;
  // An offset of an epoch is of a history that was there, and whose end was lost.
  if (command.kept_for == SaveCursors::For::published && holds_nothing &&
      std::none_of(command.cursors.begin(), command.cursors.end(),
                   [](const auto& one) { return one.epoch.value != 0; })) {
    return What(Effect::Nothing{});
  }
  for (const auto& cursor : command.cursors) {
    if (auto saved = save_cursor(channel, meta, cursor, time); !saved) return saved.error();
  }
  meta.cursors_unsure_until = std::max(meta.cursors_unsure_until, command.unsure_until);
  auto bounds = command.bounds;
  if (bounds.per_channel_max == 0) bounds.per_channel_max = config_.cursors_per_channel_max;
  if (meta.cursors > bounds.per_channel_max) {
    if (const auto dropped = drop_cursors(channel, meta, time, bounds); !dropped) return dropped.error();
  }
  metas_.changed(channel);
  const bool over = std::any_of(command.cursors.begin(), command.cursors.end(),
                                [&](const auto& cursor) { return cursors_.over(bounds, cursor.origin); });
  if (over) {
    if (const auto dropped = drop_surplus(bounds, time); !dropped) return dropped.error();
  }
  return What(Effect::Nothing{});
}

Status ShardMachine::save_cursor(const ChannelKey& channel, Meta& meta, const SaveCursors::Cursor& cursor,
                                 WallTime time) {
  auto key = keys::cursor(shard_, channel, cursor.client_id);
  const auto stored = writes_.get(Family::state, key);
  if (!stored) return stored.error();
  const bool known = stored->has_value();
  const bool other_life = cursor.epoch.value != 0 && cursor.epoch != epoch_in(meta, lineage_);
  schemas::Cursor place{.offset = other_life ? cursor.offset : std::min(cursor.offset, meta.newest),
                        .time = time,
                        .origin = cursor.origin,
                        .epoch = cursor.epoch,
                        .owes_gap = cursor.owes_gap};
  if (known) {
    const auto before = schemas::decode_cursor(**stored);
    if (!before) return before.error();
    // What is said of another life of the channel is no place in this one. Whoever has none in any is told of it.
    if (other_life && before->epoch.value != 0 && !cursor.forget) return {};
    const bool goes_on = before->epoch == place.epoch || place.epoch.value == 0 ||
                         (before->epoch.value == 0 && before->offset <= meta.newest && !other_life);
    if (goes_on && before->offset > place.offset) {  // a confirmation that comes late takes nothing back
      place.offset = before->offset;
      place.owes_gap = before->owes_gap;
    }
    if (place.epoch.value == 0) place.epoch = before->epoch;
    cursors_.remove(before->origin, bytes_of_cursor(key, **stored));
  }
  if (cursor.forget) {
    if (!known) return {};
    writes_.remove(Family::state, std::move(key));
    --meta.cursors;
    return {};
  }
  if (!known) {
    if (meta.cursors == 0) meta.cursors_oldest = time;
    ++meta.cursors;
  }
  auto value = schemas::encode_cursor(place);
  cursors_.add(cursor.origin, bytes_of_cursor(key, value));
  writes_.put(Family::state, std::move(key), std::move(value));
  return {};
}

// Expired ones; then, if there are still too many, so many that the next scan is far away.
Status ShardMachine::drop_cursors(const ChannelKey& channel, Meta& meta, WallTime now, const CursorBounds& bounds) {
  std::vector<StoredCursor> cursors;
  Status outcome;
  const auto range = keys::cursors(shard_, channel);
  const auto scanned =
      writes_.scan(Family::state, range.from, range.to, [&](std::string_view key, std::string_view value) {
        const auto cursor = schemas::decode_cursor(value);
        if (!cursor) {
          outcome = cursor.error();
          return storage::Visit::stop;
        }
        cursors.push_back({std::string(key), cursor->time, cursor->origin, bytes_of_cursor(key, value)});
        return storage::Visit::go_on;
      });
  if (!scanned) return scanned;
  if (!outcome) return outcome;
  const auto expired = std::stable_partition(cursors.begin(), cursors.end(), [&](const StoredCursor& one) {
    return one.time + bounds_.cursor_lifetime > now;
  });
  for (auto one = expired; one != cursors.end(); ++one) {
    cursors_.remove(one->origin, one->bytes);
    writes_.remove(Family::state, one->key);
  }
  cursors.erase(expired, cursors.end());
  meta.cursors = static_cast<std::uint32_t>(cursors.size());
  if (const auto max = bounds.per_channel_max; max > 0 && cursors.size() > max) {
    for (const auto& one : surplus(cursors, max - max / 8, CursorsBy::number)) forget(one, meta, now);
  }
  const auto oldest = std::min_element(cursors.begin(), cursors.end(),
                                       [](const StoredCursor& a, const StoredCursor& b) { return a.time < b.time; });
  meta.cursors_oldest = oldest == cursors.end() ? WallTime{} : oldest->time;
  return {};
}

// Of all channels: the shard, or one origin in it, has more than its bytes.
Status ShardMachine::drop_surplus(const CursorBounds& bounds, WallTime now) {
  auto gone = cursors_.over_bounds(bounds, writes_);
  if (!gone) return gone.error();
  for (const auto& one : *gone) {
    const auto channel = keys::cursor_channel(one.key);
    if (!channel) return make_error(Errc::corrupt, "a position is stored under a key that is none");
    const auto meta = metas_.get(*channel);
    if (!meta) return meta.error();
    forget(one, **meta, now);
    metas_.changed(*channel);
  }
  return {};
}

void ShardMachine::forget(const StoredCursor& cursor, Meta& meta, WallTime now) {
  const auto known_until = cursor.time + bounds_.cursor_lifetime;
  if (known_until > now) {
    meta.cursors_unsure_until = std::max(meta.cursors_unsure_until, known_until);
    cursors_.count_forgotten(1);
  }
  if (meta.cursors > 0) --meta.cursors;
  cursors_.remove(cursor.origin, cursor.bytes);
  writes_.remove(Family::state, cursor.key);
}

}  // namespace parley::cluster
