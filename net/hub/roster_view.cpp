#include "net/hub/roster_view.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace parley::net {
namespace {

constexpr std::size_t kChangesMin = 64;  // so many are kept before they are put into the base

}  // namespace

void RosterView::is(RosterPtr roster) {
  base_ = std::move(roster);
  changes_.clear();
}

void RosterView::added(const MemberPtr& member) { changed(member->user_id, member); }

void RosterView::removed(const std::string& user_id) { changed(user_id, nullptr); }

void RosterView::changed(std::string user_id, MemberPtr member) {
  if (!known()) return;
  changes_.emplace_back(std::move(user_id), std::move(member));
  if (changes_.size() > std::max(kChangesMin, base_->members.size())) is(shown());
}

bool RosterView::has(const std::string& user_id) const {
  if (!known()) return false;
  const auto last =
      std::find_if(changes_.rbegin(), changes_.rend(), [&](const auto& change) { return change.first == user_id; });
  if (last != changes_.rend()) return last->second != nullptr;
  return std::any_of(base_->members.begin(), base_->members.end(),
                     [&](const MemberPtr& member) { return member->user_id == user_id; });
}

RosterPtr RosterView::shown() const {
  if (changes_.empty()) return base_;
  std::unordered_map<std::string, MemberPtr> last;
  for (const auto& [user_id, member] : changes_) last[user_id] = member;
  auto made = std::make_shared<Roster>();
  for (const auto& member : base_->members) {
    const auto change = last.find(member->user_id);
    if (change == last.end()) {
      made->members.push_back(member);
      continue;
    }
    if (change->second != nullptr) made->members.push_back(change->second);
    last.erase(change);
  }
  for (const auto& [user_id, member] : changes_) {  // in the order in which they came
    const auto change = last.find(user_id);
    if (change == last.end()) continue;
    if (change->second != nullptr) made->members.push_back(change->second);
    last.erase(change);
  }
  return made;
}

RosterView::Difference RosterView::to(const Roster& roster) const {
  Difference difference;
  if (!known()) return difference;
  const auto now = shown();
  std::unordered_set<std::string_view> here;
  for (const auto& member : now->members) here.insert(member->user_id);
  for (const auto& member : roster.members) {
    if (here.erase(member->user_id) == 0) difference.came.push_back(member);
  }
  for (const auto& member : now->members) {
    if (here.contains(member->user_id)) difference.gone.push_back(member);
  }
  return difference;
}

}  // namespace parley::net
