#include "cluster/machine/session_table.h"

#include "schemas/codec.h"
#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace parley::cluster {

using storage::Family;
namespace keys = storage::keys;

namespace {
constexpr std::uint64_t kRowBytes = 64;  // what a session weighs besides its record and its name, twice
}

Status SessionTable::load(const storage::Store& store) {
  ends_.clear();
  by_place_.clear();
  shares_.clear();
  by_bytes_.clear();
  bytes_ = 0;
  evicted_ = 0;
  Status outcome;
  const auto range = keys::session_ends(shard_);
  const auto scanned = store.scan(
      Family::state, range.from, range.to, storage::ScanOrder::forward,
      [&](std::string_view key, std::string_view value) {
        const auto end = keys::parse_session_end(key);
        const auto share = keys::parse_session_share(value);
        if (!end || !share || by_place_.contains(end->place.text())) {
          outcome = make_error(Errc::corrupt, fmt::format("the kept sessions of shard {} are damaged", shard_.value));
          return storage::Visit::stop;
        }
        add(end->place, {end->expires, share->origin, share->bytes});
        return storage::Visit::go_on;
      });
  return scanned ? outcome : scanned;
}

void SessionTable::save(const ChannelKey& place, SaveSession&& command, WallTime now, storage::PendingWrites& writes) {
  drop_expired(now, writes);
  if (const auto before = by_place_.find(place.text()); before != by_place_.end()) remove(before, writes);
  const Kept next{WallTime{std::max<std::int64_t>(command.expires.ms, 0)}, command.origin,
                  command.record.size() + 2 * place.text().size() + kRowBytes};
  const auto& bounds = command.bounds;
  const bool by_bytes = bounds.bytes_max > 0 || bounds.origin_bytes_max > 0;
  if (by_bytes) {
    const auto most = [](std::uint64_t a, std::uint64_t b) {
      return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
    };
    if (next.bytes > most(bounds.bytes_max, bounds.origin_bytes_max)) {
      ++evicted_;
      return;
    }
    make_room(bounds, next, now, writes);
  } else {
    make_room_by_number(bounds.kept_max, now, writes);
  }
  add(place, next);
  writes.put(Family::state, keys::kept_session(shard_, place),
             schemas::encode_kept_session({std::move(command.record), next.expires}));
  writes.put(Family::state, keys::session_end(shard_, next.expires, place),
             keys::session_share({next.origin, next.bytes}));
}

Result<Effect::Claimed> SessionTable::claim(const ChannelKey& place, WallTime now, storage::PendingWrites& writes) {
  drop_expired(now, writes);
  const auto kept = by_place_.find(place.text());
  if (kept == by_place_.end()) return Effect::Claimed{};
  Effect::Claimed claimed;
  if (kept->second.expires > now) {
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
  if (kept == by_place_.end() || (if_expired && kept->second.expires > now)) return;
  remove(kept, writes);
}

void SessionTable::add(const ChannelKey& place, const Kept& kept) {
  const auto& [text, added] = *by_place_.emplace(place.text(), kept).first;
  ends_.emplace(added.expires, text);
  auto& share = shares_[added.origin];
  by_bytes_.erase({share.bytes, added.origin});
  share.bytes += added.bytes;
  share.ends.emplace(added.expires, text);
  by_bytes_.emplace(share.bytes, added.origin);
  bytes_ += added.bytes;
}

void SessionTable::remove(ByPlace::iterator session, storage::PendingWrites& writes) {
  const auto place = ChannelKey::from_text(session->first);
  const auto kept = session->second;
  writes.remove(Family::state, keys::kept_session(shard_, place));
  writes.remove(Family::state, keys::session_end(shard_, kept.expires, place));
  ends_.erase({kept.expires, session->first});
  const auto share = shares_.find(kept.origin);
  by_bytes_.erase({share->second.bytes, kept.origin});
  share->second.bytes -= kept.bytes;
  share->second.ends.erase({kept.expires, session->first});
  if (share->second.ends.empty()) {
    shares_.erase(share);
  } else {
    by_bytes_.emplace(share->second.bytes, kept.origin);
  }
  bytes_ -= kept.bytes;
  by_place_.erase(session);
}

void SessionTable::remove_first(storage::PendingWrites& writes) {
  remove(by_place_.find(ends_.begin()->second), writes);
}

void SessionTable::evict_last(const Ends& ends, storage::PendingWrites& writes) {
  ++evicted_;
  remove(by_place_.find(std::prev(ends.end())->second), writes);
}

const SessionTable::Ends& SessionTable::largest_share() const { return shares_.at(by_bytes_.rbegin()->second).ends; }

void SessionTable::drop_expired(WallTime now, storage::PendingWrites& writes) {
  for (std::size_t i = 0; i < kSessionsDroppedAtOnceMax && !ends_.empty() && ends_.begin()->first <= now; ++i) {
    remove_first(writes);
  }
}

// A record may take the place of many small ones, but of no more than it has bytes. Under bounds that were lowered
// there are more too many: they are reached step by step.
void SessionTable::make_room(const SessionBounds& bounds, const Kept& next, WallTime now,
                             storage::PendingWrites& writes) {
  const auto of_origin = [&] {
    const auto share = shares_.find(next.origin);
    return share == shares_.end() ? 0 : share->second.bytes;
  };
  auto left = kSessionsDroppedAtOnceMax + next.bytes / kRowBytes;
  for (; left > 0 && !ends_.empty(); --left) {
    const bool own =
        bounds.origin_bytes_max > 0 && of_origin() > 0 && of_origin() + next.bytes > bounds.origin_bytes_max;
    const bool all = bounds.bytes_max > 0 && bytes_ + next.bytes > bounds.bytes_max;
    const bool number = bounds.kept_max > 0 && ends_.size() >= bounds.kept_max;
    if (!own && !all && !number) return;
    if (ends_.begin()->first <= now) {
      remove_first(writes);
    } else {
      evict_last(own ? shares_.at(next.origin).ends : largest_share(), writes);
    }
  }
}

// As commands say it that know no bytes.
void SessionTable::make_room_by_number(std::uint64_t kept_max, WallTime now, storage::PendingWrites& writes) {
  for (std::size_t i = 0; i < kSessionsDroppedAtOnceMax && kept_max > 0 && ends_.size() >= kept_max; ++i) {
    if (ends_.begin()->first <= now) {
      remove_first(writes);
    } else {
      evict_last(ends_, writes);
    }
  }
}

}  // namespace parley::cluster
