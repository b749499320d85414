#pragma once
// Nodes, shards and gossip in virtual time, for the rules of cluster/placement: each node sees the others late and
// wrongly, leads what an election gave it, and carries its planner's steps out with delay. What the rules promise is
// checked with each step (breaches). One seed, one run.

#include "cluster/placement/planner.h"
#include "core/random.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace parley::cluster::placement {

struct WorldConfig {
  std::uint64_t seed = 1;
  std::uint16_t shards = 64;
  Rules rules{};
  milliseconds round{2'000};  // of each node
};

class World {
 public:
  struct Member {
    ReplicaId id;
    NodeId node;
    bool voter = false;
    std::int64_t lacks = 0;
    bool lost = false;
  };
  struct Group {
    std::vector<Member> members;
    ReplicaId leader;
    std::uint64_t term = 0;
    MonoTime led_since{};
    bool pending = false;
    MonoTime election{};  // when there is the next leader, if there is none
    unsigned transfers = 0;
  };
  struct Counts {
    std::uint64_t steps = 0, added = 0, promoted = 0, removed = 0, transfers = 0, elections = 0;
  };

  explicit World(WorldConfig config) : config_(config), random_(config.seed) {}

  NodeId add_node(std::string zone = "");  // a new one, up
  void start(NodeId node);                 // again
  void stop(NodeId node, NodeState how);   // dead or left
  void set_intent(NodeId node, Intent intent);
  void lose_disk(NodeId node);  // of a node that is down: it comes back without its replicas
  void mistake(NodeId node);    // some suspect it or hold it for dead, wrongly, for some time
  void found();                 // all shards on the only node
  void pause(bool paused);

  void run(milliseconds time);
  // Until there was no step for `quiet`: false, if that took longer than `at_most`.
  bool settle(milliseconds quiet, milliseconds at_most);

  // Whether each shard keeps a majority that is up and caught up without that node.
  [[nodiscard]] bool can_spare(NodeId node) const;
  [[nodiscard]] bool up(NodeId node) const { return nodes_.at(node).up; }
  [[nodiscard]] Intent intent(NodeId node) const { return nodes_.at(node).intent; }
  [[nodiscard]] bool holds(NodeId node) const;
  [[nodiscard]] std::vector<NodeId> ids() const;
  [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }
  [[nodiscard]] std::map<NodeId, int> leads() const;  // of those that are up and stay
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const std::vector<std::string>& breaches() const { return breaches_; }
  // What is not as it should be in the end, when everybody that is not up is gone.
  [[nodiscard]] std::vector<std::string> unsettled() const;
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] milliseconds time() const { return std::chrono::duration_cast<milliseconds>(now_ - MonoTime{}); }

 private:
  struct Heard {
    std::uint64_t version = 0;
    Sighting sighting;
    MonoTime since{};
    NodeState mistaken = NodeState::suspect;
    MonoTime mistaken_until{};
  };
  struct SimNode {
    std::string zone;
    bool up = false;
    MonoTime changed{};
    NodeState state = NodeState::alive;
    Intent intent = Intent::stay;
    std::uint64_t version = 0;
    std::uint64_t process = 0;
    std::map<NodeId, Heard> heard;
    std::unique_ptr<Planner> planner;
  };

  // ---- world.cpp ----
  void at(milliseconds in, std::function<void()> what);
  milliseconds between(std::int64_t from, std::int64_t to);
  void announce(NodeId about);
  void tell(NodeId observer, NodeId about);
  void round(NodeId node, std::uint64_t process);
  void tick();
  void elect(Group& group);
  void begin(NodeId node, std::size_t shard, const Step& step);
  void carry_out(std::size_t shard, std::uint64_t term, Step step);
  [[nodiscard]] Step would_do(std::size_t shard) const;
  // ---- world_checks.cpp ----
  void check_budget(NodeId node, std::size_t shard);
  void check(std::size_t shard, const Step& step, const Group& before, std::size_t needed);
  void breach(std::size_t shard, const Step& step, const std::string& what);
  [[nodiscard]] Picture picture(NodeId node) const;
  [[nodiscard]] ShardView view(std::size_t shard) const;
  [[nodiscard]] bool lives(const Member& member) const { return !member.lost && nodes_.at(member.node).up; }
  // The same, or nobody can know yet that it does not.
  [[nodiscard]] bool lived_lately(const Member& member) const;
  [[nodiscard]] bool has_majority(const Group& group) const;
  static const Member* member(const Group& group, ReplicaId id);

  const WorldConfig config_;
  SeededRandom random_;
  MonoTime now_{std::chrono::seconds(1'000)};
  MonoTime last_step_{};
  std::uint64_t sequence_ = 0;
  std::uint64_t last_id_ = 0;
  bool paused_ = false;
  std::map<std::pair<MonoTime, std::uint64_t>, std::function<void()>> events_;
  std::map<NodeId, SimNode> nodes_;
  std::vector<Group> groups_;
  Counts counts_;
  std::vector<std::string> breaches_;
};

}  // namespace parley::cluster::placement
