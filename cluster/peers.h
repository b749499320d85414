#pragma once
// What this node says to others, and what they say to it: makes envelopes and takes them apart. What is damaged, or
// meant for another process than this one, is dropped here and counted, so that nobody behind it sees it.
//
// Thread-safe: any thread sends; the transport's thread receives. Owned by server/node; outlives the actors.

#include "cluster/transport.h"
#include "core/clock.h"
#include "core/gossip.h"
#include "core/ids.h"
#include "core/metrics.h"
#include "core/replica_news.h"
#include "core/request.h"
#include "core/snapshot_transfer.h"

#include <optional>
#include <vector>

namespace parley::schemas {
struct Envelope;
}

namespace parley::cluster {

// Who a message is for, when it is for a shard: its leader in that term, as far as the sender knows.
struct ShardTerm {
  ShardId shard;
  Term term;
};

// Implemented by the actors. On the transport's thread: hand over, do not work.
class PeerInbox {
 public:
  virtual ~PeerInbox() = default;
  // `request.from` is an address of that peer.
  virtual void on_peer_request(std::optional<ShardTerm> at, Request request) = 0;
  virtual void on_peer_reply(Reply reply) = 0;
  virtual void on_peer_delivery(const std::vector<HubId>& hubs, const ChannelEventPtr& event) = 0;
  virtual void on_peer_up(const NodeAddress& peer) = 0;
  virtual void on_peer_down(const NodeAddress& peer) = 0;
};

// Implemented by cluster/membership. On the transport's thread, as PeerInbox, and told of links before that.
class GossipListener {
 public:
  virtual ~GossipListener() = default;
  virtual void on_gossip(const NodeAddress& from, Gossip gossip) = 0;
  virtual void on_link_up(const NodeAddress& peer) = 0;
  virtual void on_link_down(const NodeAddress& peer) = 0;
  virtual void on_link_closed(const NodeAddress& peer) = 0;  // by the other end: PeerListener says when
  virtual void on_link_refused(const std::string& why) = 0;  // for people: PeerListener says of whom
};

// What replicas say to each other, and a shard's state on its way: implemented by whoever owns the replicas. On the
// transport's thread, as PeerInbox.
class ReplicaListener {
 public:
  virtual ~ReplicaListener() = default;
  virtual void on_raft_batch(const NodeAddress& from, std::string bytes) = 0;
  virtual void on_replica_news(const NodeAddress& from, ReplicaNews news) = 0;
  virtual void on_replica_link(const NodeAddress& peer, bool up) = 0;
  virtual void on_snapshot_ask(const NodeAddress& from, SnapshotAsk ask) = 0;
  virtual void on_snapshot_part(const NodeAddress& from, SnapshotPart part) = 0;
};

class Peers final : public PeerListener {
 public:
  Peers(NodeAddress self, Transport& transport, const Clock& clock, Metrics& metrics, PeerInbox& inbox)
      : self_(self), transport_(transport), clock_(clock), metrics_(metrics), inbox_(inbox) {}

  // An Error says that it did not leave: `overloaded`, `not_found` (no link) or `too_large`.
  Status ask(const NodeAddress& to, std::optional<ShardTerm> at, Request request);
  // To the node of its address. In the stead of one that is too large whoever waits hears that it is.
  Status answer(Reply reply);
  Status tell(const NodeAddress& to, std::vector<HubId> hubs, ChannelEventPtr event);  // one message for all hubs there

  // Something that nobody says twice did not get there: the link ends, and what counts is said anew over the next one.
  // Of an answer or an event that finds the peer's queue full this follows by itself.
  void drop(const NodeAddress& to);

  // Ahead of everything else that waits for that peer. An Error as of ask().
  Status gossip(const NodeAddress& to, Gossip gossip);

  // `ahead`: of all work that waits for the peer, for what is small. An Error as of ask().
  Status replicate(const NodeAddress& to, RaftBatch batch, Lane lane);
  Status tell_replicas(const NodeAddress& to, ReplicaNews news);
  // Behind what waits for that peer already. An Error as of ask().
  Status ask_for_state(const NodeAddress& to, SnapshotAsk ask);
  Status give_state(const NodeAddress& to, SnapshotPart part);

  // Before the transport starts, and they outlive it. What nobody listens to is dropped, and counted.
  void set_gossip_listener(GossipListener* listener) { gossip_listener_ = listener; }
  void set_replica_listener(ReplicaListener* listener) { replica_listener_ = listener; }

  void on_peer_up(const NodeAddress& peer) override;
  void on_peer_down(const NodeAddress& peer) override;
  void on_peer_closed(const NodeAddress& peer) override;
  void on_peer_refused(const std::string& why) override;
  void on_message(const NodeAddress& from, std::string bytes) override;

 private:
  Status send(const schemas::Envelope& envelope, Lane lane = Lane::work);

  const NodeAddress self_;
  Transport& transport_;
  const Clock& clock_;
  Metrics& metrics_;
  PeerInbox& inbox_;
  std::optional<MonoTime> damage_logged_;  // on the transport's thread
  GossipListener* gossip_listener_ = nullptr;
  ReplicaListener* replica_listener_ = nullptr;
};

}  // namespace parley::cluster
