#include "actors/people/watchlists.h"

#include <algorithm>

namespace parley::actors {
namespace {

void erase_session(std::vector<ReplyTo>& list, SocketId session) {
  std::erase_if(list, [&](const ReplyTo& row) { return row.session == session; });
}

}  // namespace

void Watchlists::sign_in(const ReplyTo& from, const SignIn& sign_in, MonoTime) {
  auto& user = users_[sign_in.user];
  const bool came = !user.online();
  user.until.reset();
  erase_session(user.sessions, from.session);
  user.sessions.push_back(from);
  if (came) tell_watchers(sign_in.user, user, true);
  stop_watching(from.session);  // a newer token may name others
  if (!sign_in.watchlist.empty()) watching_[from.session] = {sign_in.user.app, sign_in.watchlist};
  WatchlistChanged now_online;
  for (const auto& id : sign_in.watchlist) {
    auto& watched = users_[UserKey{sign_in.user.app, id}];
    watched.watchers.push_back(from);
    (watched.online() ? now_online.online : now_online.offline).push_back(id);
  }
  if (!sign_in.watchlist.empty()) port_.reply({from, std::move(now_online)});
}

void Watchlists::sign_out(const ReplyTo& from, const SignOut& sign_out, MonoTime until) {
  const auto place = users_.find(sign_out.user);
  if (place == users_.end()) return stop_watching(from.session);
  auto& sessions = place->second.sessions;
  const auto known =
      std::find_if(sessions.begin(), sessions.end(), [&](const ReplyTo& row) { return row.session == from.session; });
  if (known != sessions.end() && known->of_hub() != from.of_hub()) return;  // it was taken up elsewhere, and is there
  if (known != sessions.end()) {
    sessions.erase(known);
    if (sessions.empty()) {
      place->second.until = until;
      deadlines_.emplace(until, sign_out.user);
    }
  }
  stop_watching(from.session);
}

void Watchlists::node_gone(const NodeAddress& node, const std::function<MonoTime(const UserKey&)>& until) {
  std::vector<std::pair<UserKey, ReplyTo>> gone;
  for (const auto& [key, user] : users_) {
    for (const auto& session : user.sessions) {
      if (session.node == node) gone.emplace_back(key, session);
    }
  }
  for (const auto& [key, session] : gone) sign_out(session, {.user = key}, until(key));
}

void Watchlists::stop_watching(SocketId session) {
  const auto list = watching_.find(session);
  if (list == watching_.end()) return;
  for (const auto& id : list->second.ids) {
    const auto watched = users_.find(UserKey{list->second.app, id});
    if (watched == users_.end()) continue;
    erase_session(watched->second.watchers, session);
    forget_if_empty(watched);
  }
  watching_.erase(list);
}

void Watchlists::tick(MonoTime now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto [until, key] = *deadlines_.begin();
    deadlines_.erase(deadlines_.begin());
    const auto place = users_.find(key);
    if (place == users_.end() || place->second.until != until) continue;  // came back, or left again later
    place->second.until.reset();
    tell_watchers(key, place->second, false);
    forget_if_empty(place);
  }
}

std::optional<MonoTime> Watchlists::deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

bool Watchlists::online(const UserKey& user) const {
  const auto place = users_.find(user);
  return place != users_.end() && place->second.online();
}

void Watchlists::tell_watchers(const UserKey& key, const User& user, bool online) {
  for (const auto& watcher : user.watchers) {
    WatchlistChanged changed;
    (online ? changed.online : changed.offline).push_back(key.id);
    port_.reply({watcher, std::move(changed)});
  }
}

void Watchlists::forget_if_empty(Place place) {
  if (place->second.empty()) users_.erase(place);
}

}  // namespace parley::actors
