#pragma once
// The nodes of the cluster as an operator reads them: what the admin API and `parley nodes` print. Plain values.

#include "cluster/membership/swim.h"

#include <string>
#include <vector>

namespace parley::cluster {

// What one node knows at one time.
struct MemberView {
  ClusterMember self;
  std::vector<Swim::Seen> others;
  std::vector<std::string> refused;  // nodes of other clusters: why they are not taken in
  unsigned health = 0;               // of this node's own ear: 0 is well
  MonoTime now;
};

struct NodeRow {
  std::string node;  // its id, in hexadecimal
  std::string name, place, zone, version, cluster;
  std::uint64_t incarnation = 0;
  std::string state;
  bool self = false;    // the node that was asked
  bool linked = false;  // there is a link to it now
  bool data = false;    // it holds data, or its cluster does
  // It is configured otherwise than the node that was asked.
  bool configured_otherwise = false;
  std::int64_t seconds_in_state = 0;
  std::int64_t clock_offset_ms = 0;  // its clock beside that of the node that was asked; above 0: ahead
  std::uint32_t connections = 0, channels_awake = 0;
  std::uint16_t shards_led = 0;
  bool draining = false;  // about to stop
  bool removed = false;   // by an operator
};

struct NodeList {
  std::string cluster;         // empty: none yet
  std::vector<NodeRow> nodes;  // by name
  std::vector<std::string> refused;
  unsigned health = 0;
};

NodeList list_nodes(const MemberView& view);
// As GET /admin/nodes answers.
std::string to_json(const NodeList& list);

}  // namespace parley::cluster
