#include "tests/sim/checker.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::sim {

void Checker::violated(std::string_view invariant, std::string what) {
  if (violation_) return;
  scheduler_.note(invariant, what);
  violation_ = Violation{std::string(invariant), std::move(what)};
}

// ---- publications ----

void Checker::invoked(const std::string& channel, const std::string& message) {
  asked_[channel].try_emplace(message, Asked{scheduler_.now(), std::nullopt, {}});
}

void Checker::acked(const std::string& channel, const std::string& message, Position position) {
  ++counts_.acked;
  auto& asked = asked_.at(channel).at(message);
  // Durability async: what was lost and is asked for again is another publication, at another place.
  if (asked.acked_at && asked.position != position && !plan_.unsynced(channel)) {
    violated("once_per_key", fmt::format("{} on {} was acknowledged at {} and at {}", message, channel,
                                         position_text(asked.position), position_text(position)));
  }
  if (!asked.acked_at) {
    asked.acked_at = scheduler_.now();
    asked.position = position;
  }
  name(channel, message, position);
}

void Checker::seen(const std::string& channel, const std::string& message, Position position) {
  delivered_[channel].insert(position);
  name(channel, message, position);
}

void Checker::name(const std::string& channel, const std::string& message, Position position) {
  ++counts_.seen;
  const auto [place, fresh] = names_[channel].try_emplace(position, message);
  if (fresh && !plan_.unsynced(channel) && !stored_.synced(message, asked_[channel][message].invoked)) {
    violated("synced_first",
             fmt::format("{} on {} at {} was told before the disk had it", message, channel, position_text(position)));
  }
  if (!fresh && place->second != message) {
    violated("one_name",
             fmt::format("{} at {} is {} and {}", channel, position_text(position), place->second, message));
  }
}

bool Checker::told_to_nobody(const std::string& channel, Position position) const {
  const auto delivered = delivered_.find(channel);
  return delivered == delivered_.end() || !delivered->second.contains(position);
}

void Checker::check_history(const std::string& channel, const std::vector<PublicationPtr>& history, Offset oldest,
                            Position newest) {
  std::map<std::string, Position> found;
  auto expected = oldest;
  for (const auto& publication : history) {
    const auto message = message_of(publication->data);
    if (publication->position.offset != expected) {
      violated("contiguous", fmt::format("{}: {} stands where offset {} should", channel,
                                         position_text(publication->position), expected.value));
    }
    expected = Offset{publication->position.offset.value + 1};
    name(channel, message, publication->position);
    if (const auto [place, fresh] = found.try_emplace(message, publication->position); !fresh) {
      violated("once_per_key", fmt::format("{}: {} is stored at {} and {}", channel, message,
                                           position_text(place->second), position_text(publication->position)));
    }
  }
  if (newest.exists() && expected.value != newest.offset.value + 1) {
    violated("contiguous",
             fmt::format("{}: the history ends at {}, not at {}", channel, expected.value - 1, newest.offset.value));
  }
  if (plan_.unsynced(channel)) return;  // acknowledged is not kept
  std::vector<std::pair<std::string, Asked>> acked;
  for (const auto& [message, asked] : asked_[channel]) {
    if (!asked.acked_at) continue;
    acked.emplace_back(message, asked);
    if (asked.position.offset < oldest && asked.position.epoch == newest.epoch) continue;  // retention took it
    const auto place = found.find(message);
    if (place == found.end() || place->second != asked.position) {
      violated("acked_is_kept",
               fmt::format("{}: {} was acknowledged at {} and is {}", channel, message, position_text(asked.position),
                           place == found.end() ? "nowhere" : "at " + position_text(place->second)));
    }
  }
  std::sort(acked.begin(), acked.end(),
            [](const auto& a, const auto& b) { return a.second.position > b.second.position; });
  // From the newest down: nobody behind may have been acknowledged before one further on was asked.
  std::optional<MonoTime> first_ack;
  for (const auto& [message, asked] : acked) {
    if (first_ack && *first_ack < asked.invoked) {
      violated("real_time", fmt::format("{}: {} at {} was asked after something behind it had been acknowledged",
                                        channel, message, position_text(asked.position)));
    }
    first_ack = first_ack ? std::min(*first_ack, *asked.acked_at) : *asked.acked_at;
  }
}

// ---- confirmed positions ----

void Checker::client_has(const std::string& client_id, const std::string& channel, Offset offset) {
  auto& has = has_[{client_id, channel}];
  has = std::max(has, offset);
}

void Checker::forget_if_lost() {
  // Positions are written unsynced: when the disk lost something, older ones may be back.
  if (losses_ == stored_.losses()) return;
  losses_ = stored_.losses();
  confirmed_.clear();
}

Offset Checker::confirmed_before(SocketId socket, const std::string& channel) const {
  if (plan_.is_cluster()) return {};  // kept where it was said, and lost with its leader
  const auto found = replay_after_.find({socket, channel});
  return found == replay_after_.end() ? Offset{} : found->second;
}

void Checker::channel_asked(const Request& request) {
  forget_if_lost();
  if (const auto* confirm = std::get_if<Confirm>(&request.what)) {
    const std::pair key{confirm->client_id, std::string(confirm->channel.name())};
    scheduler_.note("confirm", fmt::format("{} on {} {}", key.first, key.second, confirm->offset.value));
    if (confirm->offset.value > has_[key].value + in_doubt_[key]) {
      violated("confirmed_is_had", fmt::format("{} on {}: {} is confirmed, the client has {}", key.first, key.second,
                                               confirm->offset.value, has_[key].value));
    }
    auto& confirmed = confirmed_[key];
    confirmed = std::max(confirmed, confirm->offset);
  } else if (const auto* subscribe = std::get_if<Subscribe>(&request.what)) {
    const std::string channel(subscribe->channel.name());
    scheduler_.note("subscribe",
                    fmt::format("{} {} on {}", request.from.session.text(), subscribe->resume.client_id, channel));
    if (!subscribe->resume.client_id.empty()) {
      replay_after_[{request.from.session, channel}] = confirmed_[{subscribe->resume.client_id, channel}];
    }
    if (subscribe->member != nullptr) joining_[{request.from.session, channel}] = subscribe->member->user_id;
  } else if (const auto* leave = std::get_if<Unsubscribe>(&request.what)) {
    const std::string channel(leave->channel.name());
    scheduler_.note("leave", fmt::format("{} {} on {} because {}", request.from.session.text(), leave->client_id,
                                         channel, static_cast<int>(leave->reason)));
    const auto& rule = settings_.current()->rule_for(channel);
    const auto hold = leave->reason == LeaveReason::unsubscribed ? rule.presence_linger : rule.presence_grace;
    if (leave->reason == LeaveReason::unsubscribed) confirmed_.erase({leave->client_id, channel});
    joining_.erase({request.from.session, channel});  // answered later, it leaves in the same step
    for (auto& [key, stay] : stays_) {
      if (key.first == channel && stay.sockets.erase(request.from.session) > 0) stay.until = scheduler_.now() + hold;
    }
  }
}

// ---- presence ----

void Checker::channel_answers(const Reply& reply) {
  const auto* subscribed = std::get_if<Subscribed>(&reply.what);
  if (subscribed == nullptr) return;
  const std::string channel(subscribed->channel.name());
  const auto user = joining_.find({reply.to.session, channel});
  if (user != joining_.end()) stays_[{channel, user->second}].sockets.insert(reply.to.session);
}

void Checker::channel_tells(const ChannelKey& channel, const Publication& publication) {
  if (!publication.position.exists() || publication.deleted) return;
  auto& places = told_[{std::string(channel.name()), message_of(publication.data)}];
  if (std::find(places.begin(), places.end(), publication.position) == places.end()) {
    places.push_back(publication.position);
  }
}

std::vector<Position> Checker::places_of(const std::string& channel, const std::string& message) const {
  const auto found = told_.find({channel, message});
  return found == told_.end() ? std::vector<Position>() : found->second;
}

void Checker::member_removed(const ChannelKey& channel, const std::string& user_id) {
  if (!plan_.people_promised) return;
  const auto& stay = stays_[{std::string(channel.name()), user_id}];
  if (!stay.sockets.empty())
    violated("grace", fmt::format("{}: {} was removed while connected", channel.text(), user_id));
  if (scheduler_.now() < stay.until)
    violated("grace", fmt::format("{}: {} was removed before its grace ended", channel.text(), user_id));
}

void Checker::crashed() {
  ++crashes_;
  confirmed_.clear();
  stays_.clear();
}

}  // namespace parley::sim
