#pragma once
// What nodes tell each other of who is there: cluster/membership/swim.h says when. Plain values; free of threads.

#include "core/cluster_member.h"

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace parley {

// One node's state, as somebody believes it. `by`: who found it to be silent, of `suspect` and `dead`.
struct Rumour {
  NodeAddress about;
  std::uint32_t refutation = 0;
  NodeState state = NodeState::alive;
  NodeAddress by{};
  std::optional<NodeRecord> record{};
  bool operator==(const Rumour&) const = default;
};

struct Ping {  // to be answered by that process
  std::uint64_t nonce = 0;
  NodeAddress target;
  bool operator==(const Ping&) const = default;
};
struct Ack {  // also of the one in whose stead it is told
  std::uint64_t nonce = 0;
  bool operator==(const Ack&) const = default;
};
struct ProbeFor {  // ping that process, and tell me
  std::uint64_t nonce = 0;
  NodeAddress target;
  bool operator==(const ProbeFor&) const = default;
};
enum class LinkState : std::uint8_t {
  none,  // and why is not known
  up,
  closed,  // by the other end: its process has ended, or is about to
};
struct NoAnswer {  // of the one who was asked for by ProbeFor
  std::uint64_t nonce = 0;
  LinkState link = LinkState::none;  // to it
  bool operator==(const NoAnswer&) const = default;
};
struct Sync {           // rumours of all whom the sender knows, or a part of them
  bool answer = false;  // tell me all whom you know
  bool operator==(const Sync&) const = default;
};

struct Gossip {
  // Of the sender: its wall clock, its cluster, its own refutation.
  std::int64_t wall_ms = 0;
  ClusterId cluster{};
  bool data = false;
  std::uint32_t refutation = 0;
  std::variant<Ping, Ack, ProbeFor, NoAnswer, Sync> what{};
  std::vector<Rumour> rumours{};
  bool operator==(const Gossip&) const = default;
};

}  // namespace parley
