// The subscription table alone: who gets an event, and that its list may change under a fan-out.

#include "net/hub/hub.h"

#include "core/random.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace parley::net {
namespace {

class NoGateway final : public actors::Gateway {
 public:
  SessionAddress attach(std::shared_ptr<actors::HubInbox>) override { return {}; }
  void submit(std::vector<Request>&& requests) override {
    ++batches;
    for (auto& request : requests) seen.push_back(std::move(request));
  }
  int batches = 0;
  std::vector<Request> seen;
};

class CountingEncoder final : public Encoder {
 public:
  [[nodiscard]] std::string encode(const ChannelEvent& event) const override {
    ++encoded;
    return "event of " + std::string(event.channel.name());
  }
  mutable int encoded = 0;
};

class Listener final : public Session {
 public:
  Listener() : Session(Wire::pusher) {}
  void deliver(const Bytes& frame) override { frames.push_back(frame); }
  void on_event(const ChannelEvent& event, const Bytes&) override {
    ++through;
    if (const auto* added = std::get_if<ChannelEvent::MemberAdded>(&event.what)) seen += " +" + added->member->user_id;
    if (const auto* gone = std::get_if<ChannelEvent::MemberRemoved>(&event.what)) seen += " -" + gone->user_id;
    if (when_through) when_through(event);
  }
  void on_reply(Reply& reply) override {
    ++replies;
    if (const auto* what = std::get_if<Subscribed>(&reply.what); what != nullptr && what->roster != nullptr) {
      for (const auto& one : what->roster->members) seen += " " + one->user_id;
      if (when_subscribed) when_subscribed();
    }
    if (const auto* what = std::get_if<Behind>(&reply.what)) behind.push_back(what->newest);
  }
  void announce(Announcer& to) const override {
    for (const auto& channel : on) {
      if (to.wants(channel)) to.announce(channel, {.session = id(), .subscription = {1}, .member = member});
    }
  }

  std::vector<ChannelKey> on;
  MemberPtr member;
  std::vector<Bytes> frames;
  int through = 0;
  int replies = 0;
  std::string seen;  // of who is present
  std::function<void()> when_subscribed;
  std::vector<Position> behind;  // it was told to ask for what comes after these
  std::function<void(const ChannelEvent&)> when_through;
};

class HubTest : public testing::Test {
 protected:
  ChannelKey key(std::string_view name) const { return ChannelKey("app", name); }
  void publish(std::string_view channel, SocketId except = {}) {
    actors::HubMessage message = std::make_shared<const ChannelEvent>(
        ChannelEvent{key(channel), ChannelEvent::Published{std::make_shared<Publication>()}, except, clock.now()});
    hub.handle(message);
    hub.end_turn();
  }
  void join(Listener& listener, std::uint64_t id) { ASSERT_TRUE(hub.add_session(listener, SocketId{id})); }

  ManualClock clock;
  Metrics metrics;
  NoGateway gateway;
  SettingsSource settings{std::make_shared<const Settings>()};
  CountingEncoder encoder;
  Hub hub{HubWorld{clock,
                   metrics,
                   gateway,
                   settings,
                   {&encoder, nullptr},
                   milliseconds(10),
                   milliseconds(1'000),
                   milliseconds(1'000)}};
};

TEST_F(HubTest, WhatWaitsForOneSocketIsLittleWhileTheNodeHoldsMuch) {
  const auto most = NodeLimits{}.write_queue_bytes_max;
  const auto full = static_cast<std::int64_t>(64 * most);
  EXPECT_EQ(hub.queue_bytes_max(), most);
  hub.queue_grew(full);
  EXPECT_EQ(hub.queue_bytes_max(), most);
  hub.queue_grew(2'000'000);  // without a tick between: a flood is quicker than that
  EXPECT_EQ(hub.queue_bytes_max(), 65'536U);
  hub.queue_grew(-4'000'000);
  EXPECT_EQ(hub.queue_bytes_max(), most);
  hub.queue_grew(2'000'000 - full);
}

TEST_F(HubTest, EncodesOnceAndSharesTheFrame) {
  std::vector<Listener> listeners(100);
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    join(listeners[i], i + 1);
    hub.listen(listeners[i], key("a"), ListenMode::direct);
  }
  publish("a");
  EXPECT_EQ(encoder.encoded, 1);
  for (const auto& listener : listeners) {
    ASSERT_EQ(listener.frames.size(), 1U);
    EXPECT_EQ(listener.frames[0], listeners[0].frames[0]);  // the same bytes, not equal ones
  }
  EXPECT_EQ(metrics.deliveries.value(), 100);
  for (auto& listener : listeners) hub.remove_session(listener);
  EXPECT_EQ(hub.channel_count(), 0U);
  EXPECT_EQ(hub.session_count(), 0U);
  publish("a");
  EXPECT_EQ(encoder.encoded, 1);  // nobody listens: nothing is encoded
}

TEST_F(HubTest, ANewLeaderIsToldOfWhoListensToItsChannels) {
  constexpr std::uint16_t kShards = 4;
  Listener a, b;
  join(a, 1);
  join(b, 2);
  a.on = {key("x"), key("y"), key("z"), key("u"), key("v"), key("w")};
  b.on = {key("x"), key("y")};
  hub.set_address({HubId{3}, {}, {NodeId{7}, Incarnation{8}}});
  std::set<std::pair<std::string, std::uint64_t>> told;
  for (std::uint16_t shard = 0; shard < kShards; ++shard) {
    actors::HubMessage message = LedAnew{{ShardId{shard}}, kShards};
    hub.handle(message);
    hub.end_turn();
    for (const auto& request : std::exchange(gateway.seen, {})) {
      EXPECT_EQ(request.from.of_hub(), (SessionAddress{HubId{3}, {}, {NodeId{7}, Incarnation{8}}}));
      const auto& announce = std::get<Announce>(request.what);
      EXPECT_EQ(shard_of(announce.channel, kShards).value, shard);
      for (const auto& one : announce.subscriptions) {
        EXPECT_TRUE(told.emplace(announce.channel.name(), one.session.value).second) << "said twice";
      }
    }
  }
  EXPECT_EQ(told.size(), 8U);
  hub.remove_session(a);
  hub.remove_session(b);
}

TEST_F(HubTest, WhoWaitsForALeaderThatWasReplacedIsToldAtOnce) {
  std::vector<Errc> answers;
  const auto done = [&](Reply& reply) { answers.push_back(std::get<Refused>(reply.what).error.code); };
  hub.ask({{}, GetChannel{key("x")}}, done);
  hub.ask({{}, GetSessions{{"app", "ann"}}}, done);
  hub.ask({{}, ListChannels{"app", ""}}, done);
  actors::HubMessage led = LedAnew{{ShardId{0}}, 1};
  hub.handle(led);
  EXPECT_EQ(answers, (std::vector<Errc>{Errc::not_leader, Errc::not_leader}));
  hub.end_turn();
  clock.advance(seconds(2));
  hub.tick();
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers.back(), Errc::timeout) << "it is not one leader's";
}

struct RosterTest : HubTest {
  RosterTest() {
    enter(a, 1, {"ann", "bob"});
    EXPECT_EQ(std::exchange(a.seen, {}), " ann bob");
  }
  ~RosterTest() override {
    hub.remove_session(a);
    hub.remove_session(b);
  }
  static MemberPtr member(std::string id) { return std::make_shared<Member>(Member{std::move(id), "{}"}); }
  static RosterPtr roster(const std::vector<std::string>& ids) {
    auto made = std::make_shared<Roster>();
    for (const auto& id : ids) made->members.push_back(member(id));
    return made;
  }
  void take(actors::HubMessage message) {
    hub.handle(message);
    hub.end_turn();
  }
  void enter(Listener& listener, std::uint64_t id, const std::vector<std::string>& ids) {
    join(listener, id);
    listener.when_subscribed = [&] { hub.listen(listener, room, ListenMode::through); };
    take(Reply{ReplyTo{{HubId{}, SocketId{id}}}, Subscribed{.channel = room, .roster = roster(ids)}});
  }
  void tell(decltype(ChannelEvent::what) what) {
    take(std::make_shared<const ChannelEvent>(ChannelEvent{room, std::move(what), {}, {}}));
  }
  void truth(const std::vector<std::string>& ids) { take(Reply{ReplyTo{}, RosterIs{room, roster(ids)}}); }

  const ChannelKey room = key("presence-room");
  Listener a, b;
};

TEST_F(RosterTest, WhatTheNewLeaderKnowsOtherwiseIsToldOnce) {
  tell(ChannelEvent::MemberAdded{member("cid")});
  EXPECT_EQ(std::exchange(a.seen, {}), " +cid");
  take(LedAnew{{ShardId{0}}, 1});
  tell(ChannelEvent::MemberRemoved{"bob", "{}"});
  tell(ChannelEvent::MemberAdded{member("cid")});
  EXPECT_EQ(a.seen, "") << "the leader before may have said it, or the new one who does not know all";
  tell(ChannelEvent::MemberAdded{member("dan")});
  EXPECT_EQ(std::exchange(a.seen, {}), " +dan");
  truth({"ann", "bob", "dan", "eve"});
  EXPECT_EQ(std::exchange(a.seen, {}), " -cid +eve");
  truth({"ann", "bob", "dan", "eve"});
  EXPECT_EQ(a.seen, "");
  tell(ChannelEvent::MemberRemoved{"bob", "{}"});
  EXPECT_EQ(std::exchange(a.seen, {}), " -bob") << "from here on as it is told";
  truth({"ann", "dan", "eve"});
  EXPECT_EQ(a.seen, "");
}

TEST_F(RosterTest, WhoJoinsMeanwhileSeesWhomTheOthersSee) {
  take(LedAnew{{ShardId{0}}, 1});
  enter(b, 2, {"zoe"});
  EXPECT_EQ(b.seen, " ann bob zoe");
  EXPECT_EQ(a.seen, " +zoe");
  tell(ChannelEvent::MemberAdded{member("zoe")});
  EXPECT_EQ(a.seen, " +zoe");
  truth({"ann", "zoe"});
  EXPECT_EQ(a.seen, " +zoe -bob");
  EXPECT_EQ(b.seen, " ann bob zoe -bob");
}

TEST_F(RosterTest, ALeaderThatNeverSaysWhoIsHereIsBelievedAfterAWhile) {
  take(LedAnew{{ShardId{0}}, 1});
  clock.advance(seconds(120));
  tell(ChannelEvent::MemberRemoved{"bob", "{}"});
  EXPECT_EQ(a.seen, " -bob");
}

// So that a message to another node can carry it.
TEST_F(HubTest, ManyWithMuchToSayAreAnnouncedInParts) {
  Listener a;
  join(a, 1);
  a.member = std::make_shared<Member>(Member{"ann", std::string(10'000, 'i')});
  a.on.assign(500, key("x"));
  actors::HubMessage message = LedAnew{{ShardId{0}}, 1};
  hub.handle(message);
  hub.end_turn();
  std::size_t count = 0;
  for (const auto& request : gateway.seen) {
    const auto& subscriptions = std::get<Announce>(request.what).subscriptions;
    count += subscriptions.size();
    EXPECT_LE(subscriptions.size(), 101U);
  }
  EXPECT_EQ(count, 500U);
  EXPECT_GE(gateway.seen.size(), 5U);
  hub.remove_session(a);
}

TEST_F(HubTest, WhatALeaderDidNotKeepIsAnnouncedAgainALittleLater) {
  Listener a;
  join(a, 1);
  a.on = {key("x"), key("y")};
  actors::HubMessage led = LedAnew{{ShardId{0}, ShardId{1}}, 2};
  hub.handle(led);
  hub.end_turn();
  EXPECT_EQ(std::exchange(gateway.seen, {}).size(), 2U);
  actors::HubMessage refused = Reply{ReplyTo{{HubId{}, {}}}, AnnounceRefused{key("x")}};
  hub.handle(refused);
  hub.tick();
  hub.end_turn();
  EXPECT_TRUE(gateway.seen.empty());
  clock.advance(seconds(1));
  hub.tick();
  hub.end_turn();
  ASSERT_FALSE(gateway.seen.empty());
  for (const auto& request : gateway.seen) {
    EXPECT_EQ(shard_of(std::get<Announce>(request.what).channel, 2), shard_of(key("x"), 2));
  }
  hub.remove_session(a);
}

TEST_F(HubTest, ThousandsAreAnnouncedInSlicesAndShardsThatChangeTogetherInOneWalk) {
  std::deque<Listener> listeners(2'500);
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    join(listeners[i], i + 1);
    listeners[i].on = {key("x"), key("y"), key("z")};
  }
  std::vector<std::function<void()>> posted;
  hub.set_post([&](std::function<void()> work) { posted.push_back(std::move(work)); }, nullptr);
  for (std::uint16_t shard = 0; shard < 4; ++shard) {
    actors::HubMessage led = LedAnew{{ShardId{shard}}, 4};
    hub.handle(led);
  }
  std::size_t slices = 0;
  std::size_t count = 0;
  for (hub.end_turn();; hub.end_turn()) {
    std::size_t now = 0;
    for (const auto& request : std::exchange(gateway.seen, {})) {
      now += std::get<Announce>(request.what).subscriptions.size();
    }
    EXPECT_LE(now, 3'000U);
    count += now;
    ++slices;
    if (posted.empty()) break;
    std::exchange(posted, {}).front()();
  }
  EXPECT_EQ(slices, 3U);
  EXPECT_EQ(count, 7'500U);
  EXPECT_EQ(listeners.front().replies, 1) << "told once that it is led anew";
  for (auto& listener : listeners) hub.remove_session(listener);
}

// What a durable channel tells has numbers, and no leader and no link can make a hole in them.
struct NumberedHub : HubTest {
  NumberedHub() {
    for (auto* one : {&a, &b}) {
      join(*one, ++last);
      hub.listen(*one, key("x"), ListenMode::direct);
    }
    answer(1, {Epoch{7}, Offset{3}});
  }
  ~NumberedHub() override {
    hub.remove_session(a);
    hub.remove_session(b);
  }
  void handle(actors::HubMessage message) {
    hub.handle(message);
    hub.end_turn();
  }
  void answer(std::uint64_t session, Position position) {
    handle(Reply{ReplyTo{{HubId{}, SocketId{session}}}, Subscribed{.channel = key("x"), .position = position}});
  }
  void say(std::uint64_t epoch, std::uint64_t offset) {
    auto publication = std::make_shared<Publication>();
    publication->position = {Epoch{epoch}, Offset{offset}};
    handle(std::make_shared<const ChannelEvent>(
        ChannelEvent{key("x"), ChannelEvent::Published{std::move(publication)}, {}, clock.now()}));
  }
  std::optional<Position> told() {
    a.on = {key("x")};
    gateway.seen.clear();
    handle(LedAnew{{ShardId{0}}, 1});
    return gateway.seen.size() == 1 ? std::get<Announce>(gateway.seen.front().what).told : std::nullopt;
  }
  using Positions = std::vector<Position>;
  std::uint64_t last = 0;
  Listener a, b;
};

TEST_F(NumberedHub, TellsANewLeaderHowFarItHasTold) {
  EXPECT_EQ(told(), (Position{Epoch{7}, Offset{3}}));
  say(7, 4);
  EXPECT_EQ(told(), (Position{Epoch{7}, Offset{4}}));
  EXPECT_TRUE(a.behind.empty());
}

TEST_F(NumberedHub, TellsNothingTwice) {
  say(7, 4);
  say(7, 4);
  say(7, 3);
  EXPECT_EQ(a.frames.size(), 1U);
}

TEST_F(NumberedHub, PutsItsListenersBackWhenSomethingIsMissing) {
  say(7, 6);
  EXPECT_EQ(a.behind, (Positions{{Epoch{7}, Offset{3}}}));
  EXPECT_EQ(b.behind, a.behind);
  EXPECT_EQ(told(), (Position{Epoch{7}, Offset{6}}));
}

TEST_F(NumberedHub, PutsThemBackWhenTheLeaderSaysThatTheyAreBehind) {
  handle(Reply{ReplyTo{{HubId{}, {}}}, Behind{key("x"), {Epoch{7}, Offset{3}}}});
  EXPECT_TRUE(a.behind.empty()) << "what was on its way came";
  handle(Reply{ReplyTo{{HubId{}, {}}}, Behind{key("x"), {Epoch{7}, Offset{5}}}});
  EXPECT_EQ(a.behind, (Positions{{Epoch{7}, Offset{3}}}));
  say(7, 5);
  EXPECT_TRUE(a.frames.empty()) << "it comes with a page";
}

TEST_F(NumberedHub, AnAnswerToOneThatIsFurtherPutsTheOthersBack) {
  answer(2, {Epoch{7}, Offset{5}});
  EXPECT_EQ(a.behind, (Positions{{Epoch{7}, Offset{3}}}));
  EXPECT_TRUE(b.behind.empty());
  say(7, 6);
  EXPECT_EQ(b.frames.size(), 1U);
}

TEST_F(NumberedHub, AnAnswerToWhoPublishedIsNotTakenForAllThatIsBeforeIt) {
  const auto published = [&](std::uint64_t offset) {
    handle(
        Reply{ReplyTo{{HubId{}, SocketId{1}}}, Published{.channel = key("x"), .position = {Epoch{7}, Offset{offset}}}});
  };
  published(4);
  EXPECT_TRUE(a.behind.empty()) << "its event is still to come";
  say(7, 4);
  published(6);
  EXPECT_EQ(a.behind, (Positions{{Epoch{7}, Offset{4}}}));
}

TEST_F(NumberedHub, AnotherLifeIsNotTakenFromAPublicationAlone) {
  say(8, 1);
  EXPECT_EQ(a.behind, (Positions{{Epoch{7}, Offset{3}}})) << "the pages say what has become of the channel";
  answer(1, {Epoch{8}, Offset{1}});
  say(8, 2);
  EXPECT_EQ(told(), (Position{Epoch{8}, Offset{2}}));
}

TEST_F(NumberedHub, AGapThatIsToldIsNoHole) {
  handle(std::make_shared<const ChannelEvent>(
      ChannelEvent{key("x"), ChannelEvent::Gap{Epoch{8}, Offset{3}, Offset{2}}, {}, clock.now()}));
  EXPECT_EQ(a.frames.size(), 1U);
  say(8, 2);
  EXPECT_EQ(a.frames.size(), 2U);
  EXPECT_TRUE(a.behind.empty());
}

TEST_F(HubTest, SkipsTheSender) {
  Listener a, b;
  join(a, 1);
  join(b, 2);
  hub.listen(a, key("x"), ListenMode::direct);
  hub.listen(b, key("x"), ListenMode::direct);
  publish("x", SocketId{1});
  publish("x", SocketId{99});
  EXPECT_EQ(a.frames.size(), 1U);
  EXPECT_EQ(b.frames.size(), 2U);
}

TEST_F(HubTest, ModesChangeAndListeningTwiceCountsOnce) {
  Listener a;
  join(a, 1);
  hub.listen(a, key("x"), ListenMode::through);
  publish("x");
  hub.listen(a, key("x"), ListenMode::direct);
  publish("x");
  EXPECT_EQ(a.through, 1);
  EXPECT_EQ(a.frames.size(), 1U);
  hub.unlisten(a, key("x"));
  hub.unlisten(a, key("x"));
  hub.unlisten(a, key("never"));
  publish("x");
  EXPECT_EQ(a.frames.size(), 1U);
  EXPECT_EQ(hub.channel_count(), 0U);
}

TEST_F(HubTest, LeavingDuringAFanOutIsSafeForAll) {
  std::vector<Listener> listeners(50);
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    join(listeners[i], i + 1);
    hub.listen(listeners[i], key("x"), i % 3 == 0 ? ListenMode::through : ListenMode::direct);
  }
  // The first throws everybody with an odd number out, itself as well, and lets a newcomer in.
  Listener newcomer;
  join(newcomer, 1'000);
  listeners[0].when_through = [&](const ChannelEvent&) {
    for (std::size_t i = 1; i < listeners.size(); i += 2) hub.unlisten(listeners[i], key("x"));
    hub.remove_session(listeners[0]);
    hub.listen(newcomer, key("x"), ListenMode::direct);
  };
  publish("x");
  EXPECT_EQ(newcomer.frames.size(), 0U);  // came after the event
  publish("x");
  EXPECT_EQ(newcomer.frames.size(), 1U);
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const std::size_t got = listeners[i].frames.size() + static_cast<std::size_t>(listeners[i].through);
    EXPECT_EQ(got, i == 0 ? 1U : i % 2 == 1 ? 0U : 2U) << i;
  }
  for (auto& listener : listeners) hub.remove_session(listener);
  hub.remove_session(newcomer);
  EXPECT_EQ(hub.channel_count(), 0U);
}

TEST_F(HubTest, EveryoneLeavingDuringAFanOutErasesTheChannel) {
  Listener a, b;
  join(a, 1);
  join(b, 2);
  hub.listen(a, key("x"), ListenMode::through);
  hub.listen(b, key("x"), ListenMode::through);
  a.when_through = [&](const ChannelEvent&) {
    hub.unlisten(a, key("x"));
    hub.unlisten(b, key("x"));
  };
  publish("x");
  EXPECT_EQ(b.through, 0);
  EXPECT_EQ(hub.channel_count(), 0U);
}

TEST_F(HubTest, RandomComingsAndGoingsKeepTheTableRight) {
  SeededRandom random(7);
  constexpr std::size_t kListeners = 30, kChannels = 6;
  std::vector<Listener> listeners(kListeners);
  std::vector<std::set<std::size_t>> wanted(kChannels);
  for (std::size_t i = 0; i < kListeners; ++i) join(listeners[i], i + 1);
  for (int step = 0; step < 5'000; ++step) {
    const std::size_t who = random.below(kListeners), where = random.below(kChannels);
    const ChannelKey channel = key(std::to_string(where));
    if (random.below(2) == 0) {
      hub.listen(listeners[who], channel, ListenMode::direct);
      wanted[where].insert(who);
    } else {
      hub.unlisten(listeners[who], channel);
      wanted[where].erase(who);
    }
    if (step % 50 != 0) continue;
    for (std::size_t i = 0; i < kChannels; ++i) {
      for (auto& listener : listeners) listener.frames.clear();
      publish(std::to_string(i));
      for (std::size_t l = 0; l < kListeners; ++l)
        ASSERT_EQ(listeners[l].frames.size(), wanted[i].count(l)) << i << " " << l;
    }
  }
  for (auto& listener : listeners) hub.remove_session(listener);
  EXPECT_EQ(hub.channel_count(), 0U);
}

TEST_F(HubTest, RequestsOfATurnGoTogether) {
  for (int i = 0; i < 10; ++i) hub.submit({{}, GetChannel{key("x")}});
  hub.end_turn();
  hub.end_turn();
  EXPECT_EQ(gateway.batches, 1);
  EXPECT_EQ(gateway.seen.size(), 10U);
}

TEST_F(HubTest, AnswersFindTheirSessionOrTicketOrNobody) {
  Listener a;
  join(a, 5);
  int answered = 0;
  hub.ask({{}, GetChannel{key("x")}},
          [&](Reply& reply) { answered += std::holds_alternative<Done>(reply.what) ? 1 : 100; });
  hub.end_turn();
  const ReplyTo ticket = gateway.seen.at(0).from;
  for (const ReplyTo to : {ReplyTo{{{}, SocketId{5}}}, ReplyTo{{{}, SocketId{6}}}, ticket, ticket, ReplyTo{{}, 777}}) {
    actors::HubMessage message = Reply{to, Done{}};
    hub.handle(message);
  }
  EXPECT_EQ(a.replies, 1);
  EXPECT_EQ(answered, 1);
  hub.remove_session(a);
}

TEST_F(HubTest, ARequestWithoutAnswerTimesOut) {
  bool timed_out = false;
  hub.ask({{}, GetChannel{key("x")}},
          [&](Reply& reply) { timed_out = std::get<Refused>(reply.what).error.code == Errc::timeout; });
  clock.advance(milliseconds(999));
  hub.tick();
  EXPECT_FALSE(timed_out);
  clock.advance(milliseconds(1));
  hub.tick();
  EXPECT_TRUE(timed_out);
}

TEST_F(HubTest, ASocketIdIsTakenOnlyOnce) {
  Listener a, b;
  join(a, 1);
  EXPECT_FALSE(hub.add_session(b, SocketId{1}));
  EXPECT_FALSE(hub.add_session(b, SocketId{}));
  hub.remove_session(b);
  EXPECT_EQ(hub.session_count(), 1U);
  hub.remove_session(a);
}

}  // namespace
}  // namespace parley::net
