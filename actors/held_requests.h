#pragma once
// What the hubs say to the leader of a shard while it still reads what the leader before left open: who is here, who
// came and who left. Nobody says it twice, so it is kept, in order, until the shard is taken up. A plain value of the
// router.
//
// Bounded in bytes for each shard. A hub for which there is no room loses all that it said of that shard, and announces
// it again: what is kept of it would lack its end. A session's last word on what is kept of it stays, if any can.

#include "core/ids.h"
#include "core/request.h"

#include <cstddef>
#include <deque>
#include <map>
#include <vector>

namespace parley::actors {

class HeldRequests {
 public:
  // False: there was no room. What else its hub had here is gone too, and it is to be told so.
  [[nodiscard]] bool hold(ShardId shard, Request&& request);
  std::vector<Request> take(ShardId shard);
  void node_gone(const NodeAddress& node);

 private:
  struct Held {
    Request request;
    std::size_t bytes = 0;
  };
  struct OfShard {
    std::deque<Held> held;
    std::size_t bytes = 0;
  };
  template <class Which>
  static void drop(OfShard& shard, Which&& which);
  std::map<ShardId, OfShard> shards_;
};

}  // namespace parley::actors
