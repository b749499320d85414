#pragma once
// A Store in memory: for tests, the simulator and nodes that keep nothing. Any thread may call. A view shares the
// tables: the first write to a family after it copies that family's table, once.

#include "core/mutex.h"
#include "storage/store.h"

#include <array>
#include <map>
#include <memory>

namespace parley::storage {

class MemoryStore final : public Store {
 public:
  Status write(const WriteBatch& batch, Sync sync) override;
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  Status scan(Family family, std::string_view from, std::string_view to, ScanOrder order,
              const Visitor& visit) const override;
  Result<std::unique_ptr<StoreView>> view() const override;
  std::uint64_t approximate_bytes(Family family, std::string_view from, std::string_view to) const override;
  Status recover() override { return {}; }
  std::uint64_t size_bytes() const override;

 private:
  class View;
  using Table = std::map<std::string, std::string, std::less<>>;
  struct Shared {
    std::shared_ptr<Table> table = std::make_shared<Table>();
    bool in_view = false;  // a view has it, or had it: it does not change any more
  };

  static Status scan(const Table& table, std::string_view from, std::string_view to, ScanOrder order,
                     const Visitor& visit);

  mutable SharedMutex mutex_;  // a leaf, but held while a scan visits
  mutable std::array<Shared, kFamilyCount> tables_ PARLEY_GUARDED_BY(mutex_);
  std::uint64_t bytes_ PARLEY_GUARDED_BY(mutex_) = 0;
};

}  // namespace parley::storage
