#include "core/cluster_member.h"

#include <fmt/format.h>

namespace parley {

std::string_view to_text(NodeState state) {
  switch (state) {
    case NodeState::alive:
      return "alive";
    case NodeState::suspect:
      return "suspect";
    case NodeState::dead:
      return "dead";
    case NodeState::left:
      return "left";
  }
  return "unknown";
}

std::string id_text(NodeId node) { return fmt::format("{:016x}", node.value); }
std::string id_text(ClusterId cluster) { return fmt::format("{:016x}", cluster.value); }

}  // namespace parley
