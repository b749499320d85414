#include "tests/raft/disk.h"

#include "core/check.h"

#include <string>

namespace parley::raft {

void Disk::sync() {
  for (const auto& batch : unsynced_) CHECK(synced_->write(batch, storage::Sync::yes));
  unsynced_.clear();
}

void Disk::write_results(cluster::raft::GroupSet::Turn& turn) {
  if (turn.restored) return turn.batch.append(std::exchange(turn.results, {}));
  if (turn.results.empty()) return;
  CHECK(seen_->write(turn.results, storage::Sync::no));
  unsynced_.push_back(std::exchange(turn.results, {}));
}

std::uint64_t Disk::flush(std::uint64_t now) {
  std::uint64_t last = 0;
  bool to_sync = false;
  while (!waiting_.empty() && waiting_.front().due <= now) {
    auto& turn = waiting_.front().turn;
    CHECK(seen_->write(turn.batch, turn.sync));
    unsynced_.push_back(std::move(turn.batch));
    to_sync |= turn.sync == storage::Sync::yes;
    last = turn.number;
    waiting_.pop_front();
  }
  if (to_sync) sync();
  return last;
}

void Disk::write_now(const storage::WriteBatch& batch) {
  CHECK(waiting_.empty());
  CHECK(seen_->write(batch, storage::Sync::yes));
  unsynced_.push_back(batch);
  sync();
}

void Disk::crash(std::size_t kept) {
  for (auto& one : waiting_) unsynced_.push_back(std::move(one.turn.batch));
  waiting_.clear();
  unsynced_.resize(std::min(kept, unsynced_.size()));
  sync();
  auto after = std::make_unique<storage::MemoryStore>();
  storage::WriteBatch all;
  for (const auto family : {storage::Family::log, storage::Family::history, storage::Family::state}) {
    CHECK(synced_->scan(family, "", std::string(4, '\xff'), storage::ScanOrder::forward, [&](auto key, auto value) {
      all.put(family, std::string(key), std::string(value));
      return storage::Visit::go_on;
    }));
  }
  CHECK(after->write(all, storage::Sync::yes));
  seen_ = std::move(after);
}

void Disk::wipe() {
  waiting_.clear();
  unsynced_.clear();
  synced_ = std::make_shared<storage::MemoryStore>();
  seen_ = std::make_unique<storage::MemoryStore>();
}

}  // namespace parley::raft
