#pragma once
// Pusher's watchlists: who is signed in, over all of a user's sessions, and who watches whom. A plain
// value; requests and `now` go in, answers go out through WatchlistPort. Owned by the watchlists actor, or
// by the simulator. A user's status, which counts unsigned presence too, is elsewhere (actors/people/user.h).
//
// Online begins with the first session and ends when the last has been gone for the grace period: a
// page reload is no offline/online pair.

#include "core/request.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace parley::actors {

class WatchlistPort {
 public:
  virtual ~WatchlistPort() = default;
  virtual void reply(Reply reply) = 0;
};

class Watchlists {
 public:
  explicit Watchlists(WatchlistPort& port) : port_(port) {}

  void sign_in(const ReplyTo& from, const SignIn& sign_in, MonoTime now);
  void sign_out(const ReplyTo& from, const SignOut& sign_out, MonoTime until);
  // Another node's process is gone, and its sessions with it. `until`: when a user is offline who does not come back.
  void node_gone(const NodeAddress& node, const std::function<MonoTime(const UserKey&)>& until);
  void tick(MonoTime now);
  [[nodiscard]] std::optional<MonoTime> deadline() const;
  [[nodiscard]] bool online(const UserKey& user) const;

 private:
  struct Watching {  // one session's list
    std::string app;
    std::vector<std::string> ids;
  };
  struct User {
    std::vector<ReplyTo> sessions;
    std::vector<ReplyTo> watchers;
    std::optional<MonoTime> until;  // offline at this time unless somebody comes
    [[nodiscard]] bool online() const { return !sessions.empty() || until.has_value(); }
    [[nodiscard]] bool empty() const { return !online() && watchers.empty(); }
  };
  using Place = std::unordered_map<UserKey, User>::iterator;
  void tell_watchers(const UserKey& key, const User& user, bool online);
  void forget_if_empty(Place place);
  void stop_watching(SocketId session);

  WatchlistPort& port_;
  std::unordered_map<UserKey, User> users_;
  std::unordered_map<SocketId, Watching> watching_;
  std::multimap<MonoTime, UserKey> deadlines_;  // stale rows are recognised by User::until
};

}  // namespace parley::actors
