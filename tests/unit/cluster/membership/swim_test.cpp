// The rules of the gossip one by one; what they amount to among many nodes is in tests/membership.
#include "cluster/membership/swim.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace parley::cluster {
namespace {

using Kind = MemberEvent::Kind;

NodeAddress address(std::uint64_t node, std::uint64_t incarnation = 1) {
  return {NodeId{node}, Incarnation{incarnation}};
}
NodeRecord record(std::string name, std::uint64_t revision = 1) {
  NodeRecord made{.revision = revision, .name = std::move(name), .host = "h", .port = 1};
  made.charter.cluster = ClusterId{7};
  return made;
}

struct Rules : ::testing::Test {
  explicit Rules(ClusterLimits limits = {}) : swim(address(1), record("self"), random, at(), {}, limits) {}

  [[nodiscard]] Instant at() const { return {clock.now(), clock.wall()}; }
  void pass(milliseconds time) {
    const auto until = clock.now() + time;
    while (swim.due() <= until) {
      clock.advance(std::chrono::ceil<milliseconds>(std::max<MonoTime::duration>(swim.due() - clock.now(), {})));
      swim.tick(at());
    }
    clock.advance(std::chrono::duration_cast<milliseconds>(until - clock.now()));
  }
  Gossip said(std::vector<Rumour> rumours, decltype(Gossip::what) what = Sync{}) const {
    return {.wall_ms = clock.wall().ms, .cluster = ClusterId{7}, .what = what, .rumours = std::move(rumours)};
  }
  void hear(NodeAddress from, std::vector<Rumour> rumours) { swim.receive(from, said(std::move(rumours)), at()); }
  void join(NodeAddress who) {
    swim.link_up(who, at());
    hear(who, {{.about = who, .record = record(fmt::format("n{}", who.node.value))}});
  }
  std::string told() {
    std::string text;
    for (const auto& event : swim.take_events()) {
      static constexpr const char* kNames[] = {"up",      "suspect", "cleared",    "dead",     "left",
                                               "changed", "charter", "superseded", "stranger", "refused"};
      text += fmt::format("{}{} {}.{}", text.empty() ? "" : ", ", kNames[static_cast<std::size_t>(event.kind)],
                          event.member.address.node.value, event.member.address.incarnation.value);
    }
    return text;
  }
  NodeState state(std::uint64_t node) { return swim.find(NodeId{node})->state; }

  ManualClock clock;
  SeededRandom random{1};
  Swim swim;
};

TEST_F(Rules, ALinkBringsAllThatIsKnownAndARumourAMember) {
  swim.link_up(address(2), at());
  const auto first = swim.take_messages();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].to, address(2));
  ASSERT_EQ(first[0].gossip.rumours.size(), 1U);
  EXPECT_EQ(first[0].gossip.rumours[0].record->name, "self");
  hear(address(2), {{.about = address(2), .record = record("b")}, {.about = address(3), .record = record("c")}});
  EXPECT_EQ(told(), "up 2.1, up 3.1");
}

TEST_F(Rules, WhatIsToBecomeOfNodesIsToldToAllAtOnceAndCountsAreNot) {
  join(address(2));
  join(address(3));
  (void)swim.take_messages();
  auto own = swim.self().record;
  own.connections = 5;
  swim.set_own(own);
  EXPECT_TRUE(swim.take_messages().empty());
  for (const auto& change : std::vector<std::function<void(NodeRecord&)>>{[](NodeRecord& one) { one.draining = true; },
                                                                          [](NodeRecord& one) {
                                                                            one.orders = {{address(3), true, 5}};
                                                                          },
                                                                          [](NodeRecord& one) {
                                                                            one.removed = {{NodeId{9}, 5}};
                                                                          }}) {
    change(own);
    swim.set_own(own);
    const auto said = swim.take_messages();
    ASSERT_EQ(said.size(), 2U);
    for (const auto& message : said) {
      ASSERT_EQ(message.gossip.rumours.size(), 1U);
      EXPECT_EQ(message.gossip.rumours[0].record, swim.self().record);
    }
  }
}

TEST_F(Rules, OfADeadOneWhomNobodyHereKnewNothingIsKept) {
  join(address(2));
  told();
  hear(address(2), {{.about = address(3), .state = NodeState::dead, .record = record("c")}});
  EXPECT_EQ(told(), "");
  EXPECT_EQ(swim.find(NodeId{3}), nullptr);
}

TEST_F(Rules, ADeadOneReturnsByItsContradictionOrAsAnotherProcess) {
  join(address(2));
  join(address(3));
  told();
  pass(milliseconds(3'000));  // nobody answers; suspicions
  told();
  hear(address(2), {{.about = address(3), .refutation = 0, .state = NodeState::dead, .by = address(2)}});
  EXPECT_EQ(state(3), NodeState::dead);
  told();
  hear(address(2), {{.about = address(3), .refutation = 0, .record = record("c", 5)}});
  EXPECT_EQ(state(3), NodeState::dead) << "a newer record is no contradiction";
  hear(address(2), {{.about = address(3), .refutation = 1}});
  EXPECT_EQ(state(3), NodeState::alive);
  EXPECT_EQ(told(), "up 3.1");
  hear(address(2), {{.about = address(3, 2), .record = record("c")}});
  EXPECT_EQ(told(), "dead 3.1, up 3.2");
  hear(address(2), {{.about = address(3, 1), .refutation = 9}});
  EXPECT_EQ(swim.find(NodeId{3})->address, address(3, 2)) << "of a process that is gone nothing counts";
}

// The death of a process that nobody here has met: what is known of the node is its former process's record.
TEST_F(Rules, AProcessThatIsHeardOfFirstAsDeadReturnsWithItsOwnRecord) {
  join(address(2));
  join(address(3));
  hear(address(2), {{.about = address(3), .record = record("before", 9)}});
  EXPECT_EQ(swim.find(NodeId{3})->record.name, "before");
  hear(address(2), {{.about = address(3, 2), .refutation = 4, .state = NodeState::dead, .by = address(2)}});
  EXPECT_EQ(state(3), NodeState::dead);
  told();
  hear(address(2), {{.about = address(3, 2), .refutation = 5}});
  EXPECT_EQ(told(), "") << "nothing is known yet of who comes back";
  hear(address(2), {{.about = address(3, 2), .refutation = 5, .record = record("after", 1)}});
  EXPECT_EQ(told(), "up 3.2");
  EXPECT_EQ(swim.find(NodeId{3})->record.name, "after");
  hear(address(2), {{.about = address(3, 2), .refutation = 6, .state = NodeState::suspect, .by = address(2)}});
  EXPECT_EQ(told(), "suspect 3.2");
}

TEST_F(Rules, WhoHasLeftStaysAway) {
  join(address(2));
  join(address(3));
  told();
  hear(address(3), {{.about = address(3), .state = NodeState::left}});
  EXPECT_EQ(told(), "left 3.1");
  hear(address(2), {{.about = address(3), .refutation = 5}});
  EXPECT_EQ(state(3), NodeState::left);
  EXPECT_EQ(told(), "");
}

TEST_F(Rules, ADeathIsDoubtedByWhoHasJustHeardOfTheMember) {
  join(address(2));
  join(address(3));
  told();
  hear(address(2), {{.about = address(3), .state = NodeState::dead, .by = address(2)}});
  EXPECT_EQ(told(), "suspect 3.1");
}

TEST_F(Rules, WhoIsSuspectedHearsItFirstAndContradictsToAll) {
  join(address(2));
  join(address(3));
  swim.take_messages();
  hear(address(2), {{.about = address(3), .state = NodeState::suspect, .by = address(2)}});
  swim.receive(address(3), said({}, Ping{1, address(1)}), at());
  const auto answer = swim.take_messages();
  ASSERT_EQ(answer.size(), 1U);
  ASSERT_FALSE(answer[0].gossip.rumours.empty());
  EXPECT_EQ(answer[0].gossip.rumours[0].about, address(3));
  EXPECT_EQ(answer[0].gossip.rumours[0].state, NodeState::suspect);

  hear(address(2), {{.about = address(1), .state = NodeState::suspect, .by = address(2)}});
  EXPECT_EQ(swim.self().refutation, 1U);
  EXPECT_EQ(swim.take_messages().size(), 2U) << "to each link at once";
  hear(address(2), {{.about = address(1), .state = NodeState::suspect, .by = address(2)}});
  EXPECT_EQ(swim.self().refutation, 1U) << "that has been contradicted";
}

TEST_F(Rules, AnEndOfALinkIsAHintAndNoDeath) {
  join(address(2));
  join(address(3));
  told();
  swim.take_messages();
  swim.link_closed(address(3), at());
  swim.link_down(address(3), at());
  EXPECT_EQ(told(), "");
  const auto asked = swim.take_messages();
  ASSERT_EQ(asked.size(), 1U);
  ASSERT_TRUE(std::holds_alternative<ProbeFor>(asked[0].gossip.what)) << "2 is asked at once";
  const auto nonce = std::get<ProbeFor>(asked[0].gossip.what).nonce;
  swim.receive(address(2), said({}, NoAnswer{nonce, LinkState::closed}), at());
  EXPECT_EQ(told(), "suspect 3.1");
  pass(milliseconds(1'300));
  EXPECT_EQ(state(3), NodeState::dead);
}

TEST_F(Rules, WhoIsSilentOnALinkThatStandsIsWaitedForLonger) {
  join(address(2));
  const auto from = clock.now();
  while (state(2) == NodeState::alive) pass(milliseconds(50));
  while (state(2) != NodeState::dead) pass(milliseconds(50));
  EXPECT_GE(clock.now() - from, milliseconds(10'000));
  EXPECT_LE(clock.now() - from, milliseconds(13'000));
}

TEST_F(Rules, WhoStoodStillHoldsNobodyForDeadForThat) {
  join(address(2));
  join(address(3));
  pass(milliseconds(900));  // probes are on their way
  told();
  clock.advance(seconds(30));
  swim.tick(at());
  EXPECT_EQ(told(), "");
  EXPECT_EQ(swim.counts().pauses, 1U);
  EXPECT_GT(swim.health(), 0U) << "it listens more carefully for a while";
}

TEST_F(Rules, TheClockOfAnotherIsComparedByItsAnswers) {
  join(address(2));
  swim.take_messages();
  while (true) {
    pass(milliseconds(50));
    const auto messages = swim.take_messages();
    const auto ping = std::find_if(messages.begin(), messages.end(), [](const auto& message) {
      return std::holds_alternative<Ping>(message.gossip.what);
    });
    if (ping == messages.end()) continue;
    clock.advance(milliseconds(10));
    auto answer = said({}, Ack{std::get<Ping>(ping->gossip.what).nonce});
    answer.wall_ms += 4'000 - 5;
    swim.receive(address(2), answer, at());
    break;
  }
  EXPECT_NEAR(static_cast<double>(swim.others()[0].clock_offset_ms.value()), 4'000,
              30);  // half of the time that the test gives it
}

TEST_F(Rules, ALaterProcessOfThisNodeEndsThisOne) {
  join(address(2));
  told();
  hear(address(2), {{.about = address(1, 2), .record = record("self")}});
  EXPECT_EQ(told(), "superseded 1.1");
  EXPECT_EQ(swim.due(), kNever);
  hear(address(2), {{.about = address(4), .record = record("d")}});
  EXPECT_EQ(told(), "");
}

TEST_F(Rules, WhatAnotherClusterSaysIsNotHeard) {
  swim.set_data();
  swim.link_up(address(2), at());
  auto theirs = record("stranger");
  theirs.charter = {.cluster = ClusterId{8}, .data = true};
  auto gossip = said({{.about = address(2), .record = theirs}, {.about = address(3), .record = record("c")}});
  gossip.cluster = ClusterId{8};
  gossip.data = true;
  swim.receive(address(2), gossip, at());
  const auto events = swim.take_events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, Kind::stranger);
  EXPECT_NE(events[0].text.find("stranger (0000000000000002)"), std::string::npos) << events[0].text;
  EXPECT_TRUE(swim.others().empty());
  swim.receive(address(2), gossip, at());
  EXPECT_EQ(told(), "") << "that was said";
}

TEST_F(Rules, LeavingIsToldUntilEachHasAnswered) {
  join(address(2));
  join(address(3));
  swim.take_messages();
  swim.leave(at());
  auto goodbyes = swim.take_messages();
  ASSERT_EQ(goodbyes.size(), 2U);
  EXPECT_EQ(goodbyes[0].gossip.rumours[0].state, NodeState::left);
  swim.receive(goodbyes[0].to, said({}, Ack{std::get<Ping>(goodbyes[0].gossip.what).nonce}), at());
  EXPECT_FALSE(swim.everybody_knows());
  pass(milliseconds(250));
  const auto again = swim.take_messages();
  ASSERT_EQ(again.size(), 1U);
  swim.receive(again[0].to, said({}, Ack{std::get<Ping>(again[0].gossip.what).nonce}), at());
  EXPECT_TRUE(swim.everybody_knows());
}

// A node of the cluster that has gone mad: whatever it says, this one stays itself, bounded, and does not end.
TEST_F(Rules, WhateverAPeerSaysThereIsAnEndToWhatItMakesOfIt) {
  const auto node = [this] { return address(1 + random.below(300), random.below(4)); };
  const auto number = [this] { return random.below(4) == 0 ? random.next() : random.below(4); };
  for (int i = 0; i < 30'000; ++i) {
    Gossip gossip = said({});
    gossip.wall_ms = static_cast<std::int64_t>(number());
    if (random.below(4) == 0) gossip.cluster = ClusterId{number()};
    gossip.data = random.below(2) == 0;
    gossip.refutation = static_cast<std::uint32_t>(number());
    const auto what = random.below(5);
    if (what == 0) gossip.what = Ping{number(), node()};
    if (what == 1) gossip.what = Ack{number()};
    if (what == 2) gossip.what = ProbeFor{number(), node()};
    if (what == 3) gossip.what = NoAnswer{number(), static_cast<LinkState>(random.below(3))};
    if (what == 4) gossip.what = Sync{random.below(2) == 0};
    for (auto rumours = random.below(8); rumours > 0; --rumours) {
      Rumour rumour{node(), static_cast<std::uint32_t>(number()), static_cast<NodeState>(random.below(4)), node()};
      // Not of a later process of this node: that it believes.
      if (rumour.about.node == NodeId{1}) rumour.about.incarnation = Incarnation{random.below(2)};
      if (random.below(2) == 0) {
        auto& about = rumour.record.emplace(record("x", number()));
        about.host = std::string(random.below(255), 'h');
        if (random.below(4) == 0) about.charter = {ClusterId{number()}, random.below(2) == 0, node(), 1, 3};
      }
      gossip.rumours.push_back(std::move(rumour));
    }
    const auto from = node();
    const auto does = random.below(8);
    if (does == 0) swim.link_up(from, at());
    if (does == 1) swim.link_down(from, at());
    if (does == 2) swim.link_closed(from, at());
    swim.receive(from, gossip, at());
    if (random.below(4) == 0) pass(milliseconds(random.below(300)));
    for (const auto& message : swim.take_messages()) ASSERT_LE(message.gossip.rumours.size(), 64U);
    swim.take_events();
    std::size_t living = 1;
    for (const auto& seen : swim.others()) living += seen.member.lives() ? 1 : 0;
    ASSERT_LE(living, ClusterLimits{}.members_max);
    // Rows, rumours, rounds and probes of 128; links of as many nodes as there are; relays.
    ASSERT_LE(swim.elements(), 4 * 128 + 300 + ClusterLimits{}.relayed_probes_max + ClusterLimits{}.strangers_max);
  }
  EXPECT_EQ(swim.self().state, NodeState::alive);
  EXPECT_EQ(swim.self().record.name, "self");
}

struct SmallRules : Rules {
  SmallRules() : Rules({.members_max = 3}) {}
};

TEST_F(SmallRules, WhoComesBeyondTheBoundIsRefusedAndToldOnce) {
  join(address(2));
  join(address(3));
  told();
  join(address(4));
  join(address(5));
  EXPECT_EQ(told(), "refused 4.1");
  EXPECT_EQ(swim.counts().refused, 2U);
  hear(address(3), {{.about = address(3), .state = NodeState::left}});
  hear(address(4), {{.about = address(4), .record = record("d")}});
  EXPECT_EQ(told(), "left 3.1, up 4.1") << "there is room again";
}

}  // namespace
}  // namespace parley::cluster
