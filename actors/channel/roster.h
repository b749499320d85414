#pragma once
// Who is present, per user over all of the user's sessions: one stay begins with the first session
// and ends when the last has been gone for its grace period. A plain value of one channel.

#include "core/publication.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace parley::actors {

class RosterBook {
 public:
  // True: the user was not present, tell the others.
  bool join(const MemberPtr& member);
  // A session of somebody who is here already, as the leader before knew it. `came`: see place_of(); of one user the
  // smallest counts. True: the user was not known yet.
  bool announce(const MemberPtr& member, std::uint64_t came);
  // The user's place in the order of the roster, to be announced to the next leader. 0: not present.
  [[nodiscard]] std::uint64_t place_of(const std::string& user_id) const;
  // A session of the user left at `now`. The user stays until `until` unless another session is or comes.
  void leave(const std::string& user_id, MonoTime now, MonoTime until);
  struct Gone {
    std::string user_id;
    std::string user_info;
    MonoTime left;  // when the last session did
    IdForm id_form = IdForm::text;
  };
  // Users whose grace ended, in the order of their deadlines; they are removed.
  std::vector<Gone> expire(MonoTime now);
  [[nodiscard]] std::optional<MonoTime> deadline() const;

  [[nodiscard]] std::size_t size() const { return users_.size(); }
  [[nodiscard]] bool contains(const std::string& user_id) const { return users_.contains(user_id); }
  // Shared until the next change.
  [[nodiscard]] RosterPtr snapshot() const;

 private:
  struct User;
  using Order = std::multimap<std::uint64_t, const User*>;
  struct User {
    MemberPtr member;
    Order::iterator place{};
    std::uint32_t sessions = 0;
    std::optional<MonoTime> until;
    MonoTime left{};
  };
  bool take(const MemberPtr& member, std::optional<std::uint64_t> came);
  void place(User& user, std::uint64_t came);
  void forget_deadline(const std::string& user_id, User& user);

  std::unordered_map<std::string, User> users_;
  std::multimap<MonoTime, std::string> deadlines_;
  Order order_;
  std::uint64_t came_ = 0;
  mutable RosterPtr snapshot_;
};

}  // namespace parley::actors
