#include "actors/channel/roster.h"

#include "core/check.h"

namespace parley::actors {

bool RosterBook::join(const MemberPtr& member) {
  auto [place, added] = users_.try_emplace(member->user_id);
  auto& user = place->second;
  if (added) {
    user.came = ++came_;
    order_.emplace(user.came, &user);
  }
  forget_deadline(member->user_id, user);
  ++user.sessions;
  // The newest user_info wins, and the newest form of the id; nobody is told, as with hosted Pusher.
  if (added || user.member->user_info != member->user_info || user.member->id_form != member->id_form) {
    user.member = member;
    snapshot_.reset();
  }
  return added;
}

void RosterBook::leave(const std::string& user_id, MonoTime now, MonoTime until) {
  const auto place = users_.find(user_id);
  CHECK(place != users_.end());
  auto& user = place->second;
  CHECK(user.sessions > 0);
  if (--user.sessions > 0) return;
  user.left = now;
  user.until = until;
  deadlines_.emplace(until, user_id);
}

std::vector<RosterBook::Gone> RosterBook::expire(MonoTime now) {
  std::vector<Gone> gone;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    auto user_id = std::move(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    const auto place = users_.find(user_id);
    CHECK(place != users_.end() && place->second.sessions == 0);
    const auto& member = *place->second.member;
    Gone one{.user_id = {}, .user_info = member.user_info, .left = place->second.left, .id_form = member.id_form};
    order_.erase(place->second.came);
    users_.erase(place);
    snapshot_.reset();
    one.user_id = std::move(user_id);
    gone.push_back(std::move(one));
  }
  return gone;
}

std::optional<MonoTime> RosterBook::deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

RosterPtr RosterBook::snapshot() const {
  if (!snapshot_) {
    auto made = std::make_shared<Roster>();
    made->members.reserve(order_.size());
    for (const auto& [came, user] : order_) made->members.push_back(user->member);
    snapshot_ = std::move(made);
  }
  return snapshot_;
}

void RosterBook::forget_deadline(const std::string& user_id, User& user) {
  if (!user.until) return;
  for (auto [place, end] = deadlines_.equal_range(*user.until); place != end; ++place) {
    if (place->second == user_id) {
      deadlines_.erase(place);
      break;
    }
  }
  user.until.reset();
}

}  // namespace parley::actors
