#pragma once
// Which rows of a shard are its state, in which order they travel, and what vouches for them. Pure.
//
// All rows of the shard's range in the families `history` and `state`, but for those that are the replica's own: the
// applied index and the membership, which the receiver's group writes, and the marker of a restore. Nothing of the log.

#include "core/snapshot_transfer.h"
#include "storage/keys.h"
#include "storage/store.h"

#include <cstdint>
#include <string_view>

namespace parley::cluster::snapshots {

inline constexpr SnapshotFamily kFirstFamily = SnapshotFamily::history;
inline constexpr SnapshotFamily kLastFamily = SnapshotFamily::state;

storage::Family family_of(SnapshotFamily family);
// In `state`; not part of what travels.
bool is_replicas_own(ShardId shard, std::string_view key);
// Whether the row with that key may travel.
bool is_of(ShardId shard, SnapshotFamily family, std::string_view key);
// All of the shard's rows that travel.
void remove_all(ShardId shard, storage::WriteBatch& batch);

// What stands right behind the part's rows; behind no rows, the cursor itself.
SnapshotCursor after(const SnapshotPart& part);

// FNV-1a, 64 bit: what is damaged by accident is noticed, and its state is one number, so that it goes on after a
// crash. Who means harm needs no checksum: he is a member of the cluster.
class Checksum {
 public:
  explicit Checksum(std::uint64_t begun = kBegin) : state_(begun) {}
  void add(std::string_view bytes);
  void add(std::uint64_t number);
  // A row, or what comes of it from `offset` on. However a row was cut, the sum is the same.
  void add(const SnapshotRow& row, std::uint64_t offset);
  [[nodiscard]] std::uint64_t value() const { return state_; }

  static constexpr std::uint64_t kBegin = 0xCBF29CE484222325U;

 private:
  std::uint64_t state_;
};
// Of all that the part says, but for itself.
std::uint64_t checksum_of(const SnapshotPart& part);

}  // namespace parley::cluster::snapshots
