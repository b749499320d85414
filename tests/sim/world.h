#pragma once
// One simulated world: a node that crashes and comes back, its bad disk, a bad network, clients, a
// backend that publishes over the HTTP API, and the checkers. run() plays one seed to its end.

#include "tests/sim/client.h"

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
  std::uint64_t crashes = 0;
  std::uint64_t outages = 0;
  seconds simulated{0};
};

class World final : private Network {
 public:
  World(std::uint64_t seed, Bug bug, bool print = false);
  Outcome run();

 private:
  struct Posting {  // of the backend
    std::string channel;
    std::string message;
  };

  std::shared_ptr<Connection> connect(const std::shared_ptr<ClientEnd>& client, const std::string& path) override;
  void populate();
  void start_node();
  void crash();
  void faults();
  void backend_posts();
  void try_post(std::uint64_t number);
  void check_end();
  void check_views(const std::string& channel, Position newest);
  void check_rosters();

  Scheduler scheduler_;
  Plan plan_;
  SettingsSource settings_;
  SettingsSource promised_;  // what the checkers hold presence to, whatever the node was told
  Disk disk_;
  Checker checker_;
  std::shared_ptr<int> self_ = std::make_shared<int>(0);  // owner of the world's own tasks
  std::shared_ptr<int> process_;                          // the node's life; null: it is down
  std::unique_ptr<Node> node_;
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
