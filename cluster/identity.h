#pragma once
// Which node this is, and which of its processes: kept in the store, so that a node is its data directory. Called once,
// at the start, before anything else writes.

#include "core/address.h"
#include "core/clock.h"
#include "core/random.h"
#include "core/result.h"
#include "storage/store.h"

namespace parley::cluster {

// The node's id is made when the store has none. The incarnation is larger than that of every process before, also of
// those that ran after the store was copied, as far as the clock tells: it is the time in milliseconds, or the one
// before and one. On the disk before it is given.
Result<NodeAddress> begin_incarnation(storage::Store& store, const Clock& clock, Random& random);

}  // namespace parley::cluster
