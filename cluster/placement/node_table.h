#pragma once
// The nodes over time: who is steady, away, gone. It keeps short absences and short visits from mattering, and keeps
// holders of replicas that gossip has forgotten. Pure: time comes in. Bounded by what is shown to it, and by those that
// were there within Rules::replace_after. Used by one thread.

#include "cluster/placement/node.h"
#include "cluster/placement/rules.h"

#include <map>
#include <vector>

namespace parley::cluster::placement {

class NodeTable {
 public:
  explicit NodeTable(const Rules& rules) : rules_(rules) {}

  // Every second or so, and when something has happened. Whether anything differs from before.
  bool update(const Picture& picture, MonoTime now);
  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }  // by id

 private:
  struct Row {
    Node node;
    bool here = false;   // by the last picture: alive, or suspected only
    bool known = false;  // it was steady once, or holds data: to be waited for when it goes
    MonoTime since{};    // here or not
    MonoTime missed{};   // away: since when
  };
  void look(Row& row, bool here, MonoTime now) const;
  static bool forgotten(const Row& row, bool shown);

  const Rules rules_;
  std::map<NodeId, Row> rows_;
  std::vector<Node> nodes_;
};

// Of `nodes` by id. None: nullptr.
const Node* find(const std::vector<Node>& nodes, NodeId id);

}  // namespace parley::cluster::placement
