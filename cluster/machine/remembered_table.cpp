#include "cluster/machine/remembered_table.h"

#include "storage/keys.h"

#include <fmt/format.h>

namespace parley::cluster {
namespace {

// Forgetting everything after a quiet night must not hold up the log thread.
constexpr int kForgetAtOnceMax = 64;

// With lengths: whatever stands in the parts, no two tuples give the same text.
std::string id(std::string_view channel, std::string_view scope, std::string_view key) {
  return fmt::format("{}:{}:{}{}{}", channel.size(), scope.size(), channel, scope, key);
}

}  // namespace

Status RememberedTable::load(const storage::Store& store) {
  entries_.clear();
  by_key_.clear();
  by_once_.clear();
  first_number_ = 1;
  Status outcome;
  const auto range = storage::keys::remembered(shard_);
  const auto scanned = store.scan(
      storage::Family::state, range.from, range.to, storage::ScanOrder::forward,
      [&](std::string_view key, std::string_view value) {
        const auto number = storage::keys::remembered_number(key);
        auto entry = schemas::decode_remembered(value);
        if (!number || !entry || (!entries_.empty() && *number != first_number_ + entries_.size())) {
          outcome = make_error(Errc::corrupt, fmt::format("idempotency records of shard {} are damaged", shard_.value));
          return storage::Visit::stop;
        }
        if (entries_.empty()) first_number_ = *number;
        entries_.push_back(std::move(entry).value());
        index(entries_.back(), *number);
        return storage::Visit::go_on;
      });
  return scanned ? outcome : scanned;
}

std::optional<Position> RememberedTable::find_key(const ChannelKey& channel, const std::string& scope,
                                                  const std::string& key, WallTime now) const {
  const auto* entry = find(by_key_, id(channel.text(), scope, key));
  // One of a release that knew no scopes: it was found by its text alone, and is until its window is over.
  if (entry == nullptr && !scope.empty()) entry = find(by_key_, id(channel.text(), {}, key));
  if (entry == nullptr || entry->time + window_ <= now) return std::nullopt;
  return entry->position;
}

RememberedTable::Once RememberedTable::judge_once(const ChannelKey& channel, const std::string& once,
                                                  milliseconds repeat, WallTime now) const {
  const auto* entry = find(by_once_, id(channel.text(), {}, once));
  if (entry == nullptr || entry->time + 2 * window_ <= now) return Once::unknown;
  const auto age = milliseconds(now.ms - entry->time.ms);
  return age < repeat && age > -repeat ? Once::again : Once::replayed;  // the clock may have jumped back
}

void RememberedTable::add(schemas::Remembered entry, storage::PendingWrites& writes) {
  const auto number = first_number_ + entries_.size();
  writes.put(storage::Family::state, storage::keys::remembered(shard_, number), schemas::encode_remembered(entry));
  index(entry, number);
  const auto now = entry.time;
  entries_.push_back(std::move(entry));
  for (int i = 0; i < kForgetAtOnceMax && (entries_.size() > entries_max_ || over(entries_.front(), now)); ++i) {
    if (entries_.size() == 1) break;  // the numbers go on from the last one, also after a restart
    forget_front(writes);
  }
}

const schemas::Remembered* RememberedTable::find(const Index& index, const std::string& id) const {
  const auto found = index.find(id);
  return found == index.end() ? nullptr : &entries_[found->second - first_number_];
}

bool RememberedTable::over(const schemas::Remembered& entry, WallTime now) const {
  return entry.time + (entry.once.empty() ? window_ : 2 * window_) <= now;
}

void RememberedTable::index(const schemas::Remembered& entry, std::uint64_t number) {
  if (!entry.key.empty()) by_key_.insert_or_assign(id(entry.channel, entry.scope, entry.key), number);
  if (!entry.once.empty()) by_once_.insert_or_assign(id(entry.channel, {}, entry.once), number);
}

void RememberedTable::forget_front(storage::PendingWrites& writes) {
  const auto& entry = entries_.front();
  // A later publication may have taken the key over after its window.
  const auto drop = [this](Index& index, const std::string& id) {
    if (const auto found = index.find(id); found != index.end() && found->second == first_number_) index.erase(found);
  };
  if (!entry.key.empty()) drop(by_key_, id(entry.channel, entry.scope, entry.key));
  if (!entry.once.empty()) drop(by_once_, id(entry.channel, {}, entry.once));
  writes.remove(storage::Family::state, storage::keys::remembered(shard_, first_number_));
  entries_.pop_front();
  ++first_number_;
}

}  // namespace parley::cluster
