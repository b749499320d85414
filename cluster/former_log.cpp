#include "cluster/former_log.h"

#include "schemas/codec.h"
#include "schemas/log_frame.h"
#include "storage/keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::cluster {

using storage::Family;
namespace keys = storage::keys;

Result<std::optional<FormerLog>> find_former_log(const storage::Store& store, ShardId shard) {
  const auto stored = store.get(Family::log, keys::log_head(shard));
  if (!stored) return stored.error();
  if (!stored->has_value()) return std::optional<FormerLog>{};
  const auto head = schemas::decode_log_head(**stored);
  if (!head) return head.error();
  FormerLog log{head->term, head->cut_index, head->cut_index};
  const auto range = keys::log_entries(shard);
  const auto scanned =
      store.scan(Family::log, range.from, range.to, storage::ScanOrder::backward, [&](std::string_view key, auto) {
        if (const auto index = keys::log_index(key)) log.last = std::max(log.last, *index);
        return storage::Visit::stop;
      });
  if (!scanned) return scanned.error();
  return std::optional<FormerLog>{log};
}

Status replay_former_log(const storage::Store& store, ShardId shard, const FormerLog& log, LogIndex applied,
                         const std::function<Status(FormerEntry entry)>& visit) {
  if (applied < log.begins || applied > log.last) {
    return make_error(Errc::corrupt, fmt::format("shard {}: its state is at entry {}, its log has {} to {}",
                                                 shard.value, applied.value, log.begins.value + 1, log.last.value));
  }
  // One entry at a time: who applies it reads the store himself.
  for (LogIndex index{applied.value + 1}; index <= log.last; ++index.value) {
    const auto bytes = store.get(Family::log, keys::log_entry(shard, index));
    if (!bytes) return bytes.error();
    if (!bytes->has_value()) {
      return make_error(Errc::corrupt, fmt::format("log entry {} of shard {} is missing", index.value, shard.value));
    }
    const auto framed = schemas::unframe_log_entry(shard, index, **bytes);
    if (!framed) return framed.error();
    auto entry = schemas::decode_entry(framed->payload);
    if (!entry) {
      return make_error(entry.error().code,
                        fmt::format("log entry {} of shard {}: {}", index.value, shard.value, entry.error().message));
    }
    if (auto visited = visit({index, std::move(entry->commands), entry->bounds}); !visited) return visited;
  }
  return {};
}

void remove_former_log(ShardId shard, storage::WriteBatch& batch) {
  const auto range = keys::log_entries(shard);
  batch.remove_range(Family::log, range.from, range.to);
  batch.remove(Family::log, keys::log_head(shard));
}

}  // namespace parley::cluster
