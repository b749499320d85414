// A presence channel through a long and disorderly life: users with several tabs that join, leave, reload,
// lose their connection, come back, are kicked. What subscribers are told must add up to the truth.

#include "channel_world.h"

#include <cstdlib>
#include <map>
#include <set>

namespace parley::actors {
namespace {

using namespace std::chrono_literals;

class PresenceLife {
 public:
  explicit PresenceLife(std::uint64_t seed) : random_(seed) {
    world_.subscribe(kWatcher, ChannelWorld::member("watcher"));
    world_.forget();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      read_events();
      if (::testing::Test::HasFatalFailure()) return;
      if (i % 40 == 39) check_calm();
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

 private:
  static constexpr std::uint64_t kWatcher = 1'000'000;

  std::uint64_t pick(std::uint64_t below) { return random_.next() % below; }
  std::string some_user() { return "u" + std::to_string(pick(5)); }
  std::optional<std::uint64_t> some_session() {
    if (sessions_.empty()) return std::nullopt;
    auto place = sessions_.begin();
    std::advance(place, static_cast<std::ptrdiff_t>(pick(sessions_.size())));
    return place->first;
  }

  void step() {
    switch (pick(9)) {
      case 0:
      case 1:
      case 2:
        join(some_user());
        break;
      case 3:
        leave(LeaveReason::unsubscribed);
        break;
      case 4:
        leave(LeaveReason::connection_lost);
        break;
      case 5: {  // a reload: the page goes and comes
        const auto id = some_session();
        if (!id) break;
        const auto user = sessions_.at(*id);
        end(*id, LeaveReason::closed_by_client);
        world_.advance(milliseconds(pick(2'000)));
        join(user);
        break;
      }
      case 6: {  // kicked: all of a user's sessions leave
        const auto user = some_user();
        std::vector<std::uint64_t> gone;
        for (const auto& [id, name] : sessions_) {
          if (name == user) gone.push_back(id);
        }
        for (const auto id : gone) end(id, LeaveReason::unsubscribed);
        break;
      }
      case 7:
        world_.advance(milliseconds(pick(4'000)));
        break;
      default:
        world_.advance(milliseconds(pick(200)));
    }
  }
  void join(const std::string& user) {
    const auto id = next_++;
    sessions_[id] = user;
    world_.subscribe(id, ChannelWorld::member(user));
    // The joiner's roster and the changes that follow must agree: who joins is in it, and is not told of itself.
    const auto answers = world_.answers<Subscribed>(id);
    ASSERT_EQ(answers.size(), 1U);
    bool there = false;
    for (const auto& member : answers[0].roster->members) there = there || member->user_id == user;
    ASSERT_TRUE(there);
  }
  void leave(LeaveReason reason) {
    if (const auto id = some_session()) end(*id, reason);
  }
  void end(std::uint64_t id, LeaveReason reason) {
    sessions_.erase(id);
    world_.unsubscribe(id, reason);
  }

  void read_events() {
    for (const auto& [hub, event] : world_.events) {
      if (const auto* added = std::get_if<ChannelEvent::MemberAdded>(&event->what)) {
        ASSERT_TRUE(seen_.insert(added->member->user_id).second) << added->member->user_id << " was added twice";
      } else if (const auto* removed = std::get_if<ChannelEvent::MemberRemoved>(&event->what)) {
        ASSERT_EQ(seen_.erase(removed->user_id), 1U) << removed->user_id << " was removed and not there";
        const bool here = std::any_of(sessions_.begin(), sessions_.end(),
                                      [&](const auto& row) { return row.second == removed->user_id; });
        ASSERT_FALSE(here) << removed->user_id << " was removed while a tab is open";
      }
    }
    world_.forget();
  }

  // After every grace period has ended, what was told is what is.
  void check_calm() {
    world_.advance(5s);
    read_events();
    std::set<std::string> truth;
    for (const auto& [id, user] : sessions_) truth.insert(user);
    ASSERT_EQ(seen_, truth);
    std::set<std::string> roster;
    for (const auto& member : world_.channel->members().members) roster.insert(member->user_id);
    truth.insert("watcher");
    ASSERT_EQ(roster, truth);
  }

  SeededRandom random_;
  ChannelWorld world_{"presence-room"};
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, std::string> sessions_;
  std::set<std::string> seen_;  // by the watcher
};

TEST(PresenceLifeTest, WhatIsToldAddsUpToWhoIsHere) {
  const auto* given = std::getenv("PARLEY_SEED");
  const auto first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  for (std::uint64_t seed = first; seed < first + (given != nullptr ? 1 : 100); ++seed) {
    SCOPED_TRACE("PARLEY_SEED=" + std::to_string(seed));
    PresenceLife(seed).run(1'000);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace parley::actors
