#pragma once
// Who is present on a channel as a hub's clients know it: all of them alike, whoever leads the channel. A value of its
// HubChannel.
//
// A leader that is new hears of who is present hub by hub. What it answers meanwhile may lack some of them, so who
// joins then is shown what the others here see; what that differs from the truth is told to all when the truth is
// known.

#include "core/publication.h"

#include <string>
#include <utility>
#include <vector>

namespace parley::net {

class RosterView {
 public:
  [[nodiscard]] bool known() const { return base_ != nullptr; }
  void is(RosterPtr roster);
  void added(const MemberPtr& member);
  void removed(const std::string& user_id);
  [[nodiscard]] RosterPtr shown() const;
  [[nodiscard]] bool has(const std::string& user_id) const;

  struct Difference {
    std::vector<MemberPtr> gone;
    std::vector<MemberPtr> came;
  };
  [[nodiscard]] Difference to(const Roster& roster) const;

 private:
  void changed(std::string user_id, MemberPtr member);
  RosterPtr base_;
  std::vector<std::pair<std::string, MemberPtr>> changes_;  // since, in order; null: gone
};

}  // namespace parley::net
