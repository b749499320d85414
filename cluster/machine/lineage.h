#pragma once
// Which name a channel's history goes by after its newest publications may have been lost.
//
// What is appended with durability `async` is told before the disk has it. After a power loss, or a disk that
// failed under a living process, the newest offsets may be given out a second time, to other publications. So
// that a position names one publication for ever, each such event begins a new lineage of the shard, a number
// that only grows, and a channel whose last publication was not synced has another epoch from then on: its offsets
// go on, the publications that are left are known by the new epoch, and who comes with the old one is told of a gap.
//
// A channel without such a tail keeps its epoch. The mark that it has one is synced before the first unsynced
// publication after synced ones is told (see ShardMachine::must_sync). Pure: readers and the machine come to the
// same epoch before anything is written.

#include "schemas/codec.h"

namespace parley::cluster {

[[nodiscard]] Epoch epoch_in(const schemas::ChannelMeta& meta, std::uint64_t lineage);
// For a command without an epoch, as earlier releases logged them, on a channel without one.
[[nodiscard]] Epoch first_epoch(const ChannelKey& channel, WallTime time);

}  // namespace parley::cluster
