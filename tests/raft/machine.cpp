#include "tests/raft/machine.h"

#include "core/check.h"
#include "storage/keys.h"

namespace parley::raft {

namespace keys = storage::keys;

std::uint64_t hashed(std::uint64_t hash, std::string_view bytes) {
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  return hash;
}

std::string command(std::uint64_t number, std::size_t more) { return keys::number(number).append(more, 'x'); }

void Machine::read(const storage::Store& store) {
  commands_.clear();
  const auto all = keys::remembered(shard_);
  CHECK(store.scan(storage::Family::state, all.from, all.to, storage::ScanOrder::forward, [&](auto, auto value) {
    commands_.push_back(*keys::parse_number(value));
    return storage::Visit::go_on;
  }));
}

void Machine::put(std::size_t at, storage::WriteBatch& batch) const {
  batch.put(storage::Family::state, keys::remembered(shard_, at), keys::number(commands_[at]));
}

std::uint64_t Machine::apply(const RaftEntryView& entry, storage::WriteBatch& batch) {
  if (entry.payload.size() < 8) return 0;
  commands_.push_back(*keys::parse_number(entry.payload.substr(0, 8)));
  put(commands_.size() - 1, batch);
  return commands_.back();
}

void Machine::restore(const RaftSnapshot& snapshot, storage::WriteBatch& batch) {
  const auto all = keys::remembered(shard_);
  batch.remove_range(storage::Family::state, all.from, all.to);
  commands_.clear();
  for (std::size_t at = 0; at + 8 <= snapshot.data.size(); at += 8) {
    commands_.push_back(*keys::parse_number(std::string_view(snapshot.data).substr(at, 8)));
    put(commands_.size() - 1, batch);
  }
}

std::string Machine::snapshot() const {
  std::string data;
  for (const auto number : commands_) data += keys::number(number);
  return data;
}

}  // namespace parley::raft
