#pragma once
// What was removed from a store whose tables do not shrink by themselves: which families are to be flushed for it, and
// which ranges to be compacted, until what they hide is gone. Thread-safe.

#include "core/mutex.h"
#include "storage/keys.h"
#include "storage/store.h"

#include <array>
#include <cstddef>
#include <vector>

namespace parley::storage {

class RemovedRanges {
 public:
  void note(const WriteBatch& batch);
  // Whether something was removed since the last call.
  bool take_unflushed(Family family);
  // Those whose tables are to go down a level now: each of them in as many rounds as there are levels.
  std::vector<KeyRange> take_due(Family family);

 private:
  struct Removed {
    KeyRange range;
    int rounds = 0;
  };
  static void add(std::vector<Removed>& ranges, const WriteBatch::Operation& range);

  Mutex mutex_;  // a leaf
  std::array<std::size_t, kFamilyCount> unflushed_ PARLEY_GUARDED_BY(mutex_){};
  std::array<std::vector<Removed>, kFamilyCount> ranges_ PARLEY_GUARDED_BY(mutex_);
};

}  // namespace parley::storage
