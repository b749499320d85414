#pragma once
// A node, as the placement of replicas sees it. Plain values.

#include "core/cluster_member.h"
#include "core/ids.h"

#include <cstdint>
#include <string>
#include <vector>

namespace parley::cluster::placement {

// What is to become of a node, by its own word or an operator's.
enum class Intent : std::uint8_t {
  stay,
  drain,   // it is about to stop, as for a restart: leads go, data stays
  remove,  // for good, alive or dead: data goes as well
};

// What is planned with a node. Changes slowly; whether something can be done there now is another question.
enum class Standing : std::uint8_t {
  fresh,   // here, and not for long enough: nothing is planned with it yet, and nothing on it is given up
  steady,  // here
  away,    // it was here, or holds data: it is waited for
  gone,    // away for Rules::replace_after
};

struct Node {
  NodeId id;
  std::string zone{};
  bool heard = false;  // by this process, from gossip; else the zone is not known
  bool alive = false;  // now, as gossip has it, and not suspected
  Standing standing = Standing::fresh;
  Intent intent = Intent::stay;
  bool operator==(const Node&) const = default;

  // Whether replicas may be wanted there.
  [[nodiscard]] bool counts() const {
    return intent != Intent::remove && (standing == Standing::steady || standing == Standing::away);
  }
  // But for seconds, maybe.
  [[nodiscard]] bool is_here() const { return alive || standing == Standing::steady; }
  // Whether it can be given something now.
  [[nodiscard]] bool takes() const { return alive && standing == Standing::steady && intent == Intent::stay; }
  // Nobody waits for what is there.
  [[nodiscard]] bool given_up() const {
    return standing == Standing::gone || (intent == Intent::remove && standing == Standing::away && !alive);
  }
  bool operator<(const Node& other) const { return id < other.id; }
};

// One look at the cluster: the own node and all that gossip knows.
struct Sighting {
  NodeId node;
  std::string zone{};
  NodeState state = NodeState::alive;
  Intent intent = Intent::stay;
};
struct Picture {
  std::vector<Sighting> nodes;
  std::vector<NodeId> holders{};  // of replicas of the shards that this node knows of: gossip may have forgotten them
  std::vector<NodeId> removed{};  // by an operator, also whom gossip has forgotten
};

}  // namespace parley::cluster::placement
