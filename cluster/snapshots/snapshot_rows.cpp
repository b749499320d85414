#include "cluster/snapshots/snapshot_rows.h"

#include <array>

namespace parley::cluster::snapshots {

namespace keys = storage::keys;

storage::Family family_of(SnapshotFamily family) {
  return family == SnapshotFamily::history ? storage::Family::history : storage::Family::state;
}

bool is_replicas_own(ShardId shard, std::string_view key) {
  return key == keys::applied(shard) || key == keys::membership(shard) || key == keys::restoring(shard);
}

bool is_of(ShardId shard, SnapshotFamily family, std::string_view key) {
  const auto range = keys::of_shard(shard);
  if (key < range.from || key >= range.to) return false;
  return family != SnapshotFamily::state || !is_replicas_own(shard, key);
}

void remove_all(ShardId shard, storage::WriteBatch& batch) {
  const auto range = keys::of_shard(shard);
  batch.remove_range(storage::Family::history, range.from, range.to);
  auto from = range.from;
  for (const auto& kept : {keys::applied(shard), keys::membership(shard)}) {  // in the order of their keys
    batch.remove_range(storage::Family::state, from, kept);
    from = kept + '\0';
  }
  batch.remove_range(storage::Family::state, from, range.to);
}

SnapshotCursor after(const SnapshotPart& part) {
  if (part.rows.empty()) return part.cursor;
  const auto& row = part.rows.back();
  if (!row.goes_on) return {row.family, row.key + '\0', 0};
  const auto begun = part.rows.size() == 1 ? part.cursor.offset : 0;
  return {row.family, row.key, begun + row.value.size()};
}

void Checksum::add(std::string_view bytes) {
  for (const char byte : bytes) state_ = (state_ ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
}

void Checksum::add(std::uint64_t number) {
  for (int i = 0; i < 8; ++i, number >>= 8U) state_ = (state_ ^ (number & 0xFFU)) * 0x100000001B3U;
}

void Checksum::add(const SnapshotRow& row, std::uint64_t offset) {
  if (offset == 0) {
    add(static_cast<std::uint64_t>(row.family));
    add(row.key.size());
    add(row.key);
  }
  add(row.value);
  if (!row.goes_on) add(offset + row.value.size());
}

std::uint64_t checksum_of(const SnapshotPart& part) {
  Checksum sum;
  sum.add(part.shard.value);
  sum.add(part.id);
  sum.add(part.from.value);
  sum.add(part.to.value);
  sum.add((part.gone ? 1U : 0U) | (part.last ? 2U : 0U));
  sum.add(static_cast<std::uint64_t>(part.cursor.family));
  sum.add(part.cursor.key.size());
  sum.add(part.cursor.key);
  sum.add(part.cursor.offset);
  sum.add(part.rows.size());
  for (const auto& row : part.rows) {
    sum.add(row, 0);
    sum.add(row.goes_on ? 1U : 0U);
  }
  sum.add(part.whole);
  return sum.value();
}

}  // namespace parley::cluster::snapshots
