#include "tests/sim/keeper.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::sim {

void Keeper::begin() {
  scheduler_.after(scheduler_.between(milliseconds(10), milliseconds(600)), self_, [this] {
    if (stopped_) return;
    turn();
    begin();
  });
}

void Keeper::turn() {
  if (one_node_ && node_() == nullptr) return;
  if (sessions_.empty() || scheduler_.chance(0.4)) return keep(fmt::format("session-{}", ++next_));
  auto place = sessions_.begin();
  std::advance(place, static_cast<std::ptrdiff_t>(scheduler_.below(sessions_.size())));
  const auto key = place->first;
  if (!place->second.asked && scheduler_.chance(0.5)) return keep(key);
  take(key);
  if (scheduler_.chance(0.3)) take(key);  // two tabs have the same storage
}

void Keeper::keep(const std::string& key) {
  auto& session = sessions_[key];
  const auto record = fmt::format("record {}", ++next_);
  std::vector<std::string> before;
  for (const auto& one : session.possible) {
    if (one.settled) before.push_back(one.text);
  }
  session.possible.push_back({record, one_node_});
  const auto expires = scheduler_.wall() + seconds(5 + scheduler_.below(40));
  session.earliest = session.latest.ms == 0 ? expires : std::min(session.earliest, expires);
  session.latest = std::max(session.latest, expires);
  KeepSession ask{std::string(kAppId), key, record, expires, true};
  auto* node = node_();
  if (node == nullptr) return;
  node->ask(std::move(ask), [this, key, record, before = std::move(before)](Reply& reply) {
    const auto place = sessions_.find(key);
    if (place == sessions_.end() || !std::holds_alternative<Done>(reply.what)) return;
    // Asked later may be stored as well, or not yet; what was surely before it is gone.
    std::erase_if(place->second.possible,
                  [&](const auto& one) { return std::find(before.begin(), before.end(), one.text) != before.end(); });
    for (auto& one : place->second.possible) one.settled = one.settled || one.text == record;
    place->second.surely = true;
  });
}

void Keeper::take(const std::string& key) {
  auto& session = sessions_.at(key);
  const bool first = !session.asked;
  const auto crashes = checker_.crashes();
  const auto asked = scheduler_.wall();
  auto* node = node_();
  if (node == nullptr) return;
  session.asked = true;
  ++session.takes;
  node->ask(TakeSession{std::string(kAppId), key}, [this, key, first, crashes, asked](Reply& reply) {
    const auto place = sessions_.find(key);
    const auto* answer = std::get_if<SessionTaken>(&reply.what);
    if (place == sessions_.end() || answer == nullptr || answer->error) return;
    auto& was = place->second;
    if (!answer->record) {
      const bool alone = first && crashes == checker_.crashes() && !was.given && (one_node_ || was.takes == 1);
      if (alone && was.surely && scheduler_.wall() < was.earliest)
        checker_.violated("kept_is_there", key + " was kept and is not found");
      return;
    }
    ++taken_;
    // Of several nodes: what was asked to be kept before it was taken may be stored after it, and is there once more.
    const bool again = std::exchange(was.given, true) && one_node_;
    if (!was.given_records.insert(*answer->record).second || again)
      checker_.violated("taken_once", key + " was handed out twice");
    const bool known = std::any_of(was.possible.begin(), was.possible.end(),
                                   [&](const auto& one) { return one.text == *answer->record; });
    if (!known)
      checker_.violated("taken_once",
                        fmt::format("{} is {}, which is not the last that was kept", key, *answer->record));
    if (asked >= was.latest) checker_.violated("never_late", key + " had expired when it was asked for");
  });
}

}  // namespace parley::sim
