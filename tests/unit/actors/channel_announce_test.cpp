// A channel that has another leader: the hubs say who is here, and it is as it was, without a word to anybody.
#include "tests/unit/actors/channel_world.h"

#include <limits>

namespace parley::actors {
namespace {

// What a hub would say of those who subscribed through it, from what they were answered.
Announce announcement(const ChannelWorld& world, const std::map<std::uint64_t, MemberPtr>& of) {
  Announce announce{.channel = world.key, .subscriptions = {}};
  for (const auto& [id, member] : of) {
    const auto answer = world.answers<Subscribed>(id).back();
    announce.subscriptions.push_back(
        {.session = SocketId{id}, .subscription = answer.subscription, .member = member, .came = answer.came});
  }
  return announce;
}
void announce(ChannelWorld& world, const Announce& what, std::uint16_t hub) {
  world.handle({ReplyTo{{HubId{hub}, {}}}, what});
}
std::string roster(const ChannelWorld& world) {
  std::string ids;
  for (const auto& member : world.channel->members().members) ids += member->user_id + " ";
  return ids;
}
App told_app() { return {.id = "a", .webhook_hold = milliseconds(0)}; }

// Ann on two tabs of two hubs, Bob and Cy on one each: Bob came first.
struct NewLeader : ::testing::Test {
  const MemberPtr ann = ChannelWorld::member("ann");
  const MemberPtr bob = ChannelWorld::member("bob", R"({"name":"Bob"})");
  const MemberPtr cy = ChannelWorld::member("cy");
  ChannelWorld before{"presence-room"};
  ChannelWorld after{"presence-room"};
  Announce of_first, of_second;
  NewLeader() {
    before.subscribe(7, bob, {}, 1, 1);
    before.subscribe(1, ann, {}, 3, 0);
    before.subscribe(5, cy, {}, 2, 0);
    before.subscribe(2, ann, {}, 1, 1);
    of_first = announcement(before, {{1, ann}, {5, cy}});
    of_second = announcement(before, {{2, ann}, {7, bob}});
  }
  void silent() {
    EXPECT_TRUE(after.replies.empty());
    EXPECT_TRUE(after.events.empty());
    EXPECT_TRUE(after.proposed.empty());
  }
};

TEST_F(NewLeader, HasTheRosterOfTheOneBeforeInItsOrderWhicheverHubSpeaksFirst) {
  EXPECT_EQ(roster(before), "bob ann cy ");
  announce(after, of_first, 0);
  announce(after, of_second, 1);
  silent();
  EXPECT_EQ(roster(after), "bob ann cy ");
  EXPECT_EQ(after.channel->members().members.front()->user_info, R"({"name":"Bob"})");
  ChannelWorld other{"presence-room"};
  announce(other, of_second, 1);
  announce(other, of_first, 0);
  EXPECT_EQ(roster(other), "bob ann cy ");
  EXPECT_EQ(other.channel->describe(other.wall()).subscriptions, 4U);
  EXPECT_EQ(other.metrics.presence_members.value(), 3);
}

TEST_F(NewLeader, IsToldAgainWithoutHarm) {
  announce(after, of_first, 0);
  announce(after, of_second, 1);
  announce(after, of_first, 0);
  silent();
  EXPECT_EQ(after.channel->describe(after.wall()).subscriptions, 4U);
  EXPECT_EQ(after.metrics.subscriptions.value(), 4);
  after.unsubscribe(1, LeaveReason::unsubscribed, {}, 3);
  after.unsubscribe(2, LeaveReason::unsubscribed, {}, 1, 1);
  after.advance(seconds(60));
  EXPECT_EQ(roster(after), "bob cy ");
  ASSERT_EQ(after.told<ChannelEvent::MemberRemoved>().size(), 2U) << "once for each hub";
  EXPECT_EQ(after.told<ChannelEvent::MemberRemoved>().front().user_id, "ann");
}

TEST_F(NewLeader, TellsBothHubsWhatIsPublishedAndWhoComesLater) {
  announce(after, of_first, 0);
  announce(after, of_second, 1);
  after.publish("hi");
  ASSERT_EQ(after.events.size(), 2U);
  after.forget();
  after.subscribe(9, ChannelWorld::member("dee"), {}, 1, 0);
  EXPECT_EQ(after.answers<Subscribed>(9).front().roster->members.size(), 4U);
  EXPECT_EQ(roster(after), "bob ann cy dee ");
  EXPECT_GT(after.answers<Subscribed>(9).front().came, before.answers<Subscribed>(5).front().came);
  EXPECT_EQ(after.told<ChannelEvent::MemberAdded>().size(), 2U);
}

TEST_F(NewLeader, PutsWhoCameBeforeTheAnnouncementsBehindThoseWhoWereHere) {
  after.subscribe(9, ChannelWorld::member("dee"), {}, 1, 0);
  after.subscribe(10, bob, {}, 1, 0);  // who is here on another tab, as it turns out
  after.forget();
  announce(after, of_first, 0);
  announce(after, of_second, 1);
  silent();
  EXPECT_EQ(after.channel->members().members.size(), 4U);
  EXPECT_EQ(after.channel->describe(after.wall()).subscriptions, 6U);
}

TEST_F(NewLeader, PutsWhoComesLaterBehindThemWhateverPlacesAHubSpeaksOf) {
  constexpr auto last = std::numeric_limits<std::uint64_t>::max();
  announce(
      after,
      {.channel = after.key,
       .subscriptions = {{SocketId{1}, SubscriptionId{1}, ann, last}, {SocketId{7}, SubscriptionId{1}, bob, last}}},
      0);
  after.subscribe(9, ChannelWorld::member("dee"), {}, 1, 0);
  EXPECT_EQ(roster(after), "ann bob dee ");
  EXPECT_EQ(after.answers<Subscribed>(9).front().came, last);
}

// Whoever says so: that must not take the longer the more there are.
TEST_F(NewLeader, TakesACrowdThatIsSaidToHaveComeAtOnce) {
  constexpr std::size_t kCrowd = 50'000;
  Announce crowd{.channel = after.key, .subscriptions = {}};
  for (std::uint64_t id = 1; id <= kCrowd; ++id) {
    crowd.subscriptions.push_back({SocketId{id}, SubscriptionId{1}, ChannelWorld::member(std::to_string(id)), 1});
  }
  announce(after, crowd, 0);
  const auto& members = after.channel->members().members;
  ASSERT_EQ(members.size(), kCrowd);
  EXPECT_EQ(members.front()->user_id, "1");
  EXPECT_EQ(members.back()->user_id, std::to_string(kCrowd));
  silent();
}

TEST_F(NewLeader, IsNotConfusedByASessionThatStandsForNobodyAndThenForSomebody) {
  announce(after, {.channel = after.key, .subscriptions = {{SocketId{1}, SubscriptionId{1}, nullptr, 0}}}, 0);
  EXPECT_EQ(roster(after), "");
  after.subscribe(1, ann, {}, 2, 0);
  EXPECT_EQ(roster(after), "ann ");
  after.unsubscribe(1, LeaveReason::unsubscribed, {}, 2);
  after.advance(seconds(60));
  EXPECT_EQ(roster(after), "");
  EXPECT_EQ(after.metrics.presence_members.value(), 0);
}

TEST_F(NewLeader, DoesNotListenToALeavingThatIsOlderThanTheSubscription) {
  announce(after, of_first, 0);
  after.unsubscribe(1, LeaveReason::unsubscribed, {}, 2);  // ann's subscription is number 3
  after.advance(seconds(60));
  EXPECT_EQ(roster(after), "ann cy ");
}

TEST_F(NewLeader, SendsAwayWhoMayNotBeHereAnyMore) {
  after.blocked.insert("cy");
  announce(after, of_first, 0);
  EXPECT_EQ(roster(after), "ann ");
  ASSERT_EQ(after.answers<Kicked>(5).size(), 1U);
  EXPECT_EQ(after.answers<Kicked>(5).front().error.code, Errc::kicked);
  EXPECT_TRUE(after.events.empty());
}

TEST(NewLeaderOfAWatchedChannel, TellsTheBackendOnlyWhatTheOneBeforeHadNot) {
  ChannelWorld world{"presence-room", default_rules(), told_app()};
  auto watched = std::make_shared<Settings>(*world.settings);
  WebhookTarget target;
  target.name = "audit";
  target.app = "a";
  target.kinds = kPusherNotices;
  watched->webhooks.push_back(target);
  world.settings = watched;
  world.wake();
  world.told_rows = {"", "ann", "eve"};
  announce(world,
           {.channel = world.key,
            .subscriptions = {{SocketId{1}, SubscriptionId{1}, ChannelWorld::member("ann"), 4},
                              {SocketId{2}, SubscriptionId{1}, ChannelWorld::member("bob"), 5}}},
           0);
  EXPECT_EQ(roster(world), "") << "it waits for what was told";
  world.answer_open();
  EXPECT_EQ(roster(world), "ann bob ");
  world.advance(milliseconds(1));
  world.commit();
  ASSERT_EQ(world.noticed.size(), 1U) << "of Ann it knows, and Eve may be on her way back";
  EXPECT_EQ(world.noticed.front().kind, NoticeKind::member_added);
  EXPECT_EQ(world.noticed.front().user_id, "bob");
  world.advance(world.settings->timing.restart_grace);
  world.commit();
  ASSERT_EQ(world.noticed.size(), 2U);
  EXPECT_EQ(world.noticed.back().kind, NoticeKind::member_removed);
  EXPECT_EQ(world.noticed.back().user_id, "eve");
  EXPECT_TRUE(world.events.empty());
}

TEST(NewLeaderOfADurableChannel, WaitsForItsStateAndLetsThoseWhoCatchUpGoOn) {
  ChannelWorld world{"private-domain.7"};
  world.newest = {Epoch{9}, Offset{2}};
  for (std::uint64_t offset = 1; offset <= 2; ++offset) {
    auto stored = std::make_shared<Publication>();
    stored->position = {Epoch{9}, Offset{offset}};
    world.history.push_back(stored);
  }
  announce(world, {.channel = world.key, .subscriptions = {{SocketId{1}, SubscriptionId{4}, nullptr, 0}}}, 0);
  EXPECT_EQ(world.channel->describe(world.wall()).subscriptions, 0U);
  world.answer_open();
  EXPECT_EQ(world.channel->describe(world.wall()).subscriptions, 1U);
  EXPECT_TRUE(world.replies.empty());
  world.handle({ChannelWorld::session(1), MoreMissed{world.key, SubscriptionId{4}, Position{Epoch{9}, Offset{1}}, 0}});
  world.answer_reads();
  EXPECT_EQ(world.missed(1), std::vector<std::uint64_t>{2});
}

// What the leader before told, or this one, and the hub did not hear.
TEST(NewLeaderOfADurableChannel, SaysToAHubThatItIsBehind) {
  ChannelWorld world{"private-domain.7"};
  world.newest = {Epoch{9}, Offset{2}};
  const auto say = [&](std::optional<Position> told, std::uint16_t hub) {
    const Announce::Subscription one{SocketId{1U + hub}, SubscriptionId{4}, nullptr, 0};
    announce(world, {.channel = world.key, .subscriptions = {one}, .told = told}, hub);
  };
  say(Position{Epoch{9}, Offset{1}}, 0);
  world.answer_open();
  say(Position{Epoch{9}, Offset{2}}, 1);
  say(Position{}, 2);
  say(Position{Epoch{8}, Offset{5}}, 3);
  say(std::nullopt, 4);
  std::vector<std::uint16_t> behind;
  for (const auto& reply : world.replies) {
    EXPECT_FALSE(reply.to.session.exists()) << "it is the hub's";
    EXPECT_EQ(std::get<Behind>(reply.what).newest, world.newest);
    behind.push_back(reply.to.hub.value);
  }
  EXPECT_EQ(behind, (std::vector<std::uint16_t>{0, 2, 3}));
}

TEST(NewLeaderOfADurableChannel, ComparesWhatWasToldAsSoonAsItsStateCanBeRead) {
  ChannelWorld world{"private-domain.7"};
  world.newest = {Epoch{9}, Offset{2}};
  const Announce::Subscription one{SocketId{1}, SubscriptionId{4}, nullptr, 0};
  announce(world, {.channel = world.key, .subscriptions = {one}, .told = Position{Epoch{9}, Offset{1}}}, 0);
  world.channel->opened(make_error(Errc::io), world.now(), world.wall());
  EXPECT_TRUE(world.replies.empty());
  world.advance(seconds(1));
  world.answer_open();
  ASSERT_EQ(world.replies.size(), 1U);
  EXPECT_EQ(std::get<Behind>(world.replies.front().what).newest, world.newest);
}

TEST(NewLeaderOfADurableChannel, KnowsWhoIsHereAlsoWhenItsStateCannotBeRead) {
  ChannelWorld world{"private-domain.7"};
  announce(world, {.channel = world.key, .subscriptions = {{SocketId{1}, SubscriptionId{4}, nullptr, 0}}}, 0);
  world.unsubscribe(1, LeaveReason::unsubscribed, {}, 3);  // older than it
  announce(world, {.channel = world.key, .subscriptions = {{SocketId{2}, SubscriptionId{1}, nullptr, 0}}}, 1);
  world.unsubscribe(2, LeaveReason::unsubscribed, {}, 1, 1);
  world.channel->opened(make_error(Errc::io), world.now(), world.wall());
  EXPECT_EQ(world.channel->describe(world.wall()).subscriptions, 1U);
  const auto opens = world.opens;
  world.advance(seconds(1));
  EXPECT_EQ(world.opens, opens + 1) << "the backend may be due a word of them";
  world.answer_open();
  world.publish("hi");
  world.commit();
  ASSERT_EQ(world.told<ChannelEvent::Published>().size(), 1U);
}

TEST(NewLeaderOfAPresenceChannel, SaysWhoIsHereToAllHubsWhenTheyHadTimeToAnnounce) {
  ChannelWorld world{"presence-room"};
  const auto say = [&](std::uint64_t id, const char* user, std::uint16_t hub) {
    const Announce::Subscription one{SocketId{id}, SubscriptionId{4}, ChannelWorld::member(user), id};
    announce(world, {.channel = world.key, .subscriptions = {one}}, hub);
  };
  const auto rosters = [&] {
    std::vector<std::pair<std::uint16_t, std::size_t>> said;
    for (const auto& reply : std::exchange(world.replies, {})) {
      if (const auto* is = std::get_if<RosterIs>(&reply.what)) {
        said.emplace_back(reply.to.hub.value, is->roster->members.size());
      }
    }
    return said;
  };
  say(1, "ann", 0);
  world.subscribe(3, ChannelWorld::member("cid"), {}, 1, 2);
  const auto grace = std::max(world.settings->rule_for("presence-room").presence_grace, milliseconds(2'000));
  world.advance(grace - milliseconds(1));
  say(2, "bob", 1);
  EXPECT_TRUE(rosters().empty());
  world.advance(milliseconds(1));
  EXPECT_EQ(rosters(), (std::vector<std::pair<std::uint16_t, std::size_t>>{{0, 3}, {2, 3}, {1, 3}}));
  world.advance(grace);
  EXPECT_TRUE(rosters().empty()) << "once";
  say(4, "dan", 1);
  world.advance(grace);
  EXPECT_EQ(rosters().size(), 3U) << "and again when another one is heard of";
}

}  // namespace
}  // namespace parley::actors
