#pragma once
// A Store in memory: for tests, the simulator and nodes that keep nothing. Any thread may call.

#include "storage/store.h"

#include <array>
#include <map>
#include <shared_mutex>

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
  mutable std::shared_mutex mutex_;  // guards all below; a leaf, but held while a scan visits
  std::array<Table, kFamilyCount> tables_;
  std::uint64_t bytes_ = 0;
};

}  // namespace parley::storage
