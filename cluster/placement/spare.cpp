#include "cluster/placement/spare.h"

#include "cluster/placement/node_table.h"

#include <algorithm>

namespace parley::cluster::placement {

bool spares(const ShardView& view, const std::vector<Node>& nodes, const Rules& rules, NodeId without) {
  const auto voters =
      std::count_if(view.replicas.begin(), view.replicas.end(), [](const auto& one) { return one.voter; });
  const auto left = std::count_if(view.replicas.begin(), view.replicas.end(), [&](const Replica& one) {
    if (!one.voter || one.lost || one.node == without) return false;
    const auto* node = find(nodes, one.node);
    if (node == nullptr || node->intent != Intent::stay) return false;
    return one.id == view.leader ||
           (node->alive && one.answers && one.lacks && *one.lacks <= rules.lag_max && !one.snapshot);
  });
  return left > voters / 2;
}

}  // namespace parley::cluster::placement
