#pragma once
// What goes between the replicas here and those on other nodes: what came, until the log thread takes it, and what the
// log thread has to say, until the end of its turn.
//
// The ReplicaListener's functions run on the transport's thread; everything else is the log thread's. What waits of one
// peer is bounded; what is more is dropped and counted, as if the network had lost it. Owned by the log.

#include "cluster/peers.h"
#include "core/metrics.h"
#include "core/mutex.h"

#include <cstddef>
#include <functional>
#include <map>
#include <utility>
#include <variant>
#include <vector>

namespace parley::cluster {

class ReplicaPost final : public ReplicaListener {
 public:
  struct Link {
    bool up;
  };
  struct Input {
    NodeAddress from;
    std::variant<std::vector<RaftToShard>, ReplicaNews, SnapshotAsk, SnapshotPart, Link> what;
    std::size_t bytes = 0;
  };

  // `wake`: something came; called on the transport's thread, thread-safe.
  ReplicaPost(Peers& peers, Metrics& metrics, std::function<void()> wake)
      : peers_(peers), metrics_(metrics), wake_(std::move(wake)) {}

  void on_raft_batch(const NodeAddress& from, std::string bytes) override;
  void on_replica_news(const NodeAddress& from, ReplicaNews news) override;
  void on_replica_link(const NodeAddress& peer, bool up) override;
  void on_snapshot_ask(const NodeAddress& from, SnapshotAsk ask) override;
  void on_snapshot_part(const NodeAddress& from, SnapshotPart part) override;

  // In the order in which it came.
  std::vector<Input> take();

  // ---- out; nothing of it waits for anybody ----

  void send(NodeId to, ShardId shard, RaftMessage message) { raft_[to].push_back({shard, std::move(message)}); }
  ReplicaNews& news(NodeId to) { return news_[to]; }
  void ask(NodeId to, SnapshotAsk ask);
  void give(NodeId to, SnapshotPart part);
  // All of it. `lost`: a message to that replica did not leave.
  void flush(const std::function<void(ShardId shard, const RaftMessage& message)>& lost);

  // Who is linked now, as far as take() has said.
  [[nodiscard]] const std::map<NodeId, NodeAddress>& links() const { return links_; }

 private:
  void put(Input input);

  Peers& peers_;
  Metrics& metrics_;
  const std::function<void()> wake_;
  Mutex mutex_;  // a leaf
  std::vector<Input> inbox_ PARLEY_GUARDED_BY(mutex_);
  std::map<NodeId, std::size_t> waiting_ PARLEY_GUARDED_BY(mutex_);  // bytes
  // Log thread.
  std::map<NodeId, NodeAddress> links_;
  std::map<NodeId, std::vector<RaftToShard>> raft_;
  std::map<NodeId, ReplicaNews> news_;
};

}  // namespace parley::cluster
