#include "cluster/session_table.h"

#include "schemas/codec.h"
#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace parley::cluster {

using storage::Family;
namespace keys = storage::keys;

Status SessionTable::load(const storage::Store& store) {
  ends_.clear();
  by_place_.clear();
  evicted_ = 0;
  Status outcome;
  const auto range = keys::session_ends(shard_);
  const auto scanned = store.scan(
      Family::state, range.from, range.to, storage::ScanOrder::forward, [&](std::string_view key, std::string_view) {
        const auto end = keys::parse_session_end(key);
        if (!end || by_place_.contains(end->place.text())) {
          outcome = make_error(Errc::corrupt, fmt::format("the kept sessions of shard {} are damaged", shard_.value));
          return storage::Visit::stop;
        }
        add(end->place, end->expires);
        return storage::Visit::go_on;
      });
  return scanned ? outcome : scanned;
}

void SessionTable::save(const ChannelKey& place, SaveSession&& command, WallTime now, storage::PendingWrites& writes) {
  drop_expired(now, writes);
  if (const auto before = by_place_.find(place.text()); before != by_place_.end()) remove(before, writes);
  make_room(command.kept_max, now, writes);
  const WallTime expires{std::max<std::int64_t>(command.expires.ms, 0)};
  add(place, expires);
  writes.put(Family::state, keys::kept_session(shard_, place),
             schemas::encode_kept_session({std::move(command.record), expires}));
  writes.put(Family::state, keys::session_end(shard_, expires, place), {});
}

Result<Effect::Claimed> SessionTable::claim(const ChannelKey& place, WallTime now, storage::PendingWrites& writes) {
  drop_expired(now, writes);
  const auto kept = by_place_.find(place.text());
  if (kept == by_place_.end()) return Effect::Claimed{};
  Effect::Claimed claimed;
  if (kept->second > now) {
    const auto stored = writes.get(Family::state, keys::kept_session(shard_, place));
    if (!stored) return stored.error();
    // Its name is a secret: it stands in no log.
    if (!stored->has_value()) {
      return make_error(Errc::corrupt, fmt::format("a kept session of shard {} is missing", shard_.value));
    }
    auto session = schemas::decode_kept_session(**stored);
    if (!session) return session.error();
    claimed.record = std::move(session->record);
    claimed.expires = session->expires;
  }
  remove(kept, writes);
  return claimed;
}

void SessionTable::forget(const ChannelKey& place, bool if_expired, WallTime now, storage::PendingWrites& writes) {
  drop_expired(now, writes);
  const auto kept = by_place_.find(place.text());
  if (kept == by_place_.end() || (if_expired && kept->second > now)) return;
  remove(kept, writes);
}

void SessionTable::add(const ChannelKey& place, WallTime expires) {
  const auto kept = by_place_.emplace(place.text(), expires).first;
  ends_.emplace(expires, kept->first);
}

void SessionTable::remove(ByPlace::iterator session, storage::PendingWrites& writes) {
  const auto place = ChannelKey::from_text(session->first);
  writes.remove(Family::state, keys::kept_session(shard_, place));
  writes.remove(Family::state, keys::session_end(shard_, session->second, place));
  ends_.erase({session->second, session->first});
  by_place_.erase(session);
}

void SessionTable::remove_first(storage::PendingWrites& writes) {
  remove(by_place_.find(ends_.begin()->second), writes);
}

void SessionTable::remove_last(storage::PendingWrites& writes) {
  remove(by_place_.find(std::prev(ends_.end())->second), writes);
}

void SessionTable::drop_expired(WallTime now, storage::PendingWrites& writes) {
  for (std::size_t i = 0; i < kSessionsDroppedAtOnceMax && !ends_.empty() && ends_.begin()->first <= now; ++i) {
    remove_first(writes);
  }
}

// Under a bound that was lowered there are more than one too many: it is reached step by step.
void SessionTable::make_room(std::uint64_t kept_max, WallTime now, storage::PendingWrites& writes) {
  for (std::size_t i = 0; i < kSessionsDroppedAtOnceMax && kept_max > 0 && ends_.size() >= kept_max; ++i) {
    if (ends_.begin()->first <= now) {
      remove_first(writes);
    } else {
      ++evicted_;
      remove_last(writes);
    }
  }
}

}  // namespace parley::cluster
