#pragma once
// Which cluster this node is of: in its store, so that a node that starts again is of the one it was of.

#include "core/cluster_member.h"
#include "core/result.h"
#include "storage/store.h"

namespace parley::cluster {

// `data`: it was written that there is some, or there is: a node may have been alone for years before it is asked.
Result<Charter> read_charter(const storage::Store& store);
// `founder`: the node made the cluster, and founds its shards. `gives_up`: what it has is of another cluster, and goes
// before anything else happens, also after a crash. On the disk when it returns. Any thread.
Status write_charter(storage::Store& store, const Charter& charter, bool founder = false, bool gives_up = false);
Result<bool> read_founder(const storage::Store& store);

}  // namespace parley::cluster
