#pragma once
// What a hub says anew to shards that have other leaders: who is here, on their channels and as their users. A part of
// the hub, on its I/O thread.
//
// Thousands of sessions are asked, so it goes in slices: between two of them the hub does what else there is. Shards
// that change at once are said in one walk over the sessions; those that change meanwhile in the next one.

#include "core/clock.h"
#include "core/request.h"
#include "net/hub/session.h"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace parley::net {

// Puts what sessions say into requests.
class Gathering final : public Announcer {
 public:
  using Told = std::function<std::optional<Position>(const ChannelKey&)>;
  Gathering(const SessionAddress& hub, const LedAnew& led, Told told, std::vector<Request>& to)
      : hub_(hub), led_(led), told_(std::move(told)), to_(to) {}
  void ask(const Session& session);
  void send();

  [[nodiscard]] bool wants(const ChannelKey& place) const override { return led_.holds(place); }
  void announce(ChannelKey channel, Announce::Subscription one) override;
  void announce(AnnounceUser user) override;

 private:
  const SessionAddress& hub_;
  const LedAnew& led_;
  Told told_;
  std::vector<Request>& to_;
  const Session* asked_ = nullptr;
  std::map<ChannelKey, std::vector<Announce::Subscription>> channels_;
  std::size_t bytes_ = 0;
};

class Announcing {
 public:
  using Sessions = std::unordered_map<SocketId, Session*>;

  void begin(const LedAnew& led);
  // The leader did not keep what was said to it.
  void again(const ChannelKey& place, MonoTime now);
  void tick(MonoTime now);
  [[nodiscard]] bool pending() const { return !walk_.empty() || !next_.empty(); }
  // Some of the sessions say who is here, and then are told that they were led anew.
  void slice(const Sessions& sessions, const SessionAddress& hub, const Gathering::Told& told,
             std::vector<Request>& to);

 private:
  std::set<ShardId> next_;  // of the next walk
  std::map<ShardId, MonoTime> again_;
  std::uint16_t shard_count_ = 0;
  LedAnew walked_;
  std::vector<SocketId> walk_;  // who is still to be asked
};

}  // namespace parley::net
