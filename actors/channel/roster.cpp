#include "actors/channel/roster.h"

#include "core/check.h"

#include <algorithm>
#include <limits>

namespace parley::actors {
namespace {

constexpr auto kLastPlace = std::numeric_limits<std::uint64_t>::max();

}  // namespace

bool RosterBook::join(const MemberPtr& member) { return take(member, std::nullopt); }

bool RosterBook::announce(const MemberPtr& member, std::uint64_t came) { return take(member, came); }

std::uint64_t RosterBook::place_of(const std::string& user_id) const {
  const auto place = users_.find(user_id);
  return place == users_.end() ? 0 : place->second.place->first;
}

// Two may claim one place: one came here before the other was announced. The one who says it later stands behind.
void RosterBook::place(User& user, std::uint64_t came) {
  user.place = order_.emplace(came, &user);
  came_ = std::max(came_, came);
  snapshot_.reset();
}

bool RosterBook::take(const MemberPtr& member, std::optional<std::uint64_t> came) {
  auto [found, added] = users_.try_emplace(member->user_id);
  auto& user = found->second;
  if (added) {
    const auto last = came_ < kLastPlace ? came_ + 1 : kLastPlace;
    place(user, came && *came > 0 ? *came : last);
  } else if (came && *came > 0 && *came < user.place->first) {
    order_.erase(user.place);
    place(user, *came);
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
    order_.erase(place->second.place);
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
