#pragma once
// What the rest of the node tells the shards' replicas: who is in the cluster, and whether this node begins or leaves
// one. Thread-safe; what follows happens on the log thread. Owned by the shards.

#include "cluster/placement/node.h"

#include <cstddef>

namespace parley::cluster {

class Replicas {
 public:
  virtual ~Replicas() = default;
  // Who is here. With each change, and at the beginning: nothing is placed before.
  virtual void see(placement::Picture picture) = 0;
  // This node made its cluster: it founds the shards, with itself as the only voter, unless it has some.
  virtual void found() = 0;
  // It is of another cluster now, and has no data: its replicas are of no use.
  virtual void give_up() = 0;
  virtual void pause_moves(bool pause) = 0;
  [[nodiscard]] virtual std::size_t shards_led() const = 0;
  [[nodiscard]] virtual std::size_t shards_without_leader() const = 0;  // as far as is known here
};

}  // namespace parley::cluster
