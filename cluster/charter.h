#pragma once
// Which cluster this node is of: in its store, so that a node that starts again is of the one it was of.

#include "core/cluster_member.h"
#include "core/result.h"
#include "storage/store.h"

#include <cstddef>
#include <vector>

namespace parley::cluster {

// `data`: it was written that there is some, or there is: a node may have been alone for years before it is asked.
Result<Charter> read_charter(const storage::Store& store);
// `founder`: the node made the cluster, and founds its shards. `gives_up`: what it has is of another cluster, and goes
// before anything else happens, also after a crash. On the disk when it returns. Any thread.
Status write_charter(storage::Store& store, const Charter& charter, bool founder = false, bool gives_up = false);
Result<bool> read_founder(const storage::Store& store);

// The nodes that an operator has removed, as far as this one knows; itself among them, if it was: then its data
// directory is nobody's any more. On the disk when the second one returns.
Result<std::vector<RemovedNode>> read_removed(const storage::Store& store);
Status write_removed(storage::Store& store, const std::vector<RemovedNode>& removed);
// Both, by time: each node once, the latest `most` of them. However often and in whichever order nodes tell each other,
// all come to the same.
std::vector<RemovedNode> merged(const std::vector<RemovedNode>& a, const std::vector<RemovedNode>& b, std::size_t most);

}  // namespace parley::cluster
