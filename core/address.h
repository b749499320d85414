#pragma once
// Where an answer or an event goes to, and who asked: a node, which of its processes, a hub of that process and a
// session of that hub. Plain values; free of threads.
//
// What does not fit (a hub that is none, a process that is gone, a node that is another one) is nobody's fault: an
// answer can be late, and a peer can be wrong. It is dropped and counted, never a CHECK.

#include "core/ids.h"

#include <compare>
#include <cstdint>

namespace parley {

// A node is its data directory: the id is random and lies there. 0: none.
using NodeId = Id<struct NodeTag>;
// One process of a node. A later one has a larger number, so that what was meant for the one before is told apart:
// hubs, tickets and lives of sessions are counted anew by each process.
using Incarnation = Id<struct IncarnationTag>;

struct NodeAddress {
  NodeId node;
  Incarnation incarnation;
  constexpr auto operator<=>(const NodeAddress&) const = default;
  [[nodiscard]] constexpr bool exists() const { return node.value != 0; }
};

struct SessionAddress {
  HubId hub;
  SocketId session;    // none: the hub itself, or a waiting HTTP request of it
  NodeAddress node{};  // none: nobody waits for an answer
  auto operator<=>(const SessionAddress&) const = default;
  [[nodiscard]] SessionAddress of_hub() const { return {hub, {}, node}; }
};

}  // namespace parley
