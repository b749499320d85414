// A shard that another node leads: nobody is served here, whoever waits is told where to go, and what its entries lead
// to is the other's to tell. Led here again, what was left open is taken up first.
#include "tests/unit/actors/channel_world.h"
#include "tests/unit/actors/system_world.h"
#include "tests/unit/actors/user_world.h"

namespace parley::actors {
namespace {

constexpr NodeId kOther{9};

struct LeadingTest : SystemTest {
  static ShardId of(std::string_view channel) { return shard_of(ChannelKey("a", channel), 4); }
  // Asks until the shard of the channel is served.
  ChannelInfo served(std::string_view channel) {
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (std::chrono::steady_clock::now() < until) {
      ask(GetChannel{ChannelKey("a", channel)});
      auto reply = inbox->next_reply();
      if (auto* info = std::get_if<ChannelInfo>(&reply.what)) return std::move(*info);
      EXPECT_EQ(std::get<Refused>(reply.what).error.code, Errc::not_leader);
    }
    ADD_FAILURE() << "the shard is not served";
    return {};
  }
};

TEST_F(LeadingTest, AShardThatIsLedElsewhereIsRefusedWithAHintAndOthersAreServed) {
  ask(Subscribe{.channel = ChannelKey("a", "domain.1"), .subscription = {5}});
  inbox->next<Subscribed>();
  system.on_following(of("domain.1"), kOther);
  ask(message("domain.1", "hi", 7));
  const auto refused = inbox->next<PublishRefused>();
  EXPECT_EQ(refused.error.code, Errc::not_leader);
  EXPECT_EQ(refused.error.leader, kOther.value);
  std::string other = "domain.2";
  for (int i = 3; of(other) == of("domain.1"); ++i) other = fmt::format("domain.{}", i);
  ask(message(other, "hi", 8));
  EXPECT_EQ(inbox->next<Published>().ack, 8U);
  system.on_following(of("domain.1"), std::nullopt);
  ask(message("domain.1", "hi", 9));
  EXPECT_EQ(inbox->next<PublishRefused>().error.leader, 0U) << "nobody knows";
}

TEST_F(LeadingTest, PeopleAndKeptSessionsOfAShardThatIsLedElsewhereAreItsLeadersToTell) {
  const auto of_user = [](const std::string& id) { return shard_of(user_place({"a", id}), 4); };
  system.on_following(of_user("42"), kOther);
  ask(GetUsers{"a", {"42"}});
  EXPECT_EQ(inbox->next<Refused>().error.leader, kOther.value);
  ask(ListUsers{.app = "a"});
  EXPECT_EQ(inbox->next<Refused>().error.code, Errc::not_leader);
  ask(ListDomain{.app = "a", .domain = "1"});
  EXPECT_EQ(inbox->next<Refused>().error.code, Errc::not_leader);
  std::string other = "43";
  while (of_user(other) == of_user("42")) other += "3";
  ask(GetUsers{"a", {other}});
  EXPECT_EQ(inbox->next<UserList>().users.size(), 1U);
  // Of eight keys some are kept here, and some are not.
  int kept = 0;
  int refused = 0;
  for (int i = 0; i < 64 && (kept == 0 || refused == 0); ++i) {
    ask(KeepSession{"a", fmt::format("key{}", i), "record", WallTime{3600000}, true});
    auto reply = inbox->next_reply();
    if (std::holds_alternative<Done>(reply.what)) ++kept;
    if (const auto* no = std::get_if<Refused>(&reply.what); no != nullptr && no->error.code == Errc::not_leader)
      ++refused;
  }
  EXPECT_TRUE(kept > 0 && refused > 0) << kept << " " << refused;
}

TEST_F(LeadingTest, AShardThatIsLedAgainIsServedAsItIsStored) {
  ask(message("domain.1", "hi", 7));
  inbox->next<Published>();
  system.on_following(of("domain.1"), kOther);
  system.on_leading(of("domain.1"), Term{2});
  EXPECT_EQ(served("domain.1").position.offset.value, 1U);
  ask(message("domain.1", "ho", 8));
  EXPECT_EQ(inbox->next<Published>().position.offset.value, 2U);
}

TEST_F(LeadingTest, WhoWaitsForTheDiskIsRefusedAndWhatComesOfItIsNotToldHere) {
  ask(Subscribe{.channel = ChannelKey("a", "domain.1"), .subscription = {5}});
  inbox->next<Subscribed>();
  {
    const std::lock_guard lock(shards.mutex);
    shards.hold = true;
  }
  ask(message("domain.1", "hi", 7), 2);
  for (;;) {  // until it is on its way to the disk
    const std::lock_guard lock(shards.mutex);
    if (!shards.held.empty()) break;
  }
  ask(message("domain.1", "ho", 8), 2);  // waits behind it
  ask(GetChannel{ChannelKey("a", "domain.1")});
  inbox->next<ChannelInfo>();
  system.on_following(of("domain.1"), kOther);
  // By the channel and by the shard's actor, each on its own.
  const std::set<std::uint64_t> refused{inbox->next<PublishRefused>().ack, inbox->next<PublishRefused>().ack};
  EXPECT_EQ(refused, (std::set<std::uint64_t>{7, 8}));
  shards.release();
  // Nor what another leader's entry says.
  const ChannelKey channel("a", "domain.1");
  system.on_applied(of("domain.1"), 0,
                    {Effect{channel, Effect::Appended{std::make_shared<Publication>(Publication{
                                         .event = "e", .data = "theirs", .position = {Epoch{1}, Offset{2}}})}}});
  system.on_leading(of("domain.1"), Term{2});
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < until) {
    ask(GetChannel{channel});
    const auto next = inbox->next_message();
    ASSERT_TRUE(std::holds_alternative<Reply>(next)) << "an event of before was told";
    if (std::holds_alternative<ChannelInfo>(std::get<Reply>(next).what)) return;
  }
  FAIL() << "the shard is not served";
}

TEST_F(LeadingTest, BansThatTheLeaderBeforeKnewCountBeforeAnybodyIsServed) {
  const UserKey user{"a", "eve"};
  const auto shard = shard_of(user_place(user), 4);
  system.on_following(shard, kOther);
  UserRecord record;
  record.blocks.banned_until = clock.wall() + std::chrono::hours(1);
  shards.left_open.users.emplace_back(user, record);
  shards.unreadable = 1;  // and then it is read again
  system.on_leading(shard, Term{2});
  std::string channel = "room";
  for (int i = 0; of(channel) != shard; ++i) channel = fmt::format("room-{}", i);
  served(channel);
  EXPECT_FALSE(revocations.check_user(user, clock.wall()).ok());
  EXPECT_EQ(shards.unreadable, 0);
}

TEST_F(LeadingTest, ABanThatAnotherLeaderTookBackIsNoneWhenTheShardIsLedAgain) {
  const UserKey eve{"a", "eve"};
  UserKey zed{"a", "zed"};
  const auto shard = shard_of(user_place(eve), 4);
  for (int i = 0; shard_of(user_place(zed), 4) == shard; ++i) zed.id = fmt::format("zed-{}", i);
  for (const auto& user : {eve, zed}) {
    ask(BanUser{user, clock.wall() + std::chrono::hours(1), "spam"});
    inbox->next<Done>();
    EXPECT_FALSE(revocations.check_user(user, clock.wall()).ok());
  }
  system.on_following(shard, kOther);
  system.on_leading(shard, Term{2});
  std::string channel = "room";
  for (int i = 0; of(channel) != shard; ++i) channel = fmt::format("room-{}", i);
  served(channel);
  EXPECT_TRUE(revocations.check_user(eve, clock.wall()).ok());
  EXPECT_FALSE(revocations.check_user(zed, clock.wall()).ok()) << "of another shard";
}

TEST_F(LeadingTest, ALeadThatIsLostBeforeItIsTakenUpIsNone) {
  const auto shard = of("domain.1");
  system.on_following(shard, kOther);
  shards.unreadable = 1;  // so that it is read again, after a second
  system.on_leading(shard, Term{2});
  while (shards.unreadable > 0) std::this_thread::yield();
  system.on_following(shard, kOther);
  const auto until = std::chrono::steady_clock::now() + 1500ms;
  do {
    ask(GetChannel{ChannelKey("a", "domain.1")});
    const auto refused = inbox->next<Refused>();
    ASSERT_EQ(refused.error.leader, kOther.value);
  } while (std::chrono::steady_clock::now() < until);
}

// It lost the lead and won it back before this node heard of anybody in between: it knows nobody who is here.
TEST_F(LeadingTest, TheSameNodeInALaterTermIsToldWhoIsHere) {
  const auto shard = of("domain.1");
  system.on_following(shard, cluster::ShardLeader(kOther, Term{5}));
  EXPECT_EQ(inbox->next_leader().shards, std::vector{shard});
  system.on_following(shard, cluster::ShardLeader(kOther, Term{5}));
  const auto another = ShardId{static_cast<std::uint16_t>((shard.value + 1) % 4)};
  system.on_following(another, cluster::ShardLeader(kOther, Term{5}));
  EXPECT_EQ(inbox->next_leader().shards, std::vector{another}) << "nothing new of the first one";
  system.on_following(shard, cluster::ShardLeader(kOther, Term{7}));
  EXPECT_EQ(inbox->next_leader().shards, std::vector{shard});
}

// Between gaining the lead and knowing what was left open: who says then that it is here says it once.
struct TakingUp : LeadingTest {
  void begin_to_lead(ShardId shard) {
    system.on_following(shard, kOther);
    shards.unreadable = 1;  // and then, a second later, it is read again
    system.on_leading(shard, Term{2});
  }
  const ChannelKey room{"a", "presence-room"};
  Announce announcement(std::uint64_t session, std::string info = "{}") {
    const auto member = std::make_shared<Member>(Member{fmt::format("user-{}", session), std::move(info)});
    return {room, {{.session = SocketId{session}, .subscription = {1}, .member = member, .came = session}}};
  }
};

TEST_F(TakingUp, WhatIsSaidOfWhoIsHereCountsWhenTheShardIsTakenUp) {
  begin_to_lead(of(room.name()));
  ask(announcement(4), 0);
  ask(announcement(5), 0);
  ask(Unsubscribe{.channel = room, .subscription = {1}}, 5);
  ask(Subscribe{.channel = room, .subscription = {1}}, 6);
  EXPECT_EQ(inbox->next<SubscribeRefused>().error.code, Errc::not_leader) << "a client can ask again";
  EXPECT_EQ(served(room.name()).subscriptions, 1U);
}

TEST_F(TakingUp, WhoSignedInMeanwhileIsKnownToTheUser) {
  const UserKey ann{"a", "ann"};
  begin_to_lead(shard_of(user_place(ann), 4));
  ask(SignIn{.user = ann}, 4);
  ask(JoinedAs{.user = ann, .channel = "presence-room"}, 5);
  ask(AnnounceUser{.user = ann, .signed_in = true}, 6);
  const auto until = std::chrono::steady_clock::now() + 60s;
  for (;;) {
    ASSERT_LT(std::chrono::steady_clock::now(), until);
    ask(GetSessions{ann});
    const auto reply = inbox->next_reply();
    const auto* list = std::get_if<SessionList>(&reply.what);
    if (list == nullptr) continue;
    EXPECT_EQ(list->sessions.size(), 3U);
    return;
  }
}

TEST_F(TakingUp, AHubForWhichThereIsNoRoomIsAskedToAnnounceAgain) {
  begin_to_lead(of(room.name()));
  ask(announcement(4), 0);
  ask(announcement(5, std::string(kHeldBytesPerShardMax, 'x')), 0);
  EXPECT_EQ(inbox->next<AnnounceRefused>().channel, room);
  EXPECT_EQ(served(room.name()).subscriptions, 0U) << "what was kept of it would lack its end";
}

TEST_F(LeadingTest, WhatCannotBeReadAtTheStartIsSaid) {
  ActorSystem other{2, clock, random, metrics, settings, revocations};
  InstantShards broken{other};
  broken.unreadable = 1;
  const auto begun = other.begin(broken, sender);
  ASSERT_FALSE(begun.ok());
  EXPECT_EQ(begun.error().code, Errc::io);
}

// ---- the rules ----

TEST(DeposedChannel, RefusesAllWhoWait) {
  ChannelWorld world{"private-domain.7"};
  world.newest = {Epoch{9}, Offset{3}};
  world.subscribe(1);
  auto why = make_error(Errc::not_leader);
  why.leader = 9;
  world.channel->depose(why, world.now(), world.wall());
  EXPECT_EQ(world.answers<SubscribeRefused>(1).at(0).error.leader, 9U) << "it waited for the channel to open";

  world.wake();
  world.forget();
  world.subscribe(2);
  world.answer_open();
  world.publish("x");
  world.handle({ChannelWorld::session(3), GetHistory{world.key}});
  world.handle({ChannelWorld::session(4), DeleteHistory{world.key}});
  world.subscribe(5, nullptr, {.since = Position{Epoch{9}, Offset{1}}});
  world.channel->depose(why, world.now(), world.wall());
  EXPECT_EQ(world.answers<PublishRefused>(99).at(0).error.code, Errc::not_leader);
  EXPECT_EQ(world.answers<Refused>(3).at(0).error.code, Errc::not_leader);
  EXPECT_EQ(world.answers<Refused>(4).at(0).error.code, Errc::not_leader);
  EXPECT_EQ(world.answers<SubscribeRefused>(5).at(0).error.code, Errc::not_leader);
  EXPECT_TRUE(world.events.empty());
}

TEST(DeposedUser, RefusesAllWhoWait) {
  UserWorld world;
  const auto why = make_error(Errc::not_leader);
  world.sign_in(1);
  world.commit_at_once = false;
  world.handle(7, BanUser{world.key, world.wall() + seconds(60), "spam"});
  world.replies.clear();
  world.user->depose(why);
  ASSERT_EQ(world.replies.size(), 1U);
  EXPECT_EQ(std::get<Refused>(world.replies.at(0).what).error.code, Errc::not_leader);

  world.open_at_once = false;
  world.start();
  world.replies.clear();
  world.handle(8, GetSessions{world.key});
  world.user->depose(why);
  ASSERT_EQ(world.replies.size(), 1U);
  EXPECT_EQ(std::get<Refused>(world.replies.at(0).what).error.code, Errc::not_leader);
}

}  // namespace
}  // namespace parley::actors
