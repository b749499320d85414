#pragma once
// Links between nodes in memory, moved by hand: what was sent waits until a test delivers it, in the order that the
// test chooses between links. Links can end, and then lose what was on its way. On one thread.

#include "cluster/transport.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/limits.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace parley::testing {

class MemoryNetwork {
 public:
  explicit MemoryNetwork(PeerLimits limits = {}) : limits_(limits) {}

  class End final : public cluster::Transport {
   public:
    End(MemoryNetwork& network, NodeAddress self) : network_(network), self_(self) {}
    ~End() override { stop(); }
    void start(cluster::PeerListener& listener) override { network_.begin(self_, listener); }
    void dial(std::vector<cluster::PeerPlace> /*places*/) override {}  // connect() makes the links
    cluster::Sent send(NodeId to, std::string bytes, cluster::Lane /*lane*/) override {
      return network_.send(self_, to, std::move(bytes));
    }
    void drop(NodeId to) override { network_.drop(self_.node, to); }
    void stop() override { network_.end(self_.node); }

   private:
    MemoryNetwork& network_;
    const NodeAddress self_;
  };

  std::unique_ptr<End> add(NodeAddress self) { return std::make_unique<End>(*this, self); }

  // Both are told, the first one first.
  void connect(NodeId a, NodeId b) {
    CHECK(nodes_.contains(a) && nodes_.contains(b) && !linked(a, b));
    {
      const std::lock_guard lock(mutex_);
      links_[{a, b}];
      links_[{b, a}];
    }
    nodes_.at(a).listener->on_peer_up(nodes_.at(b).self);
    nodes_.at(b).listener->on_peer_up(nodes_.at(a).self);
  }
  void cut(NodeId a, NodeId b) {
    if (!linked(a, b)) return;
    erase(a, b);
    nodes_.at(a).listener->on_peer_down(nodes_.at(b).self);
    nodes_.at(b).listener->on_peer_down(nodes_.at(a).self);
  }
  // Those that an end wants to end; until then nothing goes over them. True: there were some.
  bool cut_dropped() {
    bool any = false;
    for (const auto& [a, b] : links()) {
      if (!is_dropped(a, b)) continue;
      cut(a, b);
      any = true;
    }
    return any;
  }
  [[nodiscard]] bool is_dropped(NodeId from, NodeId to) const {
    const std::lock_guard lock(mutex_);
    const auto place = links_.find({from, to});
    return place != links_.end() && place->second.dropped;
  }
  [[nodiscard]] bool linked(NodeId a, NodeId b) const {
    const std::lock_guard lock(mutex_);
    return links_.contains({a, b});
  }

  // The oldest message from one to the other. False: there is none.
  bool deliver(NodeId from, NodeId to) {
    std::string bytes;
    {
      const std::lock_guard lock(mutex_);
      const auto place = links_.find({from, to});
      if (place == links_.end() || place->second.messages.empty()) return false;
      bytes = std::move(place->second.messages.front());
      place->second.messages.pop_front();
      place->second.bytes -= bytes.size();
    }
    nodes_.at(to).listener->on_message(nodes_.at(from).self, std::move(bytes));
    return true;
  }
  // Until nothing is on its way, whatever what is delivered leads to on this thread. How many it were.
  std::size_t deliver_all() {
    std::size_t count = 0;
    for (bool any = true; any;) {
      any = false;
      for (const auto& [from, to] : links()) {
        if (!deliver(from, to)) continue;
        ++count;
        any = true;
      }
    }
    return count;
  }
  // Until something is on its way. False: in the given time nothing was.
  bool wait(milliseconds at_most) {
    std::unique_lock lock(mutex_);
    return sent_.wait_for(lock, at_most, [this] {
      return std::any_of(links_.begin(), links_.end(), [](const auto& row) { return !row.second.messages.empty(); });
    });
  }
  [[nodiscard]] std::size_t waiting(NodeId from, NodeId to) const {
    const std::lock_guard lock(mutex_);
    const auto place = links_.find({from, to});
    return place == links_.end() ? 0 : place->second.messages.size();
  }
  // The next message from one to the other becomes this.
  void replace_next(NodeId from, NodeId to, std::string bytes) {
    const std::lock_guard lock(mutex_);
    auto& link = links_.at({from, to});
    link.bytes = link.bytes - link.messages.front().size() + bytes.size();
    link.messages.front() = std::move(bytes);
  }
  [[nodiscard]] std::string next(NodeId from, NodeId to) const {
    const std::lock_guard lock(mutex_);
    return links_.at({from, to}).messages.front();
  }

 private:
  struct Node {
    NodeAddress self;
    cluster::PeerListener* listener = nullptr;
  };
  struct Link {
    std::deque<std::string> messages;
    std::size_t bytes = 0;
    bool dropped = false;
  };

  void begin(NodeAddress self, cluster::PeerListener& listener) {
    CHECK(!nodes_.contains(self.node));
    nodes_[self.node] = {self, &listener};
  }
  void end(NodeId node) {
    if (!nodes_.contains(node)) return;
    for (auto place = nodes_.begin(); place != nodes_.end(); ++place) {
      const auto other = place->first;
      if (!linked(node, other)) continue;
      erase(node, other);
      place->second.listener->on_peer_closed(nodes_.at(node).self);  // the one that ends is told nothing any more
      place->second.listener->on_peer_down(nodes_.at(node).self);
    }
    nodes_.erase(node);
  }
  cluster::Sent send(const NodeAddress& from, NodeId to, std::string bytes) {
    CHECK(bytes.size() <= limits_.message_bytes_max);
    const std::lock_guard lock(mutex_);
    const auto place = links_.find({from.node, to});
    if (place == links_.end() || place->second.dropped) return cluster::Sent::unreachable;
    auto& link = place->second;
    if (link.bytes + bytes.size() > limits_.queue_bytes_max) return cluster::Sent::full;
    link.bytes += bytes.size();
    link.messages.push_back(std::move(bytes));
    sent_.notify_all();
    return cluster::Sent::taken;
  }

  void drop(NodeId from, NodeId to) {
    const std::lock_guard lock(mutex_);
    const auto place = links_.find({from, to});
    if (place == links_.end()) return;
    place->second.dropped = true;
    place->second.messages.clear();
  }

  void erase(NodeId a, NodeId b) {
    const std::lock_guard lock(mutex_);
    links_.erase({a, b});
    links_.erase({b, a});
  }
  std::vector<std::pair<NodeId, NodeId>> links() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<NodeId, NodeId>> all;
    for (const auto& [ends, link] : links_) all.push_back(ends);
    return all;
  }

  PeerLimits limits_;
  mutable std::mutex mutex_;  // guards links_
  std::condition_variable sent_;
  std::map<NodeId, Node> nodes_;
  std::map<std::pair<NodeId, NodeId>, Link> links_;
};

}  // namespace parley::testing
