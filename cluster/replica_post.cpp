#include "cluster/replica_post.h"

#include "core/limits.h"
#include "core/log.h"
#include "schemas/peer/raft.h"

namespace parley::cluster {
namespace {

constexpr RaftLimits kLimits;

}  // namespace

void ReplicaPost::put(Input input) {
  {
    const MutexLock lock(mutex_);
    auto& waiting = waiting_[input.from.node];
    if (waiting + input.bytes > kLimits.inbox_bytes_max) return metrics_.peer_messages_dropped("full").add();
    waiting += input.bytes;
    inbox_.push_back(std::move(input));
  }
  wake_();
}

std::vector<ReplicaPost::Input> ReplicaPost::take() {
  std::vector<Input> taken;
  {
    const MutexLock lock(mutex_);
    taken.swap(inbox_);
    waiting_.clear();
  }
  for (const auto& input : taken) {
    const auto* link = std::get_if<Link>(&input.what);
    if (link == nullptr) continue;
    if (link->up) {
      links_[input.from.node] = input.from;
    } else if (const auto found = links_.find(input.from.node); found != links_.end() && found->second == input.from) {
      links_.erase(found);
    }
  }
  return taken;
}

void ReplicaPost::on_raft_batch(const NodeAddress& from, std::string bytes) {
  auto messages = schemas::decode_raft_batch(bytes);
  if (!messages) return metrics_.peer_messages_dropped("damaged").add();
  put({from, std::move(*messages), bytes.size()});
}

void ReplicaPost::on_replica_news(const NodeAddress& from, ReplicaNews news) {
  const auto bytes = 32 * (news.led.size() + news.members.size() + news.strangers.size());
  put({from, std::move(news), bytes});
}

void ReplicaPost::on_replica_link(const NodeAddress& peer, bool up) { put({peer, Link{up}}); }

void ReplicaPost::on_snapshot_ask(const NodeAddress& from, SnapshotAsk ask) {
  const auto bytes = sizeof(ask) + ask.cursor.key.size();
  put({from, std::move(ask), bytes});
}

void ReplicaPost::on_snapshot_part(const NodeAddress& from, SnapshotPart part) {
  auto bytes = sizeof(part);
  for (const auto& row : part.rows) bytes += sizeof(row) + row.key.size() + row.value.size();
  put({from, std::move(part), bytes});
}

void ReplicaPost::ask(NodeId to, SnapshotAsk ask) {
  const auto link = links_.find(to);
  if (link != links_.end()) (void)peers_.ask_for_state(link->second, std::move(ask));  // it is asked again
}

void ReplicaPost::give(NodeId to, SnapshotPart part) {
  const auto link = links_.find(to);
  if (link != links_.end()) (void)peers_.give_state(link->second, std::move(part));  // as above
}

void ReplicaPost::flush(const std::function<void(ShardId, const RaftMessage&)>& lost) {
  for (auto& [to, news] : std::exchange(news_, {})) {
    const auto link = links_.find(to);
    if (link != links_.end() && news != ReplicaNews{}) (void)peers_.tell_replicas(link->second, std::move(news));
  }
  for (const auto& [to, messages] : std::exchange(raft_, {})) {
    const auto link = links_.find(to);
    bool left = link != links_.end();
    if (left) {
      auto made = schemas::raft_batches(messages, kLimits.batch_bytes_max);
      if (made.dropped > 0) log_error("a message between replicas is too large", {{"messages", made.dropped}});
      for (auto& bytes : made.batches) {
        const auto lane = bytes.size() <= kLimits.ahead_bytes_max ? Lane::ahead : Lane::work;
        if (!peers_.replicate(link->second, {std::move(bytes)}, lane)) left = false;
      }
    }
    if (left) continue;
    for (const auto& [shard, message] : messages) lost(shard, message);
  }
}

}  // namespace parley::cluster
