#include "storage/memory_store.h"

#include <iterator>
#include <utility>

namespace parley::storage {

// What it shares does not change any more, so it needs no lock.
class MemoryStore::View final : public StoreView {
 public:
  explicit View(std::array<std::shared_ptr<const Table>, kFamilyCount> tables) : tables_(std::move(tables)) {}
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    const auto& table = *tables_[static_cast<std::size_t>(family)];
    const auto at = table.find(key);
    return at == table.end() ? std::optional<std::string>() : std::optional(at->second);
  }
  Status scan(Family family, std::string_view from, std::string_view to, ScanOrder order,
              const Visitor& visit) const override {
    return MemoryStore::scan(*tables_[static_cast<std::size_t>(family)], from, to, order, visit);
  }

 private:
  std::array<std::shared_ptr<const Table>, kFamilyCount> tables_;
};

Status MemoryStore::write(const WriteBatch& batch, Sync) {
  const WriteLock lock(mutex_);
  for (const auto& operation : batch.operations()) {
    auto& shared = tables_[static_cast<std::size_t>(operation.family)];
    if (std::exchange(shared.in_view, false)) shared.table = std::make_shared<Table>(*shared.table);
    auto& table = *shared.table;
    const auto erase = [&](Table::iterator at) PARLEY_REQUIRES(mutex_) {
      bytes_ -= at->first.size() + at->second.size();
      return table.erase(at);
    };
    switch (operation.kind) {
      case WriteBatch::Kind::put: {
        const auto [at, added] = table.try_emplace(operation.key);
        bytes_ += added ? operation.key.size() + operation.value.size() : operation.value.size() - at->second.size();
        at->second = operation.value;
        break;
      }
      case WriteBatch::Kind::remove:
        if (const auto at = table.find(operation.key); at != table.end()) erase(at);
        break;
      case WriteBatch::Kind::remove_range:
        for (auto at = table.lower_bound(operation.key); at != table.end() && at->first < operation.value;)
          at = erase(at);
        break;
    }
  }
  return {};
}

Result<std::optional<std::string>> MemoryStore::get(Family family, std::string_view key) const {
  const ReadLock lock(mutex_);
  const auto& table = *tables_[static_cast<std::size_t>(family)].table;
  const auto at = table.find(key);
  if (at == table.end()) return std::optional<std::string>();
  return std::optional(at->second);
}

Result<std::unique_ptr<StoreView>> MemoryStore::view() const {
  const WriteLock lock(mutex_);
  std::array<std::shared_ptr<const Table>, kFamilyCount> tables;
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    tables_[i].in_view = true;
    tables[i] = tables_[i].table;
  }
  return std::unique_ptr<StoreView>(std::make_unique<View>(std::move(tables)));
}

std::uint64_t MemoryStore::approximate_bytes(Family family, std::string_view from, std::string_view to) const {
  std::uint64_t bytes = 0;
  (void)scan(family, from, to, ScanOrder::forward, [&](std::string_view key, std::string_view value) {
    bytes += key.size() + value.size();
    return Visit::go_on;
  });
  return bytes;
}

Status MemoryStore::scan(Family family, std::string_view from, std::string_view to, ScanOrder order,
                         const Visitor& visit) const {
  const ReadLock lock(mutex_);
  return scan(*tables_[static_cast<std::size_t>(family)].table, from, to, order, visit);
}

Status MemoryStore::scan(const Table& table, std::string_view from, std::string_view to, ScanOrder order,
                         const Visitor& visit) {
  if (from >= to) return {};
  const auto first = table.lower_bound(from);
  const auto end = table.lower_bound(to);
  if (order == ScanOrder::forward) {
    for (auto at = first; at != end; ++at) {
      if (visit(at->first, at->second) == Visit::stop) return {};
    }
  } else {
    for (auto at = end; at != first;) {
      --at;
      if (visit(at->first, at->second) == Visit::stop) return {};
    }
  }
  return {};
}

std::uint64_t MemoryStore::size_bytes() const {
  const ReadLock lock(mutex_);
  return bytes_;
}

}  // namespace parley::storage
