#pragma once
// All links of this node: who may come in, which of two connections to a node is the link, who is told what, and when a
// link ends. The rules are in docs/adr/0018-links-between-nodes.md.
//
// Belongs to the multiplexer's thread, on which it tells the listener; only routes() is for everybody.

#include "cluster/caf_transport/dial_plan.h"
#include "cluster/caf_transport/dialer.h"
#include "cluster/caf_transport/outbox.h"
#include "cluster/caf_transport/tls.h"
#include "cluster/transport.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "core/random.h"
#include "schemas/peer/hello.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace caf::io::network {
class default_multiplexer;
}

namespace parley::cluster {

// The outbox of each linked node. Thread-safe.
class Routes {
 public:
  std::shared_ptr<Outbox> find(NodeId node) const {
    const ReadLock lock(mutex_);
    const auto found = outboxes_.find(node.value);
    return found == outboxes_.end() ? nullptr : found->second;
  }
  // Of the one in which most waits.
  std::size_t waiting_bytes_most() const {
    const ReadLock lock(mutex_);
    std::size_t most = 0;
    for (const auto& [node, outbox] : outboxes_) most = std::max(most, outbox->waiting_bytes());
    return most;
  }
  void set(NodeId node, std::shared_ptr<Outbox> outbox) {
    const WriteLock lock(mutex_);
    outboxes_[node.value] = std::move(outbox);
  }
  void erase(NodeId node) {
    const WriteLock lock(mutex_);
    outboxes_.erase(node.value);
  }

 private:
  mutable SharedMutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Outbox>> outboxes_ PARLEY_GUARDED_BY(mutex_);
};

// What this node says of itself. `cluster` may become known later.
struct LinkSelf {
  schemas::Hello hello;
  std::atomic<std::uint64_t> cluster{0};
};

class Links {
 public:
  struct Outside {  // outlives the links
    const Clock& clock;
    Random& random;
    Metrics& metrics;
  };
  // Starts an attempt to connect; its end is told by on_dialed().
  using Dial = std::function<void(std::uint64_t attempt, const PeerPlace& place)>;

  Links(const LinkSelf& self, const LinkLimits& limits, const PeerLimits& peers, std::shared_ptr<const TlsContext> tls,
        Outside outside, Dial dial);
  ~Links();

  Routes& routes() { return routes_; }
  void start(caf::io::network::default_multiplexer& loop, PeerListener& listener);
  void set_places(std::vector<PeerPlace> places);
  void on_accepted(OwnedSocket socket);
  void on_dialed(std::uint64_t attempt, Result<OwnedSocket> connected);
  void drop(NodeId to, const Outbox& outbox);  // the link that has it, if it still is one
  void send_waiting(NodeId to);                // something was put into its empty outbox
  void tick();
  // Nothing is told after it. False from finish(): the multiplexer is not done with all of them; ask again later.
  void close_all();
  bool finish();

 private:
  class Connection;
  enum class Stage { hello, accept, up, refused, over };

  std::uint64_t add(OwnedSocket socket, std::optional<PeerPlace> dialed);
  void remove(Connection& connection, const std::string& why);
  // What became of an introduction, or of what came instead of one.
  void introduced(Connection& connection, schemas::Hello hello);
  void settle(Connection& connection);
  void raise(Connection& connection);
  void cut(Connection& connection, std::string_view reason, const std::string& why);
  void refuse(Connection& connection, std::string_view reason, const std::string& message);
  void refused(Connection& connection, const schemas::Refusal& refusal);
  void tell_refused(std::string_view reason, const std::string& name, const std::string& address,
                    const std::string& message);
  void attempt_failed(const PeerPlace& place, const std::string& why);
  Connection* link_to(NodeId node);
  bool may_say(std::string_view what);  // strangers must not fill the log
  void sweep();
  void dial_due();

  const LinkSelf& self_;
  const LinkLimits limits_;
  const PeerLimits peers_;
  const std::shared_ptr<const TlsContext> tls_;
  const Outside outside_;
  const Dial dial_;
  caf::io::network::default_multiplexer* loop_ = nullptr;
  PeerListener* listener_ = nullptr;
  Routes routes_;
  DialPlan plan_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, PeerPlace> attempts_;
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::map<NodeId, Connection*> links_;
  std::vector<std::unique_ptr<Connection>> over_;  // until the multiplexer has forgotten them
  std::map<std::string, std::size_t> strangers_;   // by address: those that came in and are not up
  std::size_t stranger_count_ = 0;
  std::size_t came_in_ = 0;  // since the second began
  MonoTime second_began_{};
  std::map<std::string, MonoTime, std::less<>> said_;
  std::size_t dialed_itself_ = 0;  // connections that it refused as its own, and has not yet met at their other end
  bool closing_ = false;
};

}  // namespace parley::cluster
