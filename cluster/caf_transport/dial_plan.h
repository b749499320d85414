#pragma once
// Whom to dial, and when. Pure: time and chance come from outside. Belongs to the links' thread.
//
// Of two nodes that know each other's id the lower one dials; the higher one does so when it has waited in vain, as the
// lower one may not know where it is. Where only an address is known (a seed) either may. Who is linked is not dialed,
// and neither is oneself, once it has turned out to be oneself.

#include "cluster/transport.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/random.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace parley::cluster {

class DialPlan {
 public:
  DialPlan(NodeId self, const LinkLimits& limits, Random& random) : self_(self), limits_(limits), random_(random) {}

  // In the stead of those before. What is known of a place that stays is kept.
  void set(std::vector<PeerPlace> places, MonoTime now);
  // Those to dial now; each until one of the following is said of it. `linked`: whether there is a link to a node.
  std::vector<PeerPlace> due(MonoTime now, const std::function<bool(NodeId)>& linked);
  void failed(const PeerPlace& place, MonoTime now);  // the next pause is longer
  // It is somebody whom there is a link to; `place` need not be one that is dialed.
  void answered(const PeerPlace& place, NodeId node, MonoTime now);
  void is_self(const PeerPlace& place);
  void lost(NodeId node, MonoTime now);  // there is no link to it any more: after a short pause it is dialed again
  // Whether this was the reason already when it failed before: then it need not be said again.
  bool is_known(const PeerPlace& place, const std::string& reason);

 private:
  struct Row {
    bool dialing = false;
    bool self = false;
    NodeId found{};  // who answered there last
    milliseconds pause{};
    MonoTime not_before{};
    std::string reason;
  };
  MonoTime after(MonoTime now, milliseconds pause);  // less a random part of up to a half

  const NodeId self_;
  const LinkLimits limits_;
  Random& random_;
  std::map<PeerPlace, Row> rows_;
};

}  // namespace parley::cluster
