#pragma once
// How nodes that begin come to be one cluster, and whom a cluster never takes in. Pure, used by one thread.
//
// A node without an id is founding. It backs one candidate, in its record: at first itself, then, for a better one (who
// holds data before who does not, then the lower node id), it gives its own candidacy up. Whom it backs it leaves only
// when that one has given up as well, is gone, or began another candidacy, which has a number of its own. A candidate
// whom as many nodes back as are expected (itself among them) makes the id, and everybody without data takes an id over
// as soon as one is seen. So two of them are made only where two sets of that many nodes without a common one exist:
// expected are at most half of the nodes, or one forgot whom it backed because it was started again in these seconds,
// or was wrongly held for dead.
//
// Where clusters with two ids meet, the one without data gives way; of two without data, the one with the larger id.
// Two that hold data are never merged: refusal() says who has what.

#include "core/cluster_member.h"
#include "core/random.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley::cluster {

enum class Meeting : std::uint8_t {
  together,  // of one cluster, or both founding
  take_in,   // they come to us
  go_over,   // we go to them
  refuse,
};
Meeting meet(const Charter& ours, const Charter& theirs);

// A sentence for people. `ours` and `theirs` cannot be of one cluster.
std::string refusal(std::string_view our_name, const Charter& ours, std::string_view their_name, const Charter& theirs);

class Founding {
 public:
  // Others that live, as they are known here.
  struct Other {
    NodeAddress address;
    Charter charter;
  };

  // `own`: with the id and the data that the store has, and how many nodes are expected.
  Founding(NodeAddress self, Charter own);

  // Looks at the others: whether the own charter changed. To be called until it has not.
  bool step(const std::vector<Other>& others, Random& random);
  // From now on it gives way to nobody. Before the first of the data is written.
  void set_data() { own_.data = true; }
  // Whether it was this process that made the id.
  [[nodiscard]] bool made_here() const { return made_.value != 0 && made_ == own_.cluster; }
  [[nodiscard]] const Charter& own() const { return own_; }

 private:
  bool backed_stands(const std::vector<Other>& others) const;
  bool take_over(const std::vector<Other>& others);
  bool follow_or_run(const std::vector<Other>& others);
  void found(Random& random);

  const NodeAddress self_;
  Charter own_;
  std::uint32_t rounds_ = 0;  // candidacies so far
  ClusterId made_{};          // by this process
};

}  // namespace parley::cluster
