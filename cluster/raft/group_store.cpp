#include "cluster/raft/group_store.h"

#include "core/check.h"
#include "schemas/replica.h"
#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::cluster::raft {
namespace {

// Fewer than this many go one by one: a range tombstone costs whoever reads past it.
constexpr std::uint64_t kRangeDeleteMin = 16;

Error damaged(ShardId shard, std::string_view what) {
  return make_error(Errc::corrupt, fmt::format("the replica of shard {}: {}", shard.value, what));
}

}  // namespace

using storage::Family;
namespace keys = storage::keys;

void GroupStore::put_head(ShardId shard, const Known& known, storage::WriteBatch& batch) const {
  batch.put(Family::log, keys::replica_head(shard),
            schemas::encode_replica_head({known.self, known.hard_state.term, known.hard_state.vote,
                                          known.hard_state.commit, known.cut, known.cut_term}));
}

void GroupStore::create(ShardId shard, ReplicaId self, const RaftMembership& members, const Begins& begins,
                        storage::WriteBatch& batch) {
  Known known{self, {}, {}, {}, {}};
  if (!members.voters.empty()) {
    // As if a snapshot had been taken there: whoever joins later gets one, and with it the members.
    CHECK(begins.index.value != 0 && begins.term.value != 0);
    known.cut = known.last = begins.index;
    known.cut_term = begins.term;
    known.hard_state = {begins.term, {}, begins.index};
  }
  put_head(shard, known, batch);
  known_[shard] = known;
  applied(shard, known.cut, &members, batch);
}

Result<std::optional<StoredGroup>> GroupStore::read(ShardId shard) {
  const auto head_bytes = store_.get(Family::log, keys::replica_head(shard));
  if (!head_bytes) return head_bytes.error();
  if (!head_bytes->has_value()) return std::optional<StoredGroup>{};
  const auto head = schemas::decode_replica_head(**head_bytes);
  if (!head) return head.error();
  const auto applied_bytes = store_.get(Family::state, keys::applied(shard));
  if (!applied_bytes) return applied_bytes.error();
  const auto member_bytes = store_.get(Family::state, keys::membership(shard));
  if (!member_bytes) return member_bytes.error();
  if (!applied_bytes->has_value() || !member_bytes->has_value()) return damaged(shard, "its members are missing");
  const auto applied = keys::parse_number(**applied_bytes);
  const auto members = schemas::decode_membership(**member_bytes);
  if (!members) return members.error();
  if (!applied || members->index.value > *applied) return damaged(shard, "its members are of later than its state");

  LogIndex last = head->cut_index;
  const auto range = keys::replica_entries(shard);
  const auto scanned = store_.scan(Family::log, range.from, range.to, storage::ScanOrder::backward,
                                   [&](std::string_view key, std::string_view) {
                                     if (const auto index = keys::replica_entry_index(key)) {
                                       last = std::max(last, *index);
                                     }
                                     return storage::Visit::stop;
                                   });
  if (!scanned) return scanned.error();
  const HardState hard_state{head->term, head->vote, head->commit};
  known_[shard] = {head->replica, hard_state, head->cut_index, head->cut_term, last};
  return std::optional<StoredGroup>{StoredGroup{head->replica, hard_state, head->cut_index, head->cut_term, last,
                                                LogIndex{*applied}, members->membership}};
}

void GroupStore::erase(ShardId shard, storage::WriteBatch& batch) {
  const auto all = keys::of_shard(shard);
  for (const auto family : {Family::log, Family::history, Family::state}) batch.remove_range(family, all.from, all.to);
  known_.erase(shard);
}

void GroupStore::remove_entries(ShardId shard, LogIndex from, LogIndex to, storage::WriteBatch& batch) {
  if (to < from) return;
  if (to.value - from.value >= kRangeDeleteMin) {
    batch.remove_range(Family::log, keys::replica_entry(shard, from), keys::replica_entry(shard, {to.value + 1}));
    return;
  }
  for (auto index = from; index <= to; ++index.value) batch.remove(Family::log, keys::replica_entry(shard, index));
}

bool GroupStore::write(ShardId shard, const Ready& ready, storage::WriteBatch& batch) {
  auto& known = known_.at(shard);
  bool head = false;
  if (ready.hard_state) {
    // A commit index alone is not worth a write: what is applied tells it, and the leader tells it again.
    head = ready.hard_state->term != known.hard_state.term || ready.hard_state->vote != known.hard_state.vote;
    known.hard_state = *ready.hard_state;
  }
  if (ready.snapshot) {
    head = true;
    remove_entries(shard, LogIndex{known.cut.value + 1}, known.last, batch);
    known.cut = known.last = ready.snapshot->index;
    known.cut_term = ready.snapshot->term;
  }
  if (head) put_head(shard, known, batch);
  if (ready.entries.empty()) return head;
  // Nothing stays behind the new ones: what a former leader left there would come back as ours.
  const auto last = ready.entries.back().index;
  remove_entries(shard, LogIndex{last.value + 1}, known.last, batch);
  for (const auto& entry : ready.entries) {
    batch.put(Family::log, keys::replica_entry(shard, entry.index), schemas::frame_replica_entry(shard, entry));
  }
  known.last = last;
  return head;
}

void GroupStore::applied(ShardId shard, LogIndex index, const RaftMembership* changed, storage::WriteBatch& batch) {
  batch.put(Family::state, keys::applied(shard), keys::number(index.value));
  if (changed != nullptr) {
    batch.put(Family::state, keys::membership(shard), schemas::encode_membership({index, *changed}));
  }
}

void GroupStore::cut(ShardId shard, LogIndex index, Term term, storage::WriteBatch& batch) {
  auto& known = known_.at(shard);
  if (index <= known.cut) return;
  CHECK(index <= known.last);
  remove_entries(shard, LogIndex{known.cut.value + 1}, index, batch);
  known.cut = index;
  known.cut_term = term;
  put_head(shard, known, batch);
}

Result<std::vector<RaftEntry>> GroupStore::entries(ShardId shard, LogIndex from, LogIndex to,
                                                   std::uint64_t bytes_max) const {
  std::vector<RaftEntry> found;
  std::optional<Error> damage;
  std::uint64_t bytes = 0;
  const auto scanned =
      store_.scan(Family::log, keys::replica_entry(shard, from), keys::replica_entry(shard, to),
                  storage::ScanOrder::forward, [&](std::string_view, std::string_view value) {
                    const LogIndex index{from.value + found.size()};
                    const auto entry =
                        schemas::unframe_replica_entry(shard, index, value);  // and no hole: the index is in the frame
                    if (!entry) {
                      damage = entry.error();
                      return storage::Visit::stop;
                    }
                    bytes += entry->payload.size();
                    if (bytes > bytes_max && !found.empty()) return storage::Visit::stop;
                    found.push_back({entry->index, entry->term, entry->kind, std::string(entry->payload)});
                    return storage::Visit::go_on;
                  });
  if (!scanned) return scanned.error();
  if (damage) return *damage;
  if (found.empty()) return damaged(shard, fmt::format("log entry {} is missing", from.value));
  return found;
}

Result<Term> GroupStore::term(ShardId shard, LogIndex index) const {
  const auto bytes = store_.get(Family::log, keys::replica_entry(shard, index));
  if (!bytes) return bytes.error();
  if (!bytes->has_value()) return damaged(shard, fmt::format("log entry {} is missing", index.value));
  const auto entry = schemas::unframe_replica_entry(shard, index, **bytes);
  if (!entry) return entry.error();
  return entry->term;
}

LogIndex GroupStore::begins_after(ShardId shard) const {
  const auto found = known_.find(shard);
  return found == known_.end() ? LogIndex{} : found->second.cut;
}

}  // namespace parley::cluster::raft
