#pragma once
// Links between the nodes of a world in virtual time, as cluster/transport.h promises them: in order within a lane, at
// most once, and lost with the link. What goes wrong: ways between two machines are closed for a while, in one
// direction or both, links end, and a process that is killed leaves its links to its kernel, or to nobody when the
// machine is off.
//
// One thread. Belongs to the world and outlives its nodes; a transport belongs to its process.

#include "cluster/transport.h"
#include "core/limits.h"
#include "tests/sim/process.h"

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace parley::sim {

class PeerNetwork {
 public:
  PeerNetwork(Scheduler& scheduler, const Plan& plan, std::size_t machines);

  // Where a machine's node is dialed: host and port.
  static std::string place_of(std::size_t machine);
  // `process` outlives it.
  std::unique_ptr<cluster::Transport> open(std::size_t machine, NodeAddress self, Process& process);

  // What is sent that way waits; one way only.
  void close_way(std::size_t from, std::size_t to, nanoseconds how_long);
  void open_all_ways();
  // Of the next end on that machine: nobody tells the others.
  void switch_off(std::size_t machine) { off_[machine] = true; }
  void switch_on(std::size_t machine) { off_[machine] = false; }
  // Some link breaks, for no reason.
  void break_a_link();

 private:
  class End;
  struct Pipe {
    std::array<std::deque<std::string>, 2> waiting;  // by lane
    std::array<Lane, 2> lanes;
    std::size_t bytes = 0;
  };
  struct Link {
    std::array<std::size_t, 2> machines{};
    std::array<NodeAddress, 2> ids;
    std::array<Pipe, 2> pipes;  // from that side
    std::array<bool, 2> ended{};
    std::array<bool, 2> told_down{};  // or nobody is there any more to be told
    std::array<MonoTime, 2> heard{};
    [[nodiscard]] std::size_t side_of(std::size_t machine) const { return machines[0] == machine ? 0 : 1; }
    [[nodiscard]] bool over() const { return told_down[0] && told_down[1]; }
  };
  using LinkPtr = std::shared_ptr<Link>;
  using Pair = std::pair<std::size_t, std::size_t>;

  static Pair pair_of(std::size_t a, std::size_t b) { return {std::min(a, b), std::max(a, b)}; }
  [[nodiscard]] MonoTime closed_until(std::size_t from, std::size_t to) const;
  [[nodiscard]] bool is_open(std::size_t from, std::size_t to) const;
  [[nodiscard]] End* end_of(const Link& link, std::size_t side) const;  // null: that process is gone
  [[nodiscard]] std::vector<LinkPtr> links_of(std::size_t machine) const;
  nanoseconds latency();

  void dial(End& from, std::size_t to);
  void connect(std::size_t from, std::size_t to);
  void refuse(End& from, std::size_t to);
  cluster::Sent send(End& from, NodeId to, std::string bytes, cluster::Lane lane);
  void deliver(const LinkPtr& link, std::size_t from, std::size_t lane);
  void listen(const LinkPtr& link);
  // That side ends it, and the other one hears of it where something gets through. `told`: who ends it is told.
  void end(const LinkPtr& link, std::size_t side, bool told);
  void tell_down(const LinkPtr& link, std::size_t side, bool closed, nanoseconds after);
  void gone(End& end);

  Scheduler& scheduler_;
  const Plan& plan_;
  std::vector<End*> ends_;         // by machine; null: no process
  std::vector<NodeAddress> last_;  // who was there
  std::vector<bool> off_;
  std::map<Pair, MonoTime> closed_until_;  // from, to
  std::map<Pair, LinkPtr> links_;
  std::shared_ptr<int> self_ = std::make_shared<int>(0);
};

}  // namespace parley::sim
