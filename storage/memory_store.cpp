#include "storage/memory_store.h"

#include <iterator>

namespace parley::storage {

Status MemoryStore::write(const WriteBatch& batch, Sync) {
  const WriteLock lock(mutex_);
  for (const auto& operation : batch.operations()) {
    auto& table = tables_[static_cast<std::size_t>(operation.family)];
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
  const auto& table = tables_[static_cast<std::size_t>(family)];
  const auto at = table.find(key);
  if (at == table.end()) return std::optional<std::string>();
  return std::optional(at->second);
}

Status MemoryStore::scan(Family family, std::string_view from, std::string_view to, ScanOrder order,
                         const Visitor& visit) const {
  if (from >= to) return {};
  const ReadLock lock(mutex_);
  const auto& table = tables_[static_cast<std::size_t>(family)];
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
