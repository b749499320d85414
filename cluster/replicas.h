#pragma once
// What the rest of the node tells the shards' replicas: who is in the cluster, and whether this node begins or leaves
// one. Thread-safe; what follows happens on the log thread. Owned by the shards.

#include "cluster/placement/node.h"
#include "core/clock.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace parley::cluster {

class Replicas {
 public:
  virtual ~Replicas() = default;
  // Who is here. With each change, and at the beginning: nothing is placed before.
  // Where it says of this node that it is about to stop, that hands over what it leads, as soon as somebody can take
  // it.
  virtual void see(placement::Picture picture) = 0;
  // Waits until nothing is led here and others lead all of it, as far as is known here; at most so long. Whether it is
  // so.
  virtual bool wait_until_handed_over(milliseconds at_most) = 0;
  // This node made its cluster: it founds the shards, with itself as the only voter, unless it has some.
  virtual void found() = 0;
  // It is of another cluster now, and has no data: its replicas are of no use.
  virtual void give_up() = 0;
  virtual void pause_moves(bool pause) = 0;
  [[nodiscard]] virtual std::size_t shards_led() const = 0;
  [[nodiscard]] virtual std::size_t shards_without_leader() const = 0;  // as far as is known here
  // Shards that would lose their majority with this node, or of which nobody says that they would not. None: it is not
  // known, as while the disk is down.
  [[nodiscard]] virtual std::optional<std::vector<ShardId>> shards_that_need_this_node() const = 0;
};

}  // namespace parley::cluster
