#pragma once
// A node's disk: turns are written in their order and some time later, and a crash keeps any part of what was not
// synced, from the front. Reads see what was written, synced or not, as those of a running process do.

#include "cluster/raft/group_set.h"
#include "storage/memory_store.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace parley::raft {

class Disk {
 public:
  Disk() : synced_(std::make_shared<storage::MemoryStore>()), seen_(std::make_unique<storage::MemoryStore>()) {}

  [[nodiscard]] storage::Store& store() { return *seen_; }
  // What no crash takes. It stays with whoever looks back after a wipe.
  [[nodiscard]] std::shared_ptr<const storage::MemoryStore> synced() const { return synced_; }

  // What a turn led to, ahead of what waits; of one that brings a snapshot it goes behind its batch.
  void write_results(cluster::raft::GroupSet::Turn& turn);
  [[nodiscard]] bool restoring() const { return !waiting_.empty() && waiting_.back().turn.restored; }
  void queue(cluster::raft::GroupSet::Turn turn, std::uint64_t due) { waiting_.push_back({std::move(turn), due}); }
  // Writes what is due; the number of the last turn, or 0.
  std::uint64_t flush(std::uint64_t now);
  void write_now(const storage::WriteBatch& batch);
  [[nodiscard]] std::size_t at_risk() const { return unsynced_.size() + waiting_.size(); }
  // Of what is at risk, the first `kept` are there afterwards.
  void crash(std::size_t kept);
  void wipe();

 private:
  struct Waiting {
    cluster::raft::GroupSet::Turn turn;
    std::uint64_t due;
  };
  void sync();

  std::shared_ptr<storage::MemoryStore> synced_;
  std::unique_ptr<storage::MemoryStore> seen_;
  std::vector<storage::WriteBatch> unsynced_;  // written
  std::deque<Waiting> waiting_;
};

}  // namespace parley::raft
