#pragma once
// One simulated world: one node or several that are one server, which crash and come back, their bad disks, a bad
// network, clients, a backend that publishes over the HTTP API and is told by webhooks, and the checkers. Several
// worlds may share one scheduler. simulate() plays a seed to its end.

#include "cluster/reads/history_reader.h"
#include "tests/sim/client.h"
#include "tests/sim/keeper.h"
#include "tests/sim/receiver.h"
#include "tests/sim/stored.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace parley::sim {

struct Outcome {
  std::optional<Violation> violation;
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  std::uint64_t acked = 0;
  std::uint64_t seen = 0;
  std::uint64_t told = 0;       // notices that the backend took
  std::uint64_t taken = 0;      // kept sessions that were taken up again
  std::uint64_t recovered = 0;  // Socket.IO clients that went on with nothing missed
  std::uint64_t crashes = 0;
  std::uint64_t outages = 0;
  std::uint64_t leads = 0;  // changes of a shard's leader
  seconds simulated{0};
};

struct Run {
  std::uint64_t seed = 1;
  int nodes = 1;   // of one server
  int worlds = 1;  // beside each other
  Profile profile = Profile::any;
  Bug bug = Bug::none;
  bool people = false;  // holds several nodes to what is promised of people too
  bool print = false;
};
Outcome simulate(const Run& run);

class World final : private Network, private Stored {
 public:
  World(Scheduler& scheduler, const Run& run);
  void begin();
  void calm_down();  // no more faults and publications: from here on everything must settle
  void check_end();
  [[nodiscard]] bool broken() const { return checker_.violation().has_value(); }
  [[nodiscard]] std::uint64_t seen() const { return checker_.counts().seen; }
  [[nodiscard]] const Plan& plan() const { return plan_; }
  void add_to(Outcome& outcome) const;

 private:
  struct Machine {
    std::unique_ptr<Disk> disk;
    std::unique_ptr<Node> node;  // null: it is down
  };
  struct Posting {  // of the backend
    std::string channel;
    std::string message;
  };

  std::shared_ptr<Connection> connect(const std::shared_ptr<ClientEnd>& client, const Address& to) override;
  void populate();
  void start_node(std::size_t machine);
  void crash(std::size_t machine);
  void faults();
  void peer_faults();
  [[nodiscard]] std::size_t some_machine();
  Node* some_node();  // null: that one is down
  void look_whether_grown();
  void look_who_leads();
  [[nodiscard]] bool synced(const std::string& message, MonoTime invoked) const override;
  [[nodiscard]] std::uint64_t losses() const override;
  [[nodiscard]] WallTime last_trouble() override;
  [[nodiscard]] cluster::HistoryReader histories(const Machine& machine) const;
  void check_channel(const std::string& channel);
  void backend_posts();
  void try_post(std::uint64_t number);
  void check_views(const std::string& channel, Position newest);
  void check_rosters();
  void check_backend();

  Scheduler& scheduler_;
  Plan plan_;
  SettingsPtr settings_;
  SettingsSource promised_;  // what the checkers hold presence to, whatever the node was told
  PeerNetwork peers_;  // outlives the nodes
  std::vector<Machine> machines_;
  Checker checker_;
  Receiver receiver_;
  Keeper keeper_;
  std::shared_ptr<int> self_ = std::make_shared<int>(0);  // owner of the world's own tasks
  std::vector<std::string> domains_;
  std::vector<std::shared_ptr<Client>> clients_;
  std::vector<std::pair<std::weak_ptr<Connection>, std::size_t>> connections_;  // to that machine
  std::map<std::uint64_t, Posting> postings_;
  std::uint64_t next_posting_ = 1;
  bool chaos_ = true;
  std::uint64_t crashes_ = 0;
  std::uint64_t outages_ = 0;
  std::uint64_t leads_ = 0;
  std::vector<std::size_t> led_;  // by machine, as of the last look
  WallTime led_anew_;
  std::optional<MonoTime> grown_;  // from then on each shard has its replicas
};

}  // namespace parley::sim
