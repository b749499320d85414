#include "cluster/snapshots/snapshot_fetch.h"

#include "storage/rocks_store.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::cluster::snapshots {

namespace keys = storage::keys;
using storage::Family;

namespace {

constexpr std::size_t kToldMax = 1'024;  // ends that wait to be told: who is not told sees that nobody asks any more

Error refused(ShardId shard, Errc code, std::string_view why) {
  return make_error(code, fmt::format("the state of shard {} from another node: {}", shard.value, why));
}

}  // namespace

// ---- beginning ----

Status SnapshotFetch::load(ShardId shard, MonoTime now) {
  fetches_.erase(shard);
  const auto bytes = store_.get(Family::state, keys::restoring(shard));
  if (!bytes) return bytes.error();
  if (!bytes->has_value()) return {};
  auto& fetch = fetches_[shard];
  auto stored = schemas::decode_restore(**bytes);
  if (!stored) {
    give_up(shard, fetch, stored.error());
    return {};
  }
  auto offer = schemas::decode_snapshot_offer(stored->snapshot.data);
  if (!offer) {
    give_up(shard, fetch, offer.error());
    return {};
  }
  fetch.stored = std::move(*stored);
  fetch.offer = *offer;
  ask_from(fetch, now);
  return {};
}

void SnapshotFetch::ask_from(Fetch& fetch, MonoTime now) const {
  fetch.wanted = fetch.stored.cursor;
  fetch.sum = Checksum(fetch.stored.checksum);
  fetch.piece.clear();
  fetch.asks = 0;
  fetch.due = now;
}

Status SnapshotFetch::begin(ShardId shard, const RaftMessage& message, MonoTime now, storage::WriteBatch& batch) {
  if (shard.value >= storage::kShardCountMax || message.kind != RaftKind::snapshot || !message.snapshot ||
      message.from == ReplicaId{} || message.to == ReplicaId{} || message.snapshot->index.value == 0) {
    return refused(shard, Errc::bad_request, "a message that brings no snapshot");
  }
  const auto& snapshot = *message.snapshot;
  const auto offer = schemas::decode_snapshot_offer(snapshot.data);
  if (!offer) return refused(shard, offer.error().code, offer.error().message);
  const auto refuse = [&](Errc code, std::string_view why) {
    tell(shard, offer->id, message.to, message.from, SnapshotAsk::Kind::given_up);
    return refused(shard, code, why);
  };
  if (!snapshot.membership.has(message.to)) return refuse(Errc::corrupt, "its members are without the replica here");
  if (offer->format > storage::kSchemaVersion) {
    return refuse(Errc::newer_schema, fmt::format("its rows are of schema version {}, this release knows up to {}",
                                                  offer->format, storage::kSchemaVersion));
  }
  if (offer->format < storage::kSchemaVersion) {
    return refuse(Errc::corrupt, fmt::format("its rows are of schema version {}, here they are of {}: the other node "
                                             "needs this release",
                                             offer->format, storage::kSchemaVersion));
  }
  if (offer->bytes > config_.bytes_max) return refuse(Errc::too_large, "it has more bytes than a shard may");

  const auto known = fetches_.find(shard);
  std::uint64_t replaced = 0;
  if (known != fetches_.end()) {
    const auto& one = known->second;
    if (!one.given_up) {
      if (one.offer.id == offer->id) return {};
      const auto& before = one.stored;
      if (before.complete || one.replaced == offer->id || message.term < before.term ||
          (message.term == before.term && snapshot.index < before.snapshot.index)) {
        tell(shard, offer->id, message.to, message.from, SnapshotAsk::Kind::given_up);
        return {};
      }
      tell(shard, one.offer.id, before.to, before.from, SnapshotAsk::Kind::given_up);
    }
    replaced = one.offer.id;
  }
  Fetch fetch;
  fetch.stored.from = message.from;
  fetch.stored.to = message.to;
  fetch.stored.term = message.term;
  fetch.stored.snapshot = snapshot;
  fetch.stored.checksum = Checksum::kBegin;
  fetch.offer = *offer;
  fetch.replaced = replaced;
  ask_from(fetch, now);
  remove_all(shard, batch);
  batch.put(Family::state, keys::restoring(shard), schemas::encode_restore(fetch.stored));
  fetches_[shard] = std::move(fetch);
  return {};
}

void SnapshotFetch::not_needed(ShardId shard, const RaftMessage& message) {
  if (!message.snapshot) return;
  const auto offer = schemas::decode_snapshot_offer(message.snapshot->data);
  if (!offer) return;
  const auto known = fetches_.find(shard);
  if (known != fetches_.end() && known->second.offer.id == offer->id) return;  // that it is here was told, or will be
  tell(shard, offer->id, message.to, message.from, SnapshotAsk::Kind::arrived);
}

void SnapshotFetch::put_off(ShardId shard, const RaftMessage& message) {
  if (!message.snapshot) return;
  const auto offer = schemas::decode_snapshot_offer(message.snapshot->data);
  if (offer) tell(shard, offer->id, message.to, message.from, SnapshotAsk::Kind::given_up);
}

std::size_t SnapshotFetch::under_way() const {
  return static_cast<std::size_t>(std::count_if(fetches_.begin(), fetches_.end(), [](const auto& row) {
    return !row.second.given_up && !row.second.stored.complete;
  }));
}

// ---- parts ----

// What a part brings, if it is as it should be.
struct SnapshotFetch::Taken {
  SnapshotCursor next;       // behind its rows
  Checksum sum;              // of all rows up to there
  std::size_t finished = 0;  // so many rows can be written; one more may be a piece
  Checksum written;          // of all rows up to there
  std::uint64_t bytes = 0;   // the same
};

Result<SnapshotFetch::Taken> SnapshotFetch::check(const Fetch& fetch, const SnapshotPart& part) const {
  const auto bad = [&](std::string_view why) { return refused(part.shard, Errc::corrupt, why); };
  if (part.checksum != checksum_of(part)) return bad("a part that is damaged");
  Taken taken{after(part), fetch.sum, 0, fetch.sum, fetch.stored.bytes};
  if (part.rows.empty() && !part.last) return bad("a part without rows");
  if (part.last && !fetch.piece.empty() && part.rows.empty()) return bad("the last part ends within a row");
  for (std::size_t i = 0; i < part.rows.size(); ++i) {
    const auto& row = part.rows[i];
    const auto continued = i == 0 ? part.cursor.offset : 0;
    if (!is_of(part.shard, row.family, row.key)) return bad("a row that is none of the shard's state");
    const auto at = std::pair(row.family, std::string_view(row.key));
    if (i > 0) {
      const auto& before = part.rows[i - 1];
      if (at <= std::pair(before.family, std::string_view(before.key))) return bad("rows that are not in their order");
    } else if (at < std::pair(part.cursor.family, std::string_view(part.cursor.key))) {
      return bad("a row from before what was asked for");
    } else if (continued > 0 && at != std::pair(part.cursor.family, std::string_view(part.cursor.key))) {
      return bad("another row than the one that goes on");
    }
    if (row.goes_on && (i + 1 < part.rows.size() || part.last || row.value.empty())) {
      return bad("a row that goes on where none can");
    }
    if (row.key.size() > SnapshotLimits{}.key_bytes_max || continued + row.value.size() > config_.row_bytes_max) {
      return refused(part.shard, Errc::too_large, "a row is larger than one may be");
    }
    taken.sum.add(row, continued);
    if (row.goes_on) break;
    ++taken.finished;
    taken.written = taken.sum;
    taken.bytes += row.key.size() + continued + row.value.size();
  }
  if (taken.bytes > config_.bytes_max) {
    return refused(part.shard, Errc::too_large, "it has more bytes than a shard may");
  }
  return taken;
}

Status SnapshotFetch::part(const SnapshotPart& part, MonoTime now, storage::WriteBatch& batch) {
  const auto found = fetches_.find(part.shard);
  if (found == fetches_.end() || found->second.given_up || found->second.stored.complete ||
      part.id != found->second.offer.id || part.from != found->second.stored.from ||
      part.to != found->second.stored.to || part.cursor != found->second.wanted) {
    return refused(part.shard, Errc::not_found, "a part that nobody asked for");
  }
  auto& fetch = found->second;
  if (part.gone) {
    if (part.checksum != checksum_of(part)) return refused(part.shard, Errc::corrupt, "a part that is damaged");
    give_up(part.shard, fetch, refused(part.shard, Errc::not_found, "the other node does not have it any more"));
    return {};
  }
  auto taken = check(fetch, part);
  if (!taken) {
    if (taken.error().code == Errc::too_large) give_up(part.shard, fetch, taken.error());
    return taken.error();
  }
  if (part.last && part.whole != taken->sum.value()) {
    // Each part was as it was sent: what is written here is not what came, or the source is not what it was.
    const auto why = refused(part.shard, Errc::corrupt, "its rows are not those that were to come");
    give_up(part.shard, fetch, why);
    return why;
  }
  for (std::size_t i = 0; i < taken->finished; ++i) {
    const auto& row = part.rows[i];
    auto value = i == 0 && part.cursor.offset > 0 ? std::exchange(fetch.piece, {}) + row.value : row.value;
    batch.put(family_of(row.family), row.key, std::move(value));
  }
  if (taken->finished < part.rows.size()) fetch.piece += part.rows.back().value;
  fetch.wanted = taken->next;
  fetch.sum = taken->sum;
  fetch.asks = 0;
  fetch.due = now;
  if (taken->finished == 0 && !part.last) return {};
  auto& stored = fetch.stored;
  if (taken->finished > 0) {
    const auto& row = part.rows[taken->finished - 1];
    stored.cursor = {row.family, row.key + '\0', 0};
    stored.checksum = taken->written.value();
    stored.bytes = taken->bytes;
  }
  stored.complete = part.last;
  batch.put(Family::state, keys::restoring(part.shard), schemas::encode_restore(stored));
  if (part.last) tell(part.shard, fetch.offer.id, stored.to, stored.from, SnapshotAsk::Kind::arrived);
  return {};
}

std::vector<SnapshotAsk> SnapshotFetch::take_asks(MonoTime now) {
  auto asks = std::exchange(told_, {});
  for (auto& [shard, fetch] : fetches_) {
    if (fetch.given_up || fetch.stored.complete || fetch.due > now) continue;
    if (fetch.asks >= config_.asks_max) {
      give_up(shard, fetch, refused(shard, Errc::timeout, "the other node does not answer"));
      continue;
    }
    ++fetch.asks;
    fetch.due = now + config_.answer_within;
    asks.push_back({shard, fetch.offer.id, fetch.stored.to, fetch.stored.from, SnapshotAsk::Kind::part, fetch.wanted});
  }
  // Of those that were given up just now.
  for (auto& told : told_) asks.push_back(std::move(told));
  told_.clear();
  return asks;
}

MonoTime SnapshotFetch::next() const {
  if (!told_.empty()) return MonoTime{};
  auto due = kNever;
  for (const auto& [shard, fetch] : fetches_) {
    if (!fetch.given_up && !fetch.stored.complete) due = std::min(due, fetch.due);
  }
  return due;
}

// ---- the end ----

std::optional<RaftMessage> SnapshotFetch::ready(ShardId shard, const Standing& standing) {
  const auto found = fetches_.find(shard);
  if (found == fetches_.end() || found->second.given_up || !found->second.stored.complete) return std::nullopt;
  const auto& stored = found->second.stored;
  if (standing.applied > stored.snapshot.index) {
    give_up(shard, found->second, refused(shard, Errc::not_found, "the log here has gone on beyond it"));
    return std::nullopt;
  }
  RaftMessage message;
  message.kind = RaftKind::snapshot;
  message.to = stored.to;
  message.from = stored.from;
  message.term = stored.term;
  message.snapshot = stored.snapshot;
  if (standing.term > stored.term) {
    // What was committed up to there is so in every later term: whoever leads now has it, and hears that it is here.
    if (standing.leader == ReplicaId{} || standing.leader == stored.to) return std::nullopt;
    message.from = standing.leader;
    message.term = standing.term;
  }
  return message;
}

bool SnapshotFetch::reached(ShardId shard, LogIndex applied, storage::WriteBatch& batch) {
  const auto found = fetches_.find(shard);
  if (found == fetches_.end() || found->second.given_up || !found->second.stored.complete ||
      found->second.stored.snapshot.index != applied) {
    return false;
  }
  end(shard, batch);
  return true;
}

Status SnapshotFetch::restored(ShardId shard, const RaftSnapshot& snapshot, storage::WriteBatch& batch) {
  const auto found = fetches_.find(shard);
  if (found == fetches_.end() || found->second.given_up || !found->second.stored.complete ||
      found->second.stored.snapshot.index != snapshot.index || found->second.stored.snapshot.term != snapshot.term ||
      found->second.stored.snapshot.data != snapshot.data) {
    return refused(shard, Errc::corrupt, "a snapshot is restored whose rows are not here");
  }
  end(shard, batch);
  return {};
}

bool SnapshotFetch::applies(ShardId shard, LogIndex index, storage::WriteBatch& batch) {
  const auto found = fetches_.find(shard);
  if (found == fetches_.end()) return true;
  auto& fetch = found->second;
  if (fetch.given_up) return false;
  const auto state = fetch.stored.snapshot.index;
  if (index < state) return false;
  if (fetch.stored.complete) {
    end(shard, batch);
    return index > state;
  }
  if (index > state) { give_up(shard, fetch, refused(shard, Errc::not_found, "the log here has gone on beyond it")); }
  return false;
}

void SnapshotFetch::end(ShardId shard, storage::WriteBatch& batch) {
  batch.remove(Family::state, keys::restoring(shard));
  fetches_.erase(shard);
}

void SnapshotFetch::give_up(ShardId shard, Fetch& fetch, Error why) {
  fetch.given_up = true;
  fetch.piece = {};
  if (fetch.offer.id != 0) {
    tell(shard, fetch.offer.id, fetch.stored.to, fetch.stored.from, SnapshotAsk::Kind::given_up);
  }
  given_up_.push_back({shard, std::move(why)});
}

void SnapshotFetch::tell(ShardId shard, std::uint64_t id, ReplicaId from, ReplicaId to, SnapshotAsk::Kind kind) {
  if (told_.size() < kToldMax) told_.push_back({shard, id, from, to, kind, {}});
}

bool SnapshotFetch::stuck(ShardId shard) const {
  const auto found = fetches_.find(shard);
  return found != fetches_.end() && found->second.given_up;
}

std::optional<SnapshotFetch::Progress> SnapshotFetch::progress(ShardId shard) const {
  const auto found = fetches_.find(shard);
  if (found == fetches_.end()) return std::nullopt;
  return Progress{found->second.stored.bytes + found->second.piece.size(), found->second.offer.bytes};
}

}  // namespace parley::cluster::snapshots
