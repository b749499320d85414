#pragma once
// A Store in memory: for tests, the simulator and nodes that keep nothing. Any thread may call.

#include "core/mutex.h"
#include "storage/store.h"

#include <array>
#include <map>

namespace parley::storage {

class MemoryStore final : public Store {
 public:
  Status write(const WriteBatch& batch, Sync sync) override;
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override;
  Status scan(Family family, std::string_view from, std::string_view to, ScanOrder order,
              const Visitor& visit) const override;
  Status recover() override { return {}; }
  std::uint64_t size_bytes() const override;

 private:
  using Table = std::map<std::string, std::string, std::less<>>;
  mutable SharedMutex mutex_;  // a leaf, but held while a scan visits
  std::array<Table, kFamilyCount> tables_ PARLEY_GUARDED_BY(mutex_);
  std::uint64_t bytes_ PARLEY_GUARDED_BY(mutex_) = 0;
};

}  // namespace parley::storage
