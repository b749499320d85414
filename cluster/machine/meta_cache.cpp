#include "cluster/machine/meta_cache.h"

#include "storage/keys.h"

namespace parley::cluster {
namespace {

// Of a channel that nobody ever published on and that nobody has a position of: its name need not be remembered.
bool says_nothing(const schemas::ChannelMeta& meta) {
  return meta.epoch.value == 0 && meta.cursors == 0 && meta.cursors_unsure_until.ms == 0;
}

}  // namespace

Result<schemas::ChannelMeta*> MetaCache::get(const ChannelKey& channel) {
  if (const auto found = entries_.find(channel); found != entries_.end()) {
    uses_.splice(uses_.begin(), uses_, found->second.use);
    return &found->second.meta;
  }
  const auto stored = store_.get(storage::Family::state, storage::keys::meta(shard_, channel));
  if (!stored) return stored.error();
  schemas::ChannelMeta meta;
  if (stored->has_value()) {
    auto decoded = schemas::decode_channel_meta(**stored);
    if (!decoded) return make_error(decoded.error().code, channel.text() + ": " + decoded.error().message);
    meta = *decoded;
  }
  const auto added = entries_.try_emplace(channel).first;
  added->second.meta = meta;
  added->second.use = uses_.insert(uses_.begin(), &added->first);
  return &added->second.meta;
}

void MetaCache::changed(const ChannelKey& channel) {
  auto& entry = entries_.at(channel);
  if (entry.changed) return;
  entry.changed = true;
  changed_.push_back(channel);
}

void MetaCache::write_changed(storage::WriteBatch& batch) {
  for (const auto& channel : changed_) {
    auto& entry = entries_.at(channel);
    entry.changed = false;
    auto key = storage::keys::meta(shard_, channel);
    if (says_nothing(entry.meta)) {
      batch.remove(storage::Family::state, std::move(key));
    } else {
      batch.put(storage::Family::state, std::move(key), schemas::encode_channel_meta(entry.meta));
    }
  }
  changed_.clear();
  while (entries_.size() > clean_max_) {
    const auto* oldest = uses_.back();
    uses_.pop_back();
    entries_.erase(entries_.find(*oldest));
  }
}

void MetaCache::forget() {
  entries_.clear();
  uses_.clear();
  changed_.clear();
}

}  // namespace parley::cluster
