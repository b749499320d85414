#pragma once
// What a shard's log leads to here: the list of all commands, which is stored, and is what a snapshot holds.

#include "core/raft_message.h"
#include "storage/store.h"

#include <cstdint>
#include <string>
#include <vector>

namespace parley::raft {

std::uint64_t hashed(std::uint64_t hash, std::string_view bytes);

class Machine {
 public:
  explicit Machine(ShardId shard) : shard_(shard) {}
  void read(const storage::Store& store);
  // The command's number; 0 for the first entry of a term.
  std::uint64_t apply(const RaftEntryView& entry, storage::WriteBatch& batch);
  void restore(const RaftSnapshot& snapshot, storage::WriteBatch& batch);
  [[nodiscard]] std::string snapshot() const;
  [[nodiscard]] const std::vector<std::uint64_t>& commands() const { return commands_; }

 private:
  void put(std::size_t at, storage::WriteBatch& batch) const;

  ShardId shard_;
  std::vector<std::uint64_t> commands_;
};

std::string command(std::uint64_t number, std::size_t more);

}  // namespace parley::raft
