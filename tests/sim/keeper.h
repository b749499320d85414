#pragma once
// Keeps sessions in the node's log and takes them up again, as Socket.IO clients that come back do, without their
// protocol: over crashes, twice at once, too late. Checks
//
//   kept_is_there   what was acknowledged as kept is found until it expires, unless it was taken or dropped
//   taken_once      a kept session is handed out once, as it was kept last
//   never_late      nor after it has expired

#include "tests/sim/checker.h"
#include "tests/sim/node.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace parley::sim {

class Keeper {
 public:
  // `node`: a running one; null while there is none. `one_node`: what is asked first is done first.
  Keeper(Scheduler& scheduler, Checker& checker, bool one_node, std::function<Node*()> node)
      : scheduler_(scheduler), checker_(checker), one_node_(one_node), node_(std::move(node)) {}

  void begin();
  void stop() { stopped_ = true; }
  [[nodiscard]] std::uint64_t taken() const { return taken_; }

 private:
  struct Session {
    struct Record {
      std::string text;
      bool settled;  // what is asked from now on is done after it
    };
    std::vector<Record> possible;  // that may stand in the log, in the order in which they were asked
    bool surely = false;           // one of them does
    int takes = 0;
    bool asked = false;  // somebody takes it, or did: it may be gone
    bool given = false;
    std::set<std::string> given_records;
    WallTime earliest;  // of the times at which they expire
    WallTime latest;
  };
  void turn();
  void keep(const std::string& key);
  void take(const std::string& key);

  Scheduler& scheduler_;
  Checker& checker_;
  const bool one_node_;
  std::function<Node*()> node_;
  std::shared_ptr<int> self_ = std::make_shared<int>(0);
  std::map<std::string, Session> sessions_;
  std::uint64_t next_ = 0;
  std::uint64_t taken_ = 0;
  bool stopped_ = false;
};

}  // namespace parley::sim
