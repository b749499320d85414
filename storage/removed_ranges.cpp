#include "storage/removed_ranges.h"

#include <algorithm>
#include <utility>

namespace parley::storage {
namespace {

// Beyond, all that lies between them.
constexpr std::size_t kRangesMax = 64;
constexpr int kLevels = 7;

}  // namespace

void RemovedRanges::note(const WriteBatch& batch) {
  const auto removes = [](const auto& operation) { return operation.kind != WriteBatch::Kind::put; };
  const auto& operations = batch.operations();
  auto at = std::find_if(operations.begin(), operations.end(), removes);
  if (at == operations.end()) return;
  const MutexLock lock(mutex_);
  for (; at != operations.end(); ++at) {
    const auto& operation = *at;
    if (!removes(operation)) continue;
    const auto family = static_cast<std::size_t>(operation.family);
    ++unflushed_[family];
    if (operation.kind == WriteBatch::Kind::remove_range) add(ranges_[family], operation);
  }
}

void RemovedRanges::add(std::vector<Removed>& ranges, const WriteBatch::Operation& range) {
  if (ranges.size() < kRangesMax) {
    ranges.push_back({{range.key, range.value}});
    return;
  }
  auto& last = ranges.back();
  last.range.from = std::min(last.range.from, range.key);
  last.range.to = std::max(last.range.to, range.value);
  last.rounds = std::min(last.rounds, 1);  // never put off for ever by what joins it
}

bool RemovedRanges::take_unflushed(Family family) {
  const MutexLock lock(mutex_);
  return std::exchange(unflushed_[static_cast<std::size_t>(family)], 0) != 0;
}

std::vector<KeyRange> RemovedRanges::take_due(Family family) {
  std::vector<KeyRange> due;
  const MutexLock lock(mutex_);
  auto& kept = ranges_[static_cast<std::size_t>(family)];
  for (auto& one : kept) {
    if (one.rounds++ > 0) due.push_back(one.range);  // in the first it was not flushed yet
  }
  std::erase_if(kept, [](const Removed& one) { return one.rounds > kLevels; });
  return due;
}

}  // namespace parley::storage
