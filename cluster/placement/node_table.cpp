#include "cluster/placement/node_table.h"

#include <algorithm>
#include <set>
#include <utility>

namespace parley::cluster::placement {

const Node* find(const std::vector<Node>& nodes, NodeId id) {
  const auto found = std::lower_bound(nodes.begin(), nodes.end(), id,
                                      [](const Node& node, NodeId wanted) { return node.id < wanted; });
  return found == nodes.end() || found->id != id ? nullptr : &*found;
}

void NodeTable::look(Row& row, bool here, MonoTime now) const {
  if (here != row.here) {
    row.here = here;
    row.since = now;
  }
  auto& standing = row.node.standing;
  if (here) {
    if (now - row.since >= rules_.settle_after) {
      standing = Standing::steady;
      row.known = true;
    } else if (standing == Standing::gone) {
      standing = Standing::fresh;
    }
    return;
  }
  if (standing == Standing::steady && now - row.since >= rules_.settle_after) {
    standing = Standing::away;
    row.missed = row.since;
  }
  // Short visits do not count: an absence lasts until the node is steady again.
  if (standing == Standing::away && now - row.missed >= rules_.replace_after) standing = Standing::gone;
  if (standing == Standing::fresh) standing = Standing::gone;  // nobody knew it yet, or it was given up before
}

bool NodeTable::forgotten(const Row& row, bool shown) { return !shown && row.node.standing == Standing::gone; }

bool NodeTable::update(const Picture& picture, MonoTime now) {
  std::set<NodeId> seen;
  std::set<NodeId> here;
  for (const auto& sighting : picture.nodes) {
    auto [place, added] = rows_.try_emplace(sighting.node);
    auto& row = place->second;
    row.node.id = sighting.node;
    row.node.zone = sighting.zone;
    row.node.heard = true;
    row.node.intent = sighting.intent;
    row.node.alive = sighting.state == NodeState::alive;
    const bool lives = row.node.alive || sighting.state == NodeState::suspect;
    if (lives) here.insert(sighting.node);
    seen.insert(sighting.node);
    if (added) {
      row.here = lives;
      row.since = now;
      // How long it is dead already, nobody says. Unless it holds data, it is not waited for.
      row.node.standing = lives ? Standing::fresh : Standing::gone;
    }
  }
  auto shown = seen;
  for (const auto& holder : picture.holders) {
    auto& row = rows_.try_emplace(holder, Row{.node = {.id = holder}, .since = now}).first->second;
    shown.insert(holder);
    // It holds data and nothing is known of its past: it is waited for, from now on.
    if (!std::exchange(row.known, true) && row.node.standing != Standing::steady) {
      row.node.standing = Standing::away;
      row.missed = now;
    }
  }
  for (auto place = rows_.begin(); place != rows_.end();) {
    auto& row = place->second;
    const bool is_here = here.count(row.node.id) != 0;
    if (!is_here) row.node.alive = false;
    if (seen.count(row.node.id) == 0) row.node.intent = Intent::stay;
    look(row, is_here, now);
    if (std::find(picture.removed.begin(), picture.removed.end(), row.node.id) != picture.removed.end()) {
      row.node.intent = Intent::remove;
    }
    place = forgotten(row, shown.count(row.node.id) != 0) ? rows_.erase(place) : std::next(place);
  }
  std::vector<Node> nodes;
  nodes.reserve(rows_.size());
  for (const auto& [id, row] : rows_) nodes.push_back(row.node);
  if (nodes == nodes_) return false;
  nodes_ = std::move(nodes);
  return true;
}

}  // namespace parley::cluster::placement
