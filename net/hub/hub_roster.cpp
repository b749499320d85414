// Who is present, as the hub's clients are told: the same to all of them, also when another node leads the channel.

#include "net/hub/hub.h"

#include <utility>

namespace parley::net {
namespace {

// After the grace. A new leader that has not said by then who is here ended, or what it said did not fit.
constexpr seconds kSettlesWithin{30};

}  // namespace

void Hub::unsettle(const LedAnew& led) {
  for (auto& [key, channel] : channels_) {
    if (channel.roster == nullptr || !led.holds(key)) continue;
    channel.settles_at = now() + settings_->rule_for(key.name()).presence_grace + kSettlesWithin;
  }
}

// False: its listeners know, or will be told when it is known to be so.
bool Hub::is_news(HubChannel& channel, const ChannelEvent& event) const {
  if (channel.roster == nullptr) return true;
  const bool settled = channel.settles_at <= now();
  if (const auto* added = std::get_if<ChannelEvent::MemberAdded>(&event.what)) {
    if (!settled && channel.roster->has(added->member->user_id)) return false;
    channel.roster->added(added->member);
  } else if (const auto* removed = std::get_if<ChannelEvent::MemberRemoved>(&event.what)) {
    if (!settled) return false;
    channel.roster->removed(removed->user_id);
  }
  return true;
}

// Before it is given to who joins. What a new leader answers may lack members: who joins sees whom the others here see,
// and they are told of those whom they do not know.
void Hub::show_roster(Subscribed& subscribed, SocketId by) {
  const auto known = [&]() -> RosterView* {
    const auto found = channels_.find(subscribed.channel);
    if (found == channels_.end() || found->second.settles_at <= now()) return nullptr;
    return found->second.roster.get();
  };
  const auto* view = known();
  if (view == nullptr) return;
  for (const auto& member : view->to(*subscribed.roster).came) {
    fan_out({.channel = subscribed.channel, .what = ChannelEvent::MemberAdded{member}, .except = by, .accepted = {}});
  }
  if (const auto* shown = known()) subscribed.roster = shown->shown();
}

void Hub::keep_roster(const ChannelKey& key, RosterPtr roster) {
  const auto found = channels_.find(key);
  if (found == channels_.end()) return;  // the session did not want it any more
  auto& channel = found->second;
  if (channel.roster == nullptr) channel.roster = std::make_unique<RosterView>();
  if (!channel.roster->known() || channel.settles_at <= now()) channel.roster->is(std::move(roster));
}

void Hub::settle(const RosterIs& truth) {
  const auto found = channels_.find(truth.channel);
  if (found == channels_.end() || found->second.roster == nullptr || truth.roster == nullptr) return;
  auto& channel = found->second;
  const auto difference = channel.roster->to(*truth.roster);
  channel.settles_at = {};
  const auto tell = [&](decltype(ChannelEvent::what) what) {
    fan_out({.channel = truth.channel, .what = std::move(what), .except = {}, .accepted = {}});
  };
  for (const auto& member : difference.gone) {
    tell(ChannelEvent::MemberRemoved{member->user_id, member->user_info, member->id_form});
  }
  for (const auto& member : difference.came) tell(ChannelEvent::MemberAdded{member});
  keep_roster(truth.channel, truth.roster);
}

}  // namespace parley::net
