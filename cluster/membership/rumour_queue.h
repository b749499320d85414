#pragma once
// Whom there is something to tell about, and how often that was done. What is told is built when it goes out, from what
// is known then: so there is one row a member at most, and nothing old is told. Pure, used by one thread.

#include "core/address.h"

#include <cstddef>
#include <map>
#include <vector>

namespace parley::cluster {

enum class About : std::uint8_t {
  record,  // what the member says of itself
  state,   // whether it lives: goes first
};

class RumourQueue {
 public:
  // Anew, however often it was told before.
  void put(NodeId node, About what, bool with_record);
  void drop(NodeId node) { rows_.erase(node); }
  struct Item {
    NodeId node;
    bool with_record;
  };
  // State before records, and what was told least first.
  [[nodiscard]] std::vector<Item> order() const;
  // It went out; after so many times it is done.
  void told(NodeId node, unsigned times_state, unsigned times_record);
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

 private:
  struct Row {
    About what = About::record;
    bool with_record = false;
    unsigned told = 0;
  };
  std::map<NodeId, Row> rows_;
};

}  // namespace parley::cluster
