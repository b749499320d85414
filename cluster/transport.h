#pragma once
// How bytes get from one node to another. What they mean is schemas/peer/envelope.h's; who says what is
// cluster/peers.h's.
//
// A message to a peer arrives whole, at most once and in the order in which it was sent (in its lane), or not at all:
// what was on its way when a link ended is lost, and nobody is told which. So whoever waits for an answer has a time
// limit, and state is said anew when a peer is up again. A node that is alone has no transport.

#include "core/address.h"

#include <cstdint>
#include <string>
#include <vector>

namespace parley::cluster {

// Told by the transport, on its thread, one after another for one peer: hand over, do not work.
class PeerListener {
 public:
  virtual ~PeerListener() = default;
  // There is a link to this process of the node, which proved that it is it. Another process of the node is another
  // peer: the one before is told down first.
  virtual void on_peer_up(const NodeAddress& peer) = 0;
  virtual void on_peer_down(const NodeAddress& peer) = 0;
  // The other end closed the link by itself (end of stream, a reset), as the kernel does for a process that ends: just
  // before the link is told down. Or, later, it refuses to be dialed; `peer` is who was there last. Not told of links
  // that ended because nothing came for too long, or because this end closed them: of those the peer may be well.
  virtual void on_peer_closed(const NodeAddress& /*peer*/) {}
  // A node that has no business here, or thinks so of this one: of another cluster, or with this node's id. For people.
  virtual void on_peer_refused(const std::string& /*why*/) {}
  // `from` is who is at the link's other end. Between its up and its down.
  virtual void on_message(const NodeAddress& from, std::string bytes) = 0;
};

enum class Sent : std::uint8_t {
  taken,
  full,         // PeerLimits::queue_bytes_max wait for the peer already: dropped
  unreachable,  // there is no link: dropped
};

// Where a node is to be found. `node` 0: whoever is there, as of a seed in the configuration.
struct PeerPlace {
  NodeId node{};
  std::string host;  // a name or an address
  std::uint16_t port = 0;
  auto operator<=>(const PeerPlace&) const = default;
};

// What is in a link's way stays there; only what is ahead of all else may pass it. The order is kept within each.
enum class Lane : std::uint8_t {
  work,   // requests, answers, deliveries
  ahead,  // what must not wait behind them: who is alive, votes. Small
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Once, before the first send(). The listener outlives stop().
  virtual void start(PeerListener& listener) = 0;
  // Whom to have links to, in the stead of what was said before: tried again and again, with pauses. Thread-safe.
  virtual void dial(std::vector<PeerPlace> places) = 0;
  // Thread-safe, never blocks, never calls the listener. The bytes are at most PeerLimits::message_bytes_max.
  virtual Sent send(NodeId to, std::string bytes, Lane lane) = 0;
  // Ends the link to that node, if there is one: something that it should have got is lost. Nothing that is sent from
  // here on reaches it before both ends were told that the link is down; then it is made anew, as one that broke.
  // Thread-safe, never blocks, never calls the listener.
  virtual void drop(NodeId to) = 0;
  // After it nothing is told any more, and send() finds nobody.
  virtual void stop() = 0;

  // Where others dial this node, unless they are told otherwise. 0: there are no ports.
  [[nodiscard]] virtual std::uint16_t port() const { return 0; }
  // The node has become part of a cluster (0: of none): whoever is of another one has no business here. Thread-safe;
  // for connections that begin later.
  virtual void set_cluster(std::uint64_t /*cluster*/) {}
};

}  // namespace parley::cluster
