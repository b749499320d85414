// Two and more nodes over loopback: links come up once, carry everything in order, and end where a node ends.
#include "world.h"

#include "core/random.h"

#include <netinet/in.h>

namespace parley::cluster::test {
namespace {

using Said = std::vector<std::string>;

std::string numbered(std::size_t number, std::size_t size) {
  std::string message(size, static_cast<char>('a' + number % 26));
  const auto head = std::to_string(number) + ":";
  message.replace(0, std::min(head.size(), size), head, 0, std::min(head.size(), size));
  return message;
}

TEST(Links, MessagesGoBothWaysWholeAndInOrder) {
  Node a(address_of(1));
  Node b(address_of(2));
  link(a, b);
  std::vector<std::string> sent;
  SeededRandom random(7);
  for (std::size_t i = 0; i < 2'000; ++i) sent.push_back(numbered(i, 1 + random.below(2'000)));
  sent.push_back("");
  sent.push_back(numbered(9, PeerLimits{}.message_bytes_max));
  sent.push_back("the last");
  for (const auto& message : sent) {
    ASSERT_EQ(a.transport->send(b.self.node, message, Lane::work), Sent::taken);
    ASSERT_EQ(b.transport->send(a.self.node, message, Lane::work), Sent::taken);
  }
  for (auto* node : {&a, &b}) {
    ASSERT_TRUE(node->has_messages(sent.size()));
    const auto got = node->messages();
    ASSERT_EQ(got.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) ASSERT_TRUE(got[i] == sent[i]) << "message " << i;
  }
  EXPECT_EQ(a.log(), Said{"up 2.1"});
  EXPECT_EQ(b.log(), Said{"up 1.1"});
  EXPECT_EQ(a.metrics.peer_links.value(), 1);
}

TEST(Links, WhatGoesAheadPassesALongMessage) {
  Node a(address_of(1));
  Node b(address_of(2));
  link(a, b);
  for (std::size_t i = 0; i < 6; ++i) {
    ASSERT_EQ(a.transport->send(b.self.node, numbered(i, PeerLimits{}.message_bytes_max), Lane::work), Sent::taken);
  }
  ASSERT_EQ(a.transport->send(b.self.node, "vote", Lane::ahead), Sent::taken);
  ASSERT_TRUE(b.has_messages(7));
  const auto got = b.messages();
  const auto place = static_cast<std::size_t>(std::find(got.begin(), got.end(), "vote") - got.begin());
  EXPECT_LT(place, 6U) << "48 MB of work were there before it";
  for (std::size_t i = 0, next = 0; i < got.size(); ++i) {
    if (i == place) continue;
    EXPECT_TRUE(got[i] == numbered(next++, PeerLimits{}.message_bytes_max));
  }
}

TEST(Links, OneThatIsDroppedIsMadeAnew) {
  Node a(address_of(1));
  Node b(address_of(2));
  link(a, b);
  ASSERT_EQ(a.transport->send(b.self.node, "first", Lane::work), Sent::taken);
  ASSERT_TRUE(b.has_messages(1));
  a.transport->drop(b.self.node);
  a.transport->drop(b.self.node);
  ASSERT_TRUE(Node::poll_until([&] { return b.log().size() == 3 && a.log().size() == 3; }));
  EXPECT_EQ(a.log(), (Said{"up 2.1", "down 2.1", "up 2.1"}));
  EXPECT_EQ(b.log(), (Said{"up 1.1", "down 1.1", "up 1.1"}));
  ASSERT_EQ(a.transport->send(b.self.node, "second", Lane::work), Sent::taken);
  ASSERT_TRUE(b.has_messages(2));
  EXPECT_EQ(b.messages().back(), "second");
  a.transport->drop(NodeId{9});  // nobody
}

TEST(Links, NothingIsSentWhereThereIsNoLink) {
  Node a(address_of(1));
  EXPECT_EQ(a.transport->send(NodeId{2}, "hello", Lane::work), Sent::unreachable);
  {
    Node b(address_of(2));
    link(a, b);
    ASSERT_EQ(b.transport->send(a.self.node, "hello", Lane::work), Sent::taken);
    ASSERT_TRUE(a.has_messages(1));
    b.transport->stop();
    EXPECT_EQ(b.transport->send(a.self.node, "hello", Lane::work), Sent::unreachable);
    b.transport->stop();  // twice is nothing
  }
  ASSERT_TRUE(a.is_down(address_of(2)));
  EXPECT_EQ(a.transport->send(NodeId{2}, "hello", Lane::work), Sent::unreachable);
  EXPECT_EQ(a.log(), (Said{"up 2.1", "down 2.1"}));
}

TEST(Links, ASeedIsDialedByEitherAndOneselfIsGivenUp) {
  Node low(address_of(1));
  Node high(address_of(2));
  high.transport->dial({high.seed(), low.seed()});  // the higher one knows only an address
  ASSERT_TRUE(low.is_up(high.self));
  ASSERT_TRUE(high.is_up(low.self));
  ASSERT_TRUE(Node::poll_until([&] { return high.refused("self") == 1; }));
  EXPECT_EQ(high.metrics.peer_dials_failed.value(), 0);
}

TEST(Links, OfTwoThatKnowEachOtherTheLowerOneDials) {
  Node low(address_of(1));
  Node high(address_of(2));
  link(low, high);
  // A second connection would have been refused by now: the lower one says so before anything that is sent later.
  ASSERT_EQ(high.transport->send(low.self.node, "after it", Lane::work), Sent::taken);
  ASSERT_TRUE(low.has_messages(1));
  EXPECT_EQ(low.refused("already_linked") + high.refused("already_linked"), 0);
}

TEST(Links, ANodeThatComesBackIsAnotherPeer) {
  Node a(address_of(1));
  auto b = std::make_unique<Node>(address_of(2, 10));
  link(a, *b);
  auto config = config_of(address_of(2, 11));
  config.listen_port = b->transport->port();
  b.reset();
  ASSERT_TRUE(a.is_down(address_of(2, 10)));
  EXPECT_TRUE(a.was_closed(address_of(2, 10))) << "as the kernel does for a process that ends";
  Node again(config);
  ASSERT_TRUE(a.is_up(address_of(2, 11)));
  EXPECT_EQ(a.log(), (Said{"up 2.10", "down 2.10", "up 2.11"}));
}

TEST(Links, ALaterProcessTakesThePlaceOfOneWhoseEndWasNotNoticed) {
  for (const std::uint64_t id : {std::uint64_t{1}, std::uint64_t{3}}) {  // the lower id, and the higher one
    Node a(address_of(2));
    RawEnd first(a.transport->port());
    ASSERT_TRUE(first.introduce(address_of(id, 10), 2));
    ASSERT_TRUE(a.is_up(address_of(id, 10)));
    RawEnd second(a.transport->port());
    ASSERT_TRUE(second.introduce(address_of(id, 11), 2));
    ASSERT_TRUE(a.is_up(address_of(id, 11)));
    EXPECT_EQ(a.log(), (Said{fmt::format("up {}.10", id), fmt::format("down {}.10", id), fmt::format("up {}.11", id)}));
    EXPECT_TRUE(first.hears_the_end());
    RawEnd third(a.transport->port());
    schemas::Hello late;
    late.node = address_of(id, 10);
    ASSERT_TRUE(third.say_hello(late));
    EXPECT_EQ(third.refusal(), "old_incarnation");
  }
}

TEST(Links, BothKeepTheSameLinkWhoeverDialedWhom) {
  for (int round = 0; round < 50; ++round) {
    Node a(address_of(1));
    Node b(address_of(2));
    std::thread other([&] { b.transport->dial({a.seed()}); });
    a.transport->dial({b.seed(), b.place()});
    other.join();
    ASSERT_TRUE(a.is_up(b.self)) << "round " << round;
    ASSERT_TRUE(b.is_up(a.self)) << "round " << round;
    // What is said over it arrives: it is one link.
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(a.transport->send(b.self.node, "to b", Lane::work), Sent::taken);
      ASSERT_EQ(b.transport->send(a.self.node, "to a", Lane::ahead), Sent::taken);
    }
    ASSERT_TRUE(a.has_messages(3) && b.has_messages(3)) << "round " << round;
    ASSERT_EQ(a.log(), Said{"up 2.1"}) << "round " << round;
    ASSERT_EQ(b.log(), Said{"up 1.1"}) << "round " << round;
  }
}

TEST(Links, EachOfSevenIsLinkedWithEachOther) {
  std::vector<std::unique_ptr<Node>> nodes;
  for (std::uint64_t i = 1; i <= 7; ++i) nodes.push_back(std::make_unique<Node>(address_of(i)));
  std::vector<PeerPlace> places;
  for (const auto& node : nodes) places.push_back(node->place());
  for (const auto& node : nodes) node->transport->dial(places);
  for (const auto& node : nodes) {
    for (const auto& other : nodes) {
      if (node == other) continue;
      ASSERT_TRUE(node->is_up(other->self));
    }
  }
}

TEST(Links, WhoAnswersAtADeadAddressDelaysNobody) {
  // One that listens and takes nobody: its backlog is full, so the system drops what comes to it.
  OwnedSocket dead(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&here), sizeof here), 0);
  ASSERT_EQ(::listen(dead.get(), 0), 0);
  here.sin_port = htons(local_port(dead.get()));
  std::vector<OwnedSocket> filling;
  for (int i = 0; i < 4; ++i) {
    filling.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::connect(filling.back().get(), reinterpret_cast<sockaddr*>(&here), sizeof here);
  }
  auto config = config_of(address_of(1));
  config.links.connect_within = milliseconds(60'000);
  Node a(config);
  Node b(address_of(9));
  std::vector<PeerPlace> places;
  for (std::uint64_t i = 2; i < 8; ++i) places.push_back({NodeId{i}, "127.0.0.1", local_port(dead.get())});
  places.push_back(b.place());
  const auto before = a.clock.now();
  a.transport->dial(places);
  ASSERT_TRUE(a.is_up(b.self));
  EXPECT_LT(a.clock.now() - before, seconds(10));
  EXPECT_EQ(a.metrics.peer_dials_failed.value(), 0) << "the others are still being dialed";
}

TEST(Links, WhoDoesNotAnswerTheHelloIsGivenUpAndDialedAgain) {
  auto listening = listen_on("127.0.0.1", 0);
  ASSERT_TRUE(listening.ok());
  auto config = config_of(address_of(1));
  config.links.hello_within = milliseconds(150);
  Node a(config);
  a.transport->dial({{NodeId{2}, "127.0.0.1", local_port(listening->get())}});
  for (int i = 0; i < 3; ++i) {
    pollfd one{listening->get(), POLLIN, 0};
    ASSERT_EQ(::poll(&one, 1, 20'000), 1) << "it dials again";
    RawEnd silent(OwnedSocket(::accept(listening->get(), nullptr, nullptr)));
    EXPECT_TRUE(silent.hears_the_end());
  }
  EXPECT_GE(a.cut("no_hello"), 3);
  EXPECT_GE(a.metrics.peer_dials_failed.value(), 2);
  EXPECT_EQ(a.log(), Said{});
}

TEST(Links, ANameIsLookedUp) {
  Node a(address_of(1));
  Node b(address_of(2));
  a.transport->dial({{NodeId{2}, "localhost", b.transport->port()}, {NodeId{3}, "no-such-name.invalid", 6201}});
  ASSERT_TRUE(a.is_up(b.self));
}

TEST(Links, WhoSaysNothingForTooLongIsDown) {
  auto config = config_of(address_of(2));
  config.links.silence_max = milliseconds(300);
  config.links.heartbeat = milliseconds(50);
  Node a(config);
  RawEnd silent(a.transport->port());
  ASSERT_TRUE(silent.introduce(address_of(1), 2));
  ASSERT_TRUE(a.is_up(address_of(1)));
  ASSERT_TRUE(a.is_down(address_of(1)));
  EXPECT_EQ(a.cut("silent"), 1);
  EXPECT_FALSE(a.was_closed(address_of(1))) << "it may be well";
  EXPECT_TRUE(silent.hears_the_end()) << "heartbeats came before";
}

TEST(Links, HeartbeatsKeepALinkUp) {
  auto config = config_of(address_of(2));
  config.links.silence_max = milliseconds(1'000);
  config.links.heartbeat = milliseconds(50);
  Node a(config);
  config.self = address_of(1);
  config.name = "node-1";
  Node b(config);
  link(a, b);
  // Longer than silence would be let pass.
  EXPECT_FALSE(a.wait_for([&] { return a.metrics.peer_links.value() == 0; }, milliseconds(1'500)));
  EXPECT_EQ(a.log(), Said{"up 1.1"});
}

TEST(Links, WhoStoodStillReadsBeforeItCallsTheOtherSilent) {
  auto config = config_of(address_of(2));
  config.links.silence_max = milliseconds(1'000);
  config.links.heartbeat = milliseconds(20);
  Node a(config);
  a.stands_still = milliseconds(1'300);
  config = config_of(address_of(1));
  config.links.heartbeat = milliseconds(20);
  Node b(config);
  link(a, b);
  for (std::size_t i = 1; i <= 2; ++i) {
    ASSERT_EQ(b.transport->send(a.self.node, "stand still", Lane::work), Sent::taken);
    ASSERT_TRUE(a.has_messages(i));
  }
  ASSERT_EQ(a.transport->send(b.self.node, "still here", Lane::work), Sent::taken);
  ASSERT_TRUE(b.has_messages(1));
  EXPECT_EQ(a.log(), Said{"up 1.1"});
}

TEST(Links, ManyThreadsSendWhileThePeerComesAndGoes) {
  Node a(address_of(1));
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; !over; ++i) {
        const auto lane = i % 7 == 0 ? Lane::ahead : Lane::work;
        const auto sent =
            a.transport->send(NodeId{2}, fmt::format("{}{} {}", t, lane == Lane::work ? 'w' : 'a', i), lane);
        if (sent != Sent::taken) std::this_thread::yield();
      }
    });
  }
  for (std::uint64_t life = 1; life <= 8; ++life) {
    Node b(address_of(2, life));
    b.transport->dial({a.seed()});
    EXPECT_TRUE(b.is_up(a.self));
    EXPECT_TRUE(b.has_messages(2'000));
    b.transport->stop();
    // In its lane each thread's messages are in order, and none came twice.
    std::map<std::string, std::int64_t> last;
    for (const auto& message : b.messages()) {
      const auto number = std::stoll(message.substr(3));
      const auto& before = last.try_emplace(message.substr(0, 2), -1).first->second;
      EXPECT_LT(before, number) << message;
      last[message.substr(0, 2)] = number;
    }
  }
  over = true;
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(a.is_down(address_of(2, 8)));
  const auto log = a.log();
  ASSERT_EQ(log.size(), 16U);
  for (std::size_t i = 0; i < log.size(); ++i) {
    EXPECT_EQ(log[i], fmt::format("{} 2.{}", i % 2 == 0 ? "up" : "down", i / 2 + 1));
  }
}

TEST(Links, StopAtAnyMomentOfDialing) {
  SeededRandom random(5);
  Node b(address_of(2));
  for (int round = 0; round < 40; ++round) {
    Node a(address_of(1, static_cast<std::uint64_t>(round + 1)));
    a.transport->dial({b.place(), {NodeId{3}, "127.0.0.1", 1}, {NodeId{0}, "localhost", a.transport->port()}});
    for (auto turns = random.below(400); turns > 0; --turns) a.transport->send(b.self.node, "hello", Lane::work);
    if (round % 4 == 0) { EXPECT_TRUE(a.is_up(b.self)); }
    a.transport->stop();
  }
  EXPECT_TRUE(Node::poll_until([&] { return b.metrics.peer_links.value() == 0; }));
}

}  // namespace
}  // namespace parley::cluster::test
