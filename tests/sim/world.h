#pragma once
// One simulated world: a node that crashes and comes back, its bad disk, a bad network, clients, a
// backend that publishes over the HTTP API and is told by webhooks, and the checkers. Several of them may share one
// scheduler: then their nodes are several in one process, on one thread, from one seed. simulate() plays a seed to its
// end.

#include "tests/sim/client.h"
#include "tests/sim/keeper.h"
#include "tests/sim/receiver.h"

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
  seconds simulated{0};
};

struct Run {
  std::uint64_t seed = 1;
  int nodes = 1;
  Profile profile = Profile::any;
  Bug bug = Bug::none;
  bool print = false;
};
Outcome simulate(const Run& run);

class World final : private Network {
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
  struct Posting {  // of the backend
    std::string channel;
    std::string message;
  };

  std::shared_ptr<Connection> connect(const std::shared_ptr<ClientEnd>& client, const Address& to) override;
  void populate();
  void start_node();
  void crash();
  void faults();
  void backend_posts();
  void try_post(std::uint64_t number);
  void check_views(const std::string& channel, Position newest);
  void check_rosters();
  void check_backend();

  Scheduler& scheduler_;
  Plan plan_;
  SettingsPtr settings_;
  SettingsSource promised_;  // what the checkers hold presence to, whatever the node was told
  Disk disk_;
  Checker checker_;
  Receiver receiver_;
  Keeper keeper_;
  std::shared_ptr<int> self_ = std::make_shared<int>(0);  // owner of the world's own tasks
  std::unique_ptr<Node> node_;                            // null: it is down
  std::vector<std::string> domains_;
  std::vector<std::shared_ptr<Client>> clients_;
  std::vector<std::weak_ptr<Connection>> connections_;
  std::map<std::uint64_t, Posting> postings_;
  std::uint64_t next_posting_ = 1;
  bool chaos_ = true;
  std::uint64_t crashes_ = 0;
  std::uint64_t outages_ = 0;
};

}  // namespace parley::sim
