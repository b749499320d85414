#pragma once
// The channel metas that a shard machine works on: read from the store when they are first needed,
// written once for each batch however often they changed, dropped when they were not used for long. One that says
// nothing is not stored.
// Owned by one shard machine; log thread only.

#include "schemas/codec.h"
#include "storage/store.h"

#include <list>
#include <unordered_map>

namespace parley::cluster {

class MetaCache {
 public:
  MetaCache(ShardId shard, const storage::Store& store, std::size_t clean_max)
      : shard_(shard), store_(store), clean_max_(clean_max) {}

  // Lives until the next write_changed() or forget(). A channel without a meta gets an empty one.
  Result<schemas::ChannelMeta*> get(const ChannelKey& channel);
  void changed(const ChannelKey& channel);
  // Puts what changed; then drops the least recently used beyond the bound. The caller writes the
  // batch before the next get().
  void write_changed(storage::WriteBatch& batch);
  void forget();

 private:
  struct Entry {
    schemas::ChannelMeta meta;
    bool changed = false;
    std::list<const ChannelKey*>::iterator use;
  };

  ShardId shard_;
  const storage::Store& store_;
  std::size_t clean_max_;
  std::unordered_map<ChannelKey, Entry> entries_;  // only looked up, never walked
  std::list<const ChannelKey*> uses_;              // most recent first; points at the map's keys
  std::vector<ChannelKey> changed_;                // in the order of their first change
};

}  // namespace parley::cluster
