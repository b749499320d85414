#include "tests/sim/disk.h"

#include "core/check.h"
#include "schemas/codec.h"
#include "schemas/replica.h"
#include "storage/keys.h"

namespace parley::sim {

using storage::Family;
using storage::Sync;
using storage::WriteBatch;

namespace {

Error refused() { return make_error(Errc::storage_unavailable, "the simulated disk is broken"); }

// The messages of the publications that a stored log entry carries.
std::vector<std::string> logged_messages(std::string_view key, LogIndex index, std::string_view bytes) {
  std::vector<std::string> found;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(key[at]); };
  const ShardId shard{static_cast<std::uint16_t>(byte(0) << 8 | byte(1))};
  const auto framed = schemas::unframe_replica_entry(shard, index, bytes);
  CHECK(framed.ok());
  if (framed->kind != RaftEntryKind::command || framed->payload.empty()) return found;
  const auto entry = schemas::decode_entry(framed->payload);
  CHECK(entry.ok());
  for (const auto& command : entry->commands) {
    if (const auto* append = std::get_if<AppendPublication>(&command.what)) found.push_back(message_of(append->data));
  }
  return found;
}

}  // namespace

std::string message_of(std::string_view data) {
  if (data.size() >= 2 && data.front() == '"' && data.back() == '"') data = data.substr(1, data.size() - 2);
  return std::string(data);
}

Error Disk::refuse_write() {
  last_trouble_ = scheduler_.wall();
  return refused();
}

Status Disk::write(const WriteBatch& batch, Sync sync) {
  if (failed_) return refuse_write();
  if (scheduler_.chance(plan_.sudden_outages))
    break_until(scheduler_.now() + scheduler_.between(milliseconds(1), seconds(1)), false);
  if (broken()) {
    failed_ = true;
    if (scheduler_.chance(0.5)) {
      apply(visible_, batch);
      unsynced_.push_back(batch);
    }
    return refuse_write();
  }
  apply(visible_, batch);
  unsynced_.push_back(batch);
  if (sync == Sync::yes && plan_.bug != Bug::ack_before_sync) sync_all();
  return {};
}

void Disk::sync_all() {
  if (plan_.bug == Bug::crash_loses_synced) durable_before_ = durable_;
  for (const auto& batch : unsynced_) {
    apply(durable_, batch);
    for (const auto& operation : batch.operations()) {
      if (operation.family != Family::log || operation.kind != WriteBatch::Kind::put ||
          !storage::keys::replica_entry_index(operation.key))
        continue;
      const auto index = *storage::keys::replica_entry_index(operation.key);
      for (auto& message : logged_messages(operation.key, index, operation.value)) synced_.insert(std::move(message));
    }
  }
  unsynced_.clear();
}

Result<std::optional<std::string>> Disk::get(Family family, std::string_view key) const {
  if (reads_fail_ && broken()) return refused();
  const auto& table = visible_[static_cast<std::size_t>(family)];
  const auto at = table.find(key);
  if (at == table.end()) return std::optional<std::string>();
  return std::optional(at->second);
}

Status Disk::scan(Family family, std::string_view from, std::string_view to, storage::ScanOrder order,
                  const storage::Visitor& visit) const {
  if (reads_fail_ && broken()) return refused();
  return scan(visible_[static_cast<std::size_t>(family)], from, to, order, visit);
}

Status Disk::scan(const Table& table, std::string_view from, std::string_view to, storage::ScanOrder order,
                  const storage::Visitor& visit) {
  if (from >= to) return {};
  const auto first = table.lower_bound(from);
  const auto end = table.lower_bound(to);
  if (order == storage::ScanOrder::forward) {
    for (auto at = first; at != end; ++at) {
      if (visit(at->first, at->second) == storage::Visit::stop) return {};
    }
  } else {
    for (auto at = end; at != first;) {
      --at;
      if (visit(at->first, at->second) == storage::Visit::stop) return {};
    }
  }
  return {};
}

class Disk::View final : public storage::StoreView {
 public:
  explicit View(const Disk& disk) : disk_(disk), opening_(disk.openings_), tables_(disk.visible_) {}
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    if (!readable()) return refused();
    const auto& table = tables_[static_cast<std::size_t>(family)];
    const auto at = table.find(key);
    return at == table.end() ? std::optional<std::string>() : std::optional(at->second);
  }
  Status scan(Family family, std::string_view from, std::string_view to, storage::ScanOrder order,
              const storage::Visitor& visit) const override {
    if (!readable()) return refused();
    return Disk::scan(tables_[static_cast<std::size_t>(family)], from, to, order, visit);
  }

 private:
  [[nodiscard]] bool readable() const { return disk_.openings_ == opening_ && !(disk_.reads_fail_ && disk_.broken()); }

  const Disk& disk_;
  const std::uint64_t opening_;
  const Tables tables_;
};

Result<std::unique_ptr<storage::StoreView>> Disk::view() const {
  if (reads_fail_ && broken()) return refused();
  return std::unique_ptr<storage::StoreView>(std::make_unique<View>(*this));
}

Status Disk::recover() {
  if (broken()) return refused();
  ++openings_;
  failed_ = false;
  last_trouble_ = scheduler_.wall();
  auto candidates = std::move(unsynced_);
  unsynced_.clear();
  keep_some(std::move(candidates));
  return {};
}

void Disk::break_until(MonoTime until, bool reads_too) {
  broken_until_ = until;
  reads_fail_ = reads_too;
  scheduler_.note("disk breaks");
}

void Disk::crash() {
  ++openings_;
  last_trouble_ = scheduler_.wall();
  auto candidates = std::move(unsynced_);
  unsynced_.clear();
  if (plan_.bug == Bug::crash_loses_synced && scheduler_.chance(0.7)) {
    durable_ = durable_before_;
    candidates.clear();
  }
  keep_some(std::move(candidates));
  if (plan_.bug == Bug::idempotency_forgotten) {
    for (std::uint16_t shard = 0; shard < plan_.shards; ++shard) {
      const auto range = storage::keys::remembered(ShardId{shard});
      for (auto* tables : {&visible_, &durable_}) {
        auto& table = (*tables)[static_cast<std::size_t>(Family::state)];
        table.erase(table.lower_bound(range.from), table.lower_bound(range.to));
      }
    }
  }
  failed_ = false;
}

void Disk::keep_some(std::deque<WriteBatch> candidates) {
  const auto kept = scheduler_.chance(0.3) ? candidates.size() : scheduler_.below(candidates.size() + 1);
  if (kept < candidates.size()) ++losses_;
  unsynced_.assign(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept));
  visible_ = durable_;
  for (const auto& batch : unsynced_) apply(visible_, batch);
}

void Disk::apply(Tables& tables, const WriteBatch& batch) {
  for (const auto& operation : batch.operations()) {
    auto& table = tables[static_cast<std::size_t>(operation.family)];
    switch (operation.kind) {
      case WriteBatch::Kind::put:
        table.insert_or_assign(operation.key, operation.value);
        break;
      case WriteBatch::Kind::remove:
        table.erase(operation.key);
        break;
      case WriteBatch::Kind::remove_range:
        table.erase(table.lower_bound(operation.key), table.lower_bound(operation.value));
        break;
    }
  }
}

}  // namespace parley::sim
