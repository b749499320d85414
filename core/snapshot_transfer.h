#pragma once
// How a shard's state gets to a replica that is too far behind: what two nodes say to each other of it. Plain values;
// cluster/snapshots says when, schemas/peer/envelope.h has their wire form. Bounds: SnapshotLimits in core/limits.h.

#include "core/raft_message.h"

#include <cstdint>
#include <string>
#include <vector>

namespace parley {

// What stands in RaftSnapshot::data: where the state is to be had. The rows themselves are asked for.
struct SnapshotOffer {
  std::uint64_t id = 0;      // random; of this view of the shard on that node
  std::uint64_t bytes = 0;   // of all rows, about
  std::uint32_t format = 0;  // of the rows: the store's schema version
  bool operator==(const SnapshotOffer&) const = default;
};

// The parts of a shard's state, in the order in which they come.
enum class SnapshotFamily : std::uint8_t { history, state };

// From where on: of the first row of `family`, or a later one, whose key is not less than `key`, the value's bytes from
// `offset` on.
struct SnapshotCursor {
  SnapshotFamily family = SnapshotFamily::history;
  std::string key{};
  std::uint64_t offset = 0;  // not 0: of the row with that very key
  auto operator<=>(const SnapshotCursor&) const = default;
};

// By the replica that gets the state, to the one that has it.
struct SnapshotAsk {
  enum class Kind : std::uint8_t {
    part,      // give what stands at `cursor`
    arrived,   // all of it is here
    given_up,  // nothing more is asked for
  };
  ShardId shard;
  std::uint64_t id = 0;
  ReplicaId from;
  ReplicaId to;
  Kind kind = Kind::part;
  SnapshotCursor cursor{};
  bool operator==(const SnapshotAsk&) const = default;
};

struct SnapshotRow {
  SnapshotFamily family = SnapshotFamily::history;
  std::string key;
  std::string value;     // of the first row from the cursor's offset on
  bool goes_on = false;  // in the next part: only the last row of a part
  bool operator==(const SnapshotRow&) const = default;
};

// Rows in their order, each once. The next part begins right behind the last of them.
struct SnapshotPart {
  ShardId shard;
  std::uint64_t id = 0;
  ReplicaId from;
  ReplicaId to;
  bool gone = false;  // there is nothing of that id (any more); nothing below counts
  bool last = false;
  SnapshotCursor cursor{};  // as it was asked for
  std::vector<SnapshotRow> rows{};
  std::uint64_t checksum = 0;  // of this part (cluster/snapshots/snapshot_rows.h)
  std::uint64_t whole = 0;     // of all rows from the first to the last: with the last part
  bool operator==(const SnapshotPart&) const = default;
};

}  // namespace parley
