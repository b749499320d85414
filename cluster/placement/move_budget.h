#pragma once
// Which shards this node, as their leader, copies to others now, and whether one more may begin: at most
// Rules::moves_max, and none while moves are paused. What has begun goes on. Also for the other side: a node that takes
// copies can count with one of its own. Used by one thread.

#include "core/ids.h"

#include <cstddef>
#include <set>
#include <utility>

namespace parley::cluster::placement {

class MoveBudget {
 public:
  explicit MoveBudget(std::size_t moves_max) : moves_max_(moves_max) {}

  [[nodiscard]] bool has_room() const { return !paused_ && moving_.size() < moves_max_; }
  void begin(ShardId shard) { moving_.insert(shard); }
  void end(ShardId shard) { moving_.erase(shard); }
  // Anew. May be more than the bound, with what leaders before have begun.
  void set(std::set<ShardId> moving) { moving_ = std::move(moving); }
  void pause(bool paused) { paused_ = paused; }
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] const std::set<ShardId>& moving() const { return moving_; }

 private:
  const std::size_t moves_max_;
  bool paused_ = false;
  std::set<ShardId> moving_;
};

}  // namespace parley::cluster::placement
