#include "channel_world.h"

#include <fmt/format.h>

#include <cstdlib>
#include <map>

namespace parley::actors {
namespace {

using namespace std::chrono_literals;

WebhookTarget target(std::string name, std::vector<std::string> events = {"pusher"}) {
  WebhookTarget made{.name = std::move(name), .app = "a", .events = std::move(events)};
  made.kinds = notice_mask(made.events);
  return made;
}

// A channel whose backend listens. Its shard answers when the test says so.
class NoticeWorld : public ChannelWorld {
 public:
  explicit NoticeWorld(std::string_view name, std::vector<WebhookTarget> targets = {target("hook")},
                       std::vector<ChannelRule> rules = default_rules(), App app = {.id = "a"})
      : ChannelWorld(name, std::move(rules), std::move(app)) {
    retarget(std::move(targets));
    wake();
  }

  void retarget(std::vector<WebhookTarget> targets) {
    auto made = std::make_shared<Settings>(*settings);
    made->webhooks = std::move(targets);
    settings = made;
  }
  void reload(std::vector<WebhookTarget> targets) {
    retarget(std::move(targets));
    channel->configure(settings);
    if (opens > 0) answer_open();
  }
  void ready() {
    channel->attend();
    answer_open();
  }
  void crash() {
    proposed.clear();
    reads.clear();
    cursor_reads.clear();
    wake();
  }
  // Time passes, and the shard stores what is proposed.
  void pass(milliseconds time) {
    for (auto step = 0ms; step <= time; step += 50ms) {
      advance(step == 0ms ? 0ms : 50ms);
      commit();
    }
  }
  // What the backend hears since the last time: `kind channel/user@target`.
  std::vector<std::string> heard() {
    std::vector<std::string> lines;
    for (const auto& notice : std::exchange(noticed, {})) {
      auto line = std::string(notice_name(notice.kind));
      if (!notice.user_id.empty()) line += " " + notice.user_id;
      if (notice.kind == NoticeKind::subscription_count) line += " " + std::to_string(notice.count);
      if (notice.target != "hook") line += "@" + notice.target;
      lines.push_back(line);
    }
    return lines;
  }
};

using Lines = std::vector<std::string>;

struct Told : ::testing::Test {
  NoticeWorld world{"presence-room"};
  void SetUp() override {
    world.subscribe(1, ChannelWorld::member("ann"));
    world.answer_open();
    world.pass(0ms);
  }
};

TEST(ChannelNotices, EphemeralChannelsReadTheirStateOnlyWhenABackendWantsToKnowWhoIsHere) {
  NoticeWorld counted("room", {target("hook", {"subscription_count", "client_event", "cache_miss"})});
  counted.subscribe(1);
  EXPECT_EQ(counted.answers<Subscribed>(1).size(), 1U);
  NoticeWorld other("room", {target("hook", {"member_added"})});  // there are no members
  other.subscribe(1);
  EXPECT_EQ(other.answers<Subscribed>(1).size(), 1U);
  EXPECT_EQ(counted.opens + other.opens, 0);
  NoticeWorld watched("room");
  watched.subscribe(1);
  EXPECT_EQ(watched.opens, 1);
  EXPECT_TRUE(watched.answers<Subscribed>(1).empty());
  watched.answer_open();
  EXPECT_EQ(watched.answers<Subscribed>(1).size(), 1U);
}

TEST(ChannelNotices, AnEphemeralChannelThatOpensDoesNotShowAnEarlierLifesPosition) {
  NoticeWorld world("room");
  world.newest = {Epoch{7}, Offset{3}};
  world.subscribe(1);
  world.answer_open();
  EXPECT_FALSE(world.answers<Subscribed>(1).at(0).position.exists());
}

TEST_F(Told, FirstSubscriberIsToldAtOnceAndWhenTheDiskHasIt) {
  EXPECT_EQ(world.heard(), (Lines{"channel_occupied", "member_added ann"}));
  EXPECT_EQ(world.told_rows, (std::set<std::string>{"", "ann"}));
  world.subscribe(2, ChannelWorld::member("bob"));
  world.advance(0ms);
  ASSERT_EQ(world.proposed.size(), 1U);
  const auto& save = std::get<SaveNotices>(world.proposed[0].second.what);
  ASSERT_EQ(save.notices.size(), 1U);
  const auto& notice = save.notices[0];
  EXPECT_FALSE(notice.id.empty());
  EXPECT_EQ(notice.app, "a");
  EXPECT_EQ(notice.target, "hook");
  EXPECT_EQ(notice.channel, "presence-room");
  EXPECT_EQ(notice.time, world.wall());
  EXPECT_EQ(world.proposed[0].second.channel, world.key);
  EXPECT_EQ(save.bounds.waiting_max, notice_bounds(*world.settings).waiting_max);
}

TEST_F(Told, ReloadWithinTheHoldTellsNothing) {
  world.heard();
  world.unsubscribe(1, LeaveReason::unsubscribed);
  world.pass(2'900ms);  // for the subscribers ann was removed after 250 ms
  EXPECT_EQ(world.channel->describe(world.wall()).users, 0U);
  world.subscribe(2, ChannelWorld::member("ann"));
  world.pass(1min);
  EXPECT_EQ(world.heard(), Lines{});
}

TEST_F(Told, SecondTabTellsNothingAndTheLastOneEndsTheStay) {
  world.subscribe(2, ChannelWorld::member("ann"));
  world.unsubscribe(1);
  world.pass(1min);
  EXPECT_EQ(world.heard(), (Lines{"channel_occupied", "member_added ann"}));
  world.unsubscribe(2);
  world.pass(2'900ms);
  EXPECT_EQ(world.heard(), Lines{});
  world.pass(150ms);
  EXPECT_EQ(world.heard(), (Lines{"member_removed ann", "channel_vacated"}));
  EXPECT_TRUE(world.told_rows.empty());
  world.pass(0ms);
  EXPECT_TRUE(world.channel->idle(world.wall()));
}

TEST_F(Told, IsNotIdleWhileItStillOwesTheEnd) {
  world.unsubscribe(1);
  world.pass(1s);
  EXPECT_EQ(world.channel->members().members.size(), 0U);
  EXPECT_FALSE(world.channel->idle(world.wall()));
  world.advance(3s);
  EXPECT_FALSE(world.channel->idle(world.wall()));  // proposed, not stored
  world.commit();
  EXPECT_TRUE(world.channel->idle(world.wall()));
}

TEST(ChannelNotices, AGraceLongerThanTheHoldIsNotFollowedByTheHold) {
  auto rules = default_rules();
  rules.push_back({.match = "*", .presence_grace = 10s, .presence_linger = 10s});
  NoticeWorld world("presence-room", {target("hook")}, rules);
  world.subscribe(1, ChannelWorld::member("ann"));
  world.answer_open();
  world.pass(0ms);
  world.heard();
  world.unsubscribe(1, LeaveReason::connection_lost);
  world.pass(9'900ms);
  EXPECT_EQ(world.heard(), Lines{});  // neither vacated while a member is held
  world.pass(150ms);
  EXPECT_EQ(world.heard(), (Lines{"member_removed ann", "channel_vacated"}));
}

TEST(ChannelNotices, WithoutAHoldTheEndIsToldAtOnce) {
  App app;
  app.webhook_hold = 0ms;
  NoticeWorld world("room", {target("hook")}, default_rules(), app);
  world.ready();
  world.subscribe(1);
  world.pass(0ms);
  world.unsubscribe(1);
  world.pass(0ms);
  EXPECT_EQ(world.heard(),
            (Lines{"channel_occupied", "subscription_count 1", "subscription_count 0", "channel_vacated"}));
}

// Also of who was there before a crash: the form is stored with what was told.
TEST_F(Told, IdsAreSaidAsTheApplicationSaidThem) {
  world.heard();
  world.subscribe(2, std::make_shared<Member>(Member{"7", "{}", IdForm::number}));
  world.pass(0ms);
  ASSERT_EQ(world.noticed.size(), 1U);
  EXPECT_EQ(world.noticed[0].user_id, "7");
  EXPECT_EQ(world.noticed[0].id_form, IdForm::number);
  const auto told = world.told<ChannelEvent::MemberAdded>();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().member->id_form, IdForm::number);

  world.heard();
  world.crash();
  world.ready();
  world.pass(2min);
  const auto left = std::find_if(world.noticed.begin(), world.noticed.end(), [](const Notice& notice) {
    return notice.kind == NoticeKind::member_removed && notice.user_id == "7";
  });
  ASSERT_NE(left, world.noticed.end());
  EXPECT_EQ(left->id_form, IdForm::number);
}

TEST_F(Told, OneCommandAtATimeAndWhatComesMeanwhileGoesWithTheNext) {
  world.subscribe(2, ChannelWorld::member("bob"));
  world.advance(0ms);
  world.subscribe(3, ChannelWorld::member("cid"));
  world.subscribe(4, ChannelWorld::member("dan"));
  world.advance(0ms);
  EXPECT_EQ(world.proposed.size(), 1U);
  world.commit();
  world.advance(0ms);
  ASSERT_EQ(world.proposed.size(), 1U);
  EXPECT_EQ(std::get<SaveNotices>(world.proposed[0].second.what).told.size(), 2U);
}

TEST_F(Told, RefusedCommandGoesAgainAsItWasBeforeAnythingLater) {
  world.heard();
  world.subscribe(2, ChannelWorld::member("bob"));
  world.advance(0ms);
  const auto first = std::get<SaveNotices>(world.proposed.at(0).second.what);
  world.refuse(Errc::storage_unavailable);
  world.subscribe(3, ChannelWorld::member("cid"));
  world.advance(900ms);
  EXPECT_TRUE(world.proposed.empty());
  EXPECT_FALSE(world.channel->idle(world.wall()));
  world.advance(100ms);
  ASSERT_EQ(world.proposed.size(), 1U);
  const auto again = std::get<SaveNotices>(world.proposed[0].second.what);
  ASSERT_EQ(again.notices.size(), 1U);
  EXPECT_EQ(again.notices[0].id, first.notices[0].id);
  world.pass(0ms);
  world.pass(0ms);
  EXPECT_EQ(world.heard(), (Lines{"member_added bob", "member_added cid"}));
}

TEST_F(Told, WhoIsNotBackAfterARestartIsRemovedAfterItsGrace) {
  world.subscribe(2, ChannelWorld::member("bob"));
  world.pass(0ms);
  world.heard();
  world.crash();
  world.ready();
  world.pass(5s);
  world.subscribe(7, ChannelWorld::member("bob"));
  world.pass(9'900ms);
  EXPECT_EQ(world.heard(), Lines{});
  world.pass(150ms);
  EXPECT_EQ(world.heard(), (Lines{"member_removed ann"}));
}

TEST_F(Told, AChannelToWhichNobodyComesBackIsVacatedAndThenIdle) {
  world.heard();
  world.crash();
  world.channel->attend();
  EXPECT_EQ(world.opens, 2);
  EXPECT_FALSE(world.channel->idle(world.wall()));
  world.channel->opened(make_error(Errc::storage_unavailable), world.now(), world.wall());
  EXPECT_FALSE(world.channel->idle(world.wall()));
  world.advance(1s);
  EXPECT_EQ(world.opens, 3);  // nobody else would ask
  world.answer_open();
  world.pass(14'900ms);
  EXPECT_EQ(world.heard(), Lines{});
  world.pass(150ms);
  EXPECT_EQ(world.heard(), (Lines{"member_removed ann", "channel_vacated"}));
  EXPECT_TRUE(world.channel->idle(world.wall()));
}

TEST_F(Told, WhatWasToldOfNobodyWantsToKnowIsForgottenSilently) {
  world.heard();
  world.crash();
  world.retarget({});
  world.wake();
  world.ready();
  world.pass(0ms);
  EXPECT_EQ(world.heard(), Lines{});
  EXPECT_TRUE(world.told_rows.empty());
  EXPECT_TRUE(world.channel->idle(world.wall()));
}

TEST(ChannelNotices, ATargetThatAReloadBringsHearsWhoIsHere) {
  NoticeWorld world("presence-room", {});
  world.subscribe(1, ChannelWorld::member("ann"));
  world.pass(0ms);
  EXPECT_EQ(world.opens, 0);
  world.retarget({target("hook")});
  world.channel->configure(world.settings);
  EXPECT_EQ(world.opens, 1);
  world.answer_open();
  world.pass(0ms);
  EXPECT_EQ(world.heard(), (Lines{"channel_occupied", "member_added ann"}));
  world.reload({});
  world.pass(0ms);
  EXPECT_EQ(world.heard(), Lines{});
  EXPECT_TRUE(world.told_rows.empty());
  world.reload({target("hook")});
  world.pass(0ms);
  EXPECT_EQ(world.heard(), (Lines{"channel_occupied", "member_added ann"}));
}

TEST(ChannelNotices, EachTargetHearsWhatItWantsOfTheChannelsItWants) {
  auto elsewhere = target("elsewhere");
  elsewhere.channels = {"other-*"};
  auto foreign = target("foreign");
  foreign.app = "b";
  NoticeWorld world("presence-room",
                    {target("adds", {"member_added"}), target("ends", {"channel_vacated"}), elsewhere, foreign});
  world.ready();
  world.subscribe(1, ChannelWorld::member("ann"));
  world.unsubscribe(1);
  world.pass(10s);
  EXPECT_EQ(world.heard(), (Lines{"member_added ann@adds", "channel_vacated@ends"}));
}

TEST(ChannelNotices, ManyMembersAreToldInSeveralCommandsInOrder) {
  NoticeWorld world("presence-room");
  world.ready();
  for (std::uint64_t id = 1; id <= 1'200; ++id) world.subscribe(id, ChannelWorld::member(fmt::format("u{}", id)));
  world.advance(0ms);
  ASSERT_EQ(world.proposed.size(), 1U);
  EXPECT_LE(std::get<SaveNotices>(world.proposed[0].second.what).notices.size(), 501U);
  world.pass(200ms);
  auto heard = world.heard();
  ASSERT_EQ(heard.size(), 1'201U);
  EXPECT_EQ(heard[0], "channel_occupied");
  EXPECT_EQ(heard[1'200], "member_added u1200");
  for (std::uint64_t id = 1; id <= 1'200; ++id) world.unsubscribe(id);
  world.pass(4s);
  heard = world.heard();
  ASSERT_EQ(heard.size(), 1'201U);
  EXPECT_EQ(heard.back(), "channel_vacated");
  EXPECT_TRUE(world.told_rows.empty());
}

// ---- events ----

Request typing(const ChannelWorld& world, std::string data = R"({"a":1})") {
  Publish what{.channel = world.key, .event = "client-typing", .data = std::move(data), .kind = DataKind::json};
  what.user_id = "ann";
  what.client_event = true;
  return {ChannelWorld::session(1), what};
}

TEST(ChannelNotices, ClientEventsCarryTheirJsonSenderAndUser) {
  NoticeWorld world("presence-room", {target("hook", {"client_event"})});
  world.handle(typing(world));
  world.pass(0ms);
  ASSERT_EQ(world.noticed.size(), 1U);
  const auto& notice = world.noticed[0];
  EXPECT_EQ(notice.event, "client-typing");
  EXPECT_EQ(notice.data, R"({"a":1})");
  EXPECT_EQ(notice.socket.value, 1U);
  EXPECT_EQ(notice.user_id, "ann");
  world.publish("not a client's");
  world.pass(0ms);
  EXPECT_EQ(world.noticed.size(), 1U);
}

TEST(ChannelNotices, AKeptClientEventIsToldWhenItWasAcceptedOnly) {
  auto rules = default_rules();
  rules[0].keep_client_events = true;
  NoticeWorld world("presence-domain.7", {target("hook", {"client_event"})}, rules);
  world.ready();
  world.handle(typing(world));
  world.advance(0ms);
  world.refuse(Errc::storage_unavailable);
  world.pass(2s);
  EXPECT_EQ(world.heard(), Lines{});
  world.handle(typing(world));
  world.pass(50ms);
  EXPECT_EQ(world.heard(), (Lines{"client_event ann"}));
}

TEST(ChannelNotices, CacheMissesAreToldUntilThereIsSomethingToTell) {
  NoticeWorld world("cache-weather", {target("hook", {"cache_miss"})});
  world.subscribe(1);
  world.pass(0ms);
  EXPECT_EQ(world.heard(), (Lines{"cache_miss"}));
  world.publish("sunny");
  world.subscribe(2);
  world.pass(0ms);
  EXPECT_EQ(world.heard(), Lines{});
}

TEST(ChannelNotices, CountsAreThrottledInLargeChannelsAndNotToldToSubscribers) {
  NoticeWorld world("room", {target("hook", {"subscription_count"})});
  for (std::uint64_t id = 1; id <= 150; ++id) world.subscribe(id);
  world.pass(100ms);
  EXPECT_EQ(world.heard(), (Lines{"subscription_count 150"}));
  for (std::uint64_t id = 151; id <= 160; ++id) {
    world.subscribe(id);
    world.pass(50ms);
  }
  EXPECT_EQ(world.heard(), Lines{});
  world.pass(5s);
  EXPECT_EQ(world.heard(), (Lines{"subscription_count 160"}));
  EXPECT_TRUE(world.told<ChannelEvent::SubscriptionCount>().empty());
}

TEST(ChannelNotices, WhenTooManyWaitTheNewestEventsAreDroppedAndCountedButNobodysPresence) {
  NoticeWorld world("presence-room");
  auto bounded = std::make_shared<Settings>(*world.settings);
  bounded->limits.channel_notices_waiting_max = 3;
  world.settings = bounded;
  world.wake();
  world.ready();
  const auto dropped = world.metrics.webhook_events_dropped("channel_notices_waiting");
  world.subscribe(1, ChannelWorld::member("ann"));
  world.advance(0ms);  // on its way: what follows waits
  for (int i = 0; i < 5; ++i) world.handle(typing(world, std::to_string(i)));
  world.subscribe(2, ChannelWorld::member("bob"));
  EXPECT_EQ(dropped.value(), 2);
  world.commit();
  world.heard();
  world.advance(0ms);
  world.commit();
  ASSERT_EQ(world.noticed.size(), 4U);
  EXPECT_EQ(world.noticed[0].kind, NoticeKind::member_added);
  EXPECT_EQ(world.noticed[3].data, "2");
  bounded = std::make_shared<Settings>(*world.settings);
  bounded->limits.channel_notices_bytes_max = 40;
  world.channel->configure(bounded);
  world.handle(typing(world, std::string(30, '1')));
  EXPECT_EQ(dropped.value(), 3);
  world.handle(typing(world, "1"));
  EXPECT_EQ(dropped.value(), 3);
}

TEST(ChannelNotices, LargeEventsAreSpreadOverCommands) {
  NoticeWorld world("presence-room", {target("hook", {"client_event"})});
  for (int i = 0; i < 10; ++i) world.handle(typing(world, std::string(100'000, '1')));
  world.advance(0ms);
  EXPECT_EQ(std::get<SaveNotices>(world.proposed.at(0).second.what).notices.size(), 2U);
  world.pass(500ms);
  EXPECT_EQ(world.noticed.size(), 10U);
}

// ---- the whole ----

// What a backend knows that believes each notice, and drops those that it had before.
struct Backend {
  std::set<std::string> ids;
  std::set<std::string> members;
  bool occupied = false;
  void hear(const Notice& notice) {
    if (!ids.insert(notice.id).second) return;
    switch (notice.kind) {
      case NoticeKind::channel_occupied:
        return expect(!std::exchange(occupied, true), notice);
      case NoticeKind::channel_vacated:
        return expect(std::exchange(occupied, false) && members.empty(), notice);
      case NoticeKind::member_added:
        return expect(occupied && members.insert(notice.user_id).second, notice);
      case NoticeKind::member_removed:
        return expect(members.erase(notice.user_id) == 1, notice);
      default:
        return;
    }
  }
  static void expect(bool right, const Notice& notice) {
    ASSERT_TRUE(right) << notice_name(notice.kind) << " " << notice.user_id << " does not follow";
  }
};

// Random joins, leaves, kicks, crashes and refusals: the backend hears alternately of each member and of the
// channel, of nobody's end too early, and in the end it knows who is here.
TEST(ChannelNoticesProperty, TheBackendsViewAlternatesAndIsTrueInTheEnd) {
  const auto* fixed = std::getenv("PARLEY_SEED");
  const auto seed = fixed != nullptr ? std::strtoull(fixed, nullptr, 10) : OsRandom().next();
  SCOPED_TRACE("PARLEY_SEED=" + std::to_string(seed));
  SeededRandom dice(seed);
  constexpr auto hold = 3s;
  NoticeWorld world("presence-room", {target("hook")});
  const auto restart_grace = world.settings->timing.restart_grace;
  Backend backend;
  std::map<std::uint64_t, std::string> open;
  std::map<std::string, MonoTime> held_until;  // nobody may be told of the end before
  std::set<std::string> proposed_ids;
  std::uint64_t next_session = 1;
  std::size_t removals = 0;
  bool opening = false;

  const auto here = [&](const std::string& user) {
    return user.empty() ? !open.empty()
                        : std::any_of(open.begin(), open.end(), [&](const auto& one) { return one.second == user; });
  };
  const auto close = [&](std::uint64_t session, LeaveReason reason) {
    const auto user = open.at(session);
    world.unsubscribe(session, reason);
    open.erase(session);
    if (!here(user)) held_until[user] = world.now() + hold;
    if (open.empty()) held_until[""] = world.now() + hold;
  };
  const auto look_at_proposals = [&] {
    ASSERT_LE(world.proposed.size(), 1U);
    for (const auto& [token, command] : world.proposed) {
      for (const auto& notice : std::get<SaveNotices>(command.what).notices) {
        const bool end = notice.kind == NoticeKind::member_removed || notice.kind == NoticeKind::channel_vacated;
        if (!proposed_ids.insert(notice.id).second || !end) continue;
        ++removals;
        ASSERT_FALSE(here(notice.user_id)) << notice.user_id << " is here";
        ASSERT_LE(held_until[notice.user_id], world.now()) << notice.user_id << " may be back";
      }
    }
  };
  const auto store = [&] {  // as the disk does, whether or not the channel hears of it
    for (auto& [token, command] : world.proposed) (void)world.store(command);
    for (const auto& notice : std::exchange(world.noticed, {})) backend.hear(notice);
  };
  const auto answer = [&](bool stored, bool applied) {
    if (stored) store();
    for (auto& [token, command] : std::exchange(world.proposed, {})) {
      if (applied) {
        world.channel->applied(token, Effect{.channel = world.key, .what = Effect::Nothing{}}, world.now());
      } else {
        world.channel->refused(token, make_error(Errc::storage_unavailable), world.now());
      }
    }
  };
  const auto calm = [&] {
    for (int i = 0; i < 200; ++i) {
      if (std::exchange(opening, false)) world.answer_open();
      world.advance(100ms);
      ASSERT_NO_FATAL_FAILURE(look_at_proposals());
      answer(true, true);
      if (::testing::Test::HasFatalFailure()) return;
    }
    std::set<std::string> truth;
    for (const auto& [session, user] : open) truth.insert(user);
    ASSERT_EQ(backend.members, truth);
    ASSERT_EQ(backend.occupied, !open.empty());
  };

  world.channel->attend();
  opening = true;
  for (int step = 0; step < 100'000; ++step) {
    const auto what = dice.below(1'000);
    if (what < 250) {
      const auto user = "u" + std::to_string(dice.below(8));
      if (!opening) {
        world.subscribe(next_session, ChannelWorld::member(user));
        if (!world.blocked.contains(user)) open.emplace(next_session, user);
        ++next_session;
      }
    } else if (what < 520) {
      if (!open.empty()) {
        auto victim = open.begin();
        std::advance(victim, static_cast<std::ptrdiff_t>(dice.below(open.size())));
        close(victim->first, dice.below(2) == 0 ? LeaveReason::unsubscribed : LeaveReason::connection_lost);
      }
    } else if (what < 540) {  // a kick
      const auto user = "u" + std::to_string(dice.below(8));
      world.blocked = {user};
      std::vector<std::uint64_t> sessions;
      for (const auto& [session, who] : open) {
        if (who == user) sessions.push_back(session);
      }
      for (const auto session : sessions) close(session, LeaveReason::unsubscribed);
    } else if (what < 543) {  // a crash; what was proposed may be stored or not
      if (dice.below(2) == 0) store();
      world.crash();
      open.clear();
      world.channel->attend();
      opening = true;
    } else if (what < 560) {
      answer(dice.below(2) == 0, false);
    } else if (what < 800) {
      answer(true, true);
    } else if (what < 801) {
      ASSERT_NO_FATAL_FAILURE(calm()) << "step " << step;
    } else if (what < 850 && opening) {
      world.answer_open();
      opening = false;
      for (const auto& user : world.told_rows) held_until[user] = world.now() + restart_grace;
    } else {
      world.advance(milliseconds(dice.below(dice.below(10) == 0 ? 4'000 : 300)));
    }
    ASSERT_NO_FATAL_FAILURE(look_at_proposals()) << "step " << step;
    ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "step " << step;
  }
  ASSERT_NO_FATAL_FAILURE(calm());
  while (!open.empty()) close(open.begin()->first, LeaveReason::connection_lost);
  ASSERT_NO_FATAL_FAILURE(calm());
  EXPECT_TRUE(world.told_rows.empty());
  EXPECT_TRUE(world.channel->idle(world.wall()));
  EXPECT_GT(removals, 1'000U);
}

}  // namespace
}  // namespace parley::actors
