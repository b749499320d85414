#pragma once
// Groups of replicas on a few nodes, in virtual time: a network that loses, doubles, delays and cuts, disks that are
// late and forget what was not synced, crashes, nodes that come back without a disk, members that come and go. One seed
// decides everything. The real GroupSet, GroupStore and wire form run on each node; what is checked stands in checks.h.

#include "cluster/raft/group_set.h"
#include "core/random.h"
#include "tests/raft/checks.h"
#include "tests/raft/disk.h"
#include "tests/raft/machine.h"
#include "tests/raft/plan.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace parley::raft {

using cluster::raft::Role;

struct Counts {
  std::uint64_t runs = 0, acknowledged = 0, changes = 0, transfers = 0, crashes = 0, wipes = 0, snapshots = 0,
                reads = 0, messages = 0, elections = 0, turns = 0;
  void add(const Counts& other);
};

struct Outcome {
  std::string failure;  // empty: none
  std::uint64_t trace = 0;
  Counts counts;
};

struct RunConfig {
  const Profile* profile = nullptr;
  std::uint64_t seed = 1;
  Bug bug = Bug::none;
};
Outcome simulate(const RunConfig& config);

class World;

// A node: its process, while it is up, and its disk.
class Node final : public cluster::raft::GroupOwner {
 public:
  Node(World& world, unsigned number) : world_(world), number_(number) {}

  void start();
  void crash();
  void wipe();
  // Takes turns until nothing is ready, and hands over what is to be sent.
  void drain();
  void tick(std::uint64_t life);
  void step(ShardId shard, const RaftMessage& message);
  void receive(const std::string& bytes);
  void create(ShardId shard, ReplicaId id, const RaftMembership& members);
  void remove(ShardId shard);

  void apply(ShardId shard, const RaftEntryView& entry, storage::WriteBatch& batch) override;
  void restore(ShardId shard, const RaftSnapshot& snapshot, storage::WriteBatch& batch) override;
  Result<std::string> snapshot(ShardId shard, ReplicaId to) override;
  void on_membership(ShardId shard, LogIndex index, const RaftMembership& members, const cluster::raft::Change* change,
                     storage::WriteBatch& batch) override;
  void on_role(ShardId shard, Role role, Term term, ReplicaId leader) override;
  void on_read(ShardId shard, const cluster::raft::ReadDone& done) override;
  void send(ShardId shard, RaftMessage message) override;
  void on_broken(ShardId shard, const Error& error) override;

  [[nodiscard]] bool up() const { return set_ != nullptr; }
  [[nodiscard]] std::uint64_t life() const { return life_; }
  [[nodiscard]] unsigned number() const { return number_; }
  [[nodiscard]] Disk& disk() { return disk_; }
  cluster::raft::Group* group(ShardId shard) { return set_ ? set_->group(shard) : nullptr; }
  cluster::raft::GroupStore& group_store() { return *store_; }
  const Machine& machine(ShardId shard) { return machines_.at(shard); }
  [[nodiscard]] bool leads(ShardId shard);

 private:
  void open(ShardId shard);
  void flush(std::uint64_t life);
  void check_promise(ShardId shard, const RaftMessage& message);

  World& world_;
  unsigned number_;
  Disk disk_;
  std::unique_ptr<cluster::raft::GroupStore> store_;
  std::unique_ptr<cluster::raft::GroupSet> set_;
  std::map<ShardId, Machine> machines_;
  std::map<unsigned, std::vector<RaftToShard>> outbox_;
  std::uint64_t life_ = 0;
  std::uint64_t disk_clock_ = 0;
};

// Where a replica is, and whether it still can be somewhere.
struct Place {
  ShardId shard;
  unsigned node = 0;
  bool gone = false;                                    // wiped, or removed for good
  std::shared_ptr<const storage::MemoryStore> grave{};  // what was on its disk then
};

class World {
 public:
  World(const Profile& profile, std::uint64_t seed);
  Outcome run();

  // ---- for nodes ----
  [[nodiscard]] std::uint64_t now() const { return now_; }
  SeededRandom& random() { return random_; }
  [[nodiscard]] bool calm() const { return calm_; }
  [[nodiscard]] const Profile& profile() const { return profile_; }
  Checks& checks() { return checks_; }
  Counts& counts() { return counts_; }
  void at(std::uint64_t time, std::function<void()> run);
  void note(std::uint64_t kind, std::uint64_t a, std::uint64_t b, std::uint64_t c);
  bool chance(unsigned of_a_thousand) { return random_.below(1000) < of_a_thousand; }
  void fail(const std::string& why);
  void deliver(unsigned from, unsigned to, const std::vector<RaftToShard>& messages);
  Place* place(ReplicaId id);
  std::optional<ReplicaId> replica_on(ShardId shard, unsigned node);
  void removed(ShardId shard, ReplicaId id);
  Node* leader(ShardId shard);
  Node& node(unsigned number) { return *nodes_[number]; }
  // Proposals that wait: which node, in which life, proposed which command.
  struct Asked {
    unsigned node;
    std::uint64_t life;
    std::uint64_t command;
    bool change;
  };
  std::map<std::pair<ShardId, cluster::raft::Proposed>, Asked> asked;
  std::map<std::tuple<unsigned, std::uint64_t, ShardId, std::uint64_t>, LogIndex> reads;

 private:
  struct Event {
    std::uint64_t time;
    std::uint64_t order;
    std::function<void()> run;
    bool operator<(const Event& other) const { return time != other.time ? time > other.time : order > other.order; }
  };
  void step();
  void found();
  void every(unsigned about, void (World::*chaos)());
  void client();
  void crash();
  void cut();
  void transfer();
  void change();
  void wipe();
  void repair();
  bool converged();
  [[nodiscard]] std::string state();
  bool may_wipe(unsigned node);
  std::optional<Node*> somebody();
  ShardId some_shard() { return ShardId{static_cast<std::uint16_t>(random_.below(profile_.shards))}; }
  ReplicaId add_replica(ShardId shard, unsigned node);

  const Profile& profile_;
  SeededRandom random_;
  std::uint64_t now_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t trace_ = 1469598103934665603ULL;
  std::priority_queue<Event> events_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<ReplicaId, Place> places_;
  std::set<std::pair<unsigned, unsigned>> cuts_;
  std::map<std::pair<unsigned, unsigned>, std::uint64_t> last_arrival_;
  Checks checks_;
  Counts counts_;
  std::string failure_;
  std::uint64_t next_replica_ = 1;
  std::uint64_t next_command_ = 1;
  bool calm_ = false;
};

}  // namespace parley::raft
