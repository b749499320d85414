#include "cluster/charter.h"

#include "schemas/replica.h"
#include "storage/keys.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace parley::cluster {
namespace {

namespace keys = storage::keys;
using storage::Family;

// Anything that belongs to a shard, but for what is there without data: the replica with the first entries of its
// terms, the head of an earlier release's log, and the mark that a process before did not end in order.
Result<bool> holds_data(const storage::Store& store) {
  bool found = false;
  const auto end = keys::of_shard(ShardId{storage::kShardCountMax - 1}).to;
  const auto look = [&](std::string_view key, std::string_view value) {
    if (key.size() < 2) return storage::Visit::go_on;
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(key[at]); };
    const ShardId shard{static_cast<std::uint16_t>(byte(0) << 8 | byte(1))};
    if (key == keys::log_head(shard) || key == keys::lineage(shard) || key == keys::replica_head(shard) ||
        key == keys::applied(shard) || key == keys::membership(shard) || key == keys::replica_places(shard) ||
        key == keys::restoring(shard)) {
      return storage::Visit::go_on;
    }
    if (const auto index = keys::replica_entry_index(key)) {
      const auto entry = schemas::unframe_replica_entry(shard, *index, value);
      if (entry && (entry->payload.empty() || entry->kind == RaftEntryKind::change)) return storage::Visit::go_on;
    }
    found = true;
    return storage::Visit::stop;
  };
  for (const auto family : {Family::log, Family::history, Family::state}) {
    if (const auto scanned = store.scan(family, {}, end, storage::ScanOrder::forward, look); !scanned) {
      return scanned.error();
    }
    if (found) break;
  }
  return found;
}

// A release before this one wrote two numbers.
std::optional<std::uint64_t> number_at(std::string_view bytes, std::size_t place) {
  constexpr std::size_t kBytes = 8;
  return bytes.size() < (place + 1) * kBytes ? std::nullopt : keys::parse_number(bytes.substr(place * kBytes, kBytes));
}

}  // namespace

Result<Charter> read_charter(const storage::Store& store) {
  Charter charter;
  const auto stored = store.get(Family::state, keys::charter());
  if (!stored) return stored.error();
  if (stored->has_value()) {
    const auto cluster = number_at(**stored, 0);
    const auto data = number_at(**stored, 1);
    if (!cluster || !data) return make_error(Errc::corrupt, "the stored cluster of the node is unreadable");
    charter.cluster = ClusterId{*cluster};
    charter.data = *data != 0;
  }
  if (charter.data) return charter;
  const auto data = holds_data(store);
  if (!data) return data.error();
  charter.data = *data;
  return charter;
}

Result<bool> read_founder(const storage::Store& store) {
  const auto stored = store.get(Family::state, keys::charter());
  if (!stored) return stored.error();
  return number_at(stored->value_or(""), 2).value_or(0) != 0;
}

Status write_charter(storage::Store& store, const Charter& charter, bool founder, bool gives_up) {
  storage::WriteBatch batch;
  if (gives_up) batch.put(Family::state, keys::giving_up(), keys::number(1));
  batch.put(Family::state, keys::charter(),
            keys::number(charter.cluster.value) + keys::number(charter.data ? 1 : 0) + keys::number(founder ? 1 : 0));
  return store.write(batch, storage::Sync::yes);
}

// ---- who was removed ----

Result<std::vector<RemovedNode>> read_removed(const storage::Store& store) {
  const auto stored = store.get(Family::state, keys::removed());
  if (!stored) return stored.error();
  std::vector<RemovedNode> removed;
  const std::string_view bytes = stored->has_value() ? std::string_view(**stored) : std::string_view();
  for (std::size_t i = 0; const auto node = number_at(bytes, i); i += 2) {
    const auto at = number_at(bytes, i + 1);
    if (!at) return make_error(Errc::corrupt, "the stored list of removed nodes is unreadable");
    removed.push_back({NodeId{*node}, static_cast<std::int64_t>(*at)});
  }
  return removed;
}

Status write_removed(storage::Store& store, const std::vector<RemovedNode>& removed) {
  std::string bytes;
  for (const auto& one : removed) {
    bytes += keys::number(one.node.value) + keys::number(static_cast<std::uint64_t>(one.at_ms));
  }
  storage::WriteBatch batch;
  batch.put(Family::state, keys::removed(), bytes);
  return store.write(batch, storage::Sync::yes);
}

std::vector<RemovedNode> merged(const std::vector<RemovedNode>& a, const std::vector<RemovedNode>& b,
                                std::size_t most) {
  std::map<NodeId, std::int64_t> latest;
  for (const auto* some : {&a, &b}) {
    for (const auto& one : *some) {
      auto& at = latest.try_emplace(one.node, one.at_ms).first->second;
      at = std::max(at, one.at_ms);
    }
  }
  std::vector<RemovedNode> all;
  for (const auto& [node, at] : latest) all.push_back({node, at});
  std::sort(all.begin(), all.end(), [](const RemovedNode& x, const RemovedNode& y) {
    return std::tie(x.at_ms, x.node) < std::tie(y.at_ms, y.node);
  });
  if (all.size() > most) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(most));
  return all;
}

}  // namespace parley::cluster
