#pragma once
// Writes that were decided and are not in the store yet, and a reader that sees both: what the shard
// machine works on. take() gives them as one batch.
//
// Whether one entry or a hundred are applied between two batches, reads give the same answers, so
// the state does not depend on how the log writer happened to group its work.
// Owned by one shard machine, used on the log thread only. Reads do not nest: no read inside a visit.

#include "storage/store.h"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::storage {

class PendingWrites {
 public:
  explicit PendingWrites(const Store& store) : store_(store) {}

  void put(Family family, std::string key, std::string value);
  void remove(Family family, std::string key);
  // Not followed by puts into the range before take(): a batch puts its ranges first.
  void remove_range(Family family, std::string from, std::string to);

  Result<std::optional<std::string>> get(Family family, std::string_view key) const;
  // Keys in [from, to), forward.
  Status scan(Family family, std::string_view from, std::string_view to, const Visitor& visit) const;

  // Everything since the last take(), appended to `batch`. The caller writes it before the next read.
  void take(WriteBatch& batch);
  void forget();
  [[nodiscard]] bool empty() const;

 private:
  using Table = std::map<std::string, std::optional<std::string>, std::less<>>;  // no value: removed
  using Ranges = std::vector<std::pair<std::string, std::string>>;

  [[nodiscard]] bool range_removed(Family family, std::string_view key) const;

  const Store& store_;
  std::array<Table, kFamilyCount> tables_;
  std::array<Ranges, kFamilyCount> ranges_;
};

}  // namespace parley::storage
