// Whoever means harm, or is broken, costs its own connection and little memory: other links go on.
#include "world.h"

#include <cstdlib>
#include <fstream>
#include <random>

#include <malloc.h>

namespace parley::cluster::test {
namespace {

std::size_t resident_bytes() {
  ::malloc_trim(0);
  std::ifstream status("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  status >> all >> resident;
  return resident * 4'096;
}

TEST(Hostile, WhoStopsReadingCostsItsWindowAndThenItsQueueIsFull) {
  auto config = config_of(address_of(2));
  config.peers.queue_bytes_max = 16U << 20;
  config.links.silence_max = seconds(60);  // it must not end by itself
  Node a(config);
  RawEnd stuck(a.transport->port());
  ASSERT_TRUE(stuck.introduce(address_of(1), 2));
  ASSERT_TRUE(a.is_up(address_of(1)));
  Node b(address_of(3));
  a.transport->dial({b.place()});
  ASSERT_TRUE(a.is_up(b.self));
  const auto before = resident_bytes();
  const std::string message(1U << 20, 'x');
  std::size_t taken = 0;
  // What the kernel and the window take makes room again, for a moment.
  auto full = [&] {
    while (a.transport->send(NodeId{1}, message, Lane::work) == Sent::taken) ++taken;
    return a.transport->send(NodeId{1}, message, Lane::work) == Sent::full;
  };
  ASSERT_TRUE(full());
  ASSERT_TRUE(Node::poll_until([&] {
    const auto now = taken;
    return full() && taken == now && taken >= 15;
  }));
  EXPECT_LE(taken, 16U + 4U + 1U) << "the queue, and the window";
  EXPECT_LT(resident_bytes(), before + (64U << 20));
  // Nothing of it is in anybody's way, and what goes ahead has a place of its own.
  EXPECT_EQ(a.transport->send(NodeId{1}, "vote", Lane::ahead), Sent::taken);
  ASSERT_EQ(a.transport->send(b.self.node, "hello", Lane::work), Sent::taken);
  ASSERT_TRUE(b.has_messages(1));
  EXPECT_EQ(a.log(), (std::vector<std::string>{"up 1.1", "up 3.1"}));
}

TEST(Hostile, AStoppedPeerThatReadsAgainGetsAllThatWasTaken) {
  auto config = config_of(address_of(2));
  config.peers.queue_bytes_max = 12U << 20;
  config.links.silence_max = seconds(60);
  Node a(config);
  RawEnd slow(a.transport->port());
  ASSERT_TRUE(slow.introduce(address_of(1), 2));
  ASSERT_TRUE(a.is_up(address_of(1)));
  const std::string message(1U << 20, 'x');
  std::size_t taken = 0;
  while (a.transport->send(NodeId{1}, message, Lane::work) == Sent::taken) ++taken;
  for (std::size_t got = 0; got < taken;) {
    auto frame = slow.hear();
    ASSERT_TRUE(frame);
    if (frame->kind != FrameKind::work) continue;
    ASSERT_EQ(frame->payload.size(), message.size());
    ++got;
    // 1 MiB is four full frames and what their headers left over.
    std::string receipt;
    append_received(receipt, message.size() + 5 * kFrameHeaderBytes);
    ASSERT_TRUE(slow.say(receipt));
  }
}

TEST(Hostile, AReceiptForWhatWasNotSentEndsTheLink) {
  Node a(address_of(2));
  RawEnd end(a.transport->port());
  ASSERT_TRUE(end.introduce(address_of(1), 2));
  std::string receipt;
  append_received(receipt, 1);
  ASSERT_TRUE(end.say(receipt));
  EXPECT_TRUE(end.hears_the_end());
  ASSERT_TRUE(a.is_down(address_of(1)));
  EXPECT_EQ(a.cut("not_frames"), 1);
}

TEST(Hostile, BytesThatAreNoFramesEndTheirConnectionAlone) {
  const auto seed = std::getenv("PARLEY_SEED") != nullptr ? std::strtoull(std::getenv("PARLEY_SEED"), nullptr, 10)
                                                          : std::random_device{}();
  SCOPED_TRACE(fmt::format("PARLEY_SEED={}", seed));
  SeededRandom random(seed);
  auto config = config_of(address_of(2));
  config.links.strangers_max = config.links.strangers_per_address_max = 1'000;
  config.links.strangers_per_second_max = 100'000;
  Node a(config);
  Node b(address_of(3));
  link(a, b);
  const auto before = resident_bytes();
  std::vector<std::unique_ptr<RawEnd>> left_open;
  for (int round = 0; round < 300; ++round) {
    auto end = std::make_unique<RawEnd>(a.transport->port());
    const bool introduced = random.below(2) == 0;
    if (introduced) { ASSERT_TRUE(end->introduce(address_of(1, 10 + static_cast<std::uint64_t>(round)), 2)) << round; }
    std::string bytes;
    for (auto frames = random.below(6); frames > 0; --frames) {
      std::string payload(random.below(5'000), static_cast<char>(random.next()));
      append_frame(bytes, static_cast<FrameKind>(random.below(9)), payload, static_cast<std::uint8_t>(random.below(3)));
    }
    for (auto flips = random.below(8); flips > 0 && !bytes.empty(); --flips) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    }
    bytes.resize(bytes.size() - random.below(bytes.size() / 2 + 1));
    for (auto garbage = random.below(40); garbage > 0; --garbage) bytes.push_back(static_cast<char>(random.next()));
    for (std::string_view rest = bytes; !rest.empty();) {
      const auto piece = 1 + random.below(rest.size());
      if (!end->say(rest.substr(0, piece))) break;
      rest.remove_prefix(piece);
    }
    if (random.below(20) == 0 && left_open.size() < 10) left_open.push_back(std::move(end));
  }
  ASSERT_EQ(a.transport->send(b.self.node, "still here", Lane::work), Sent::taken);
  ASSERT_EQ(b.transport->send(a.self.node, "still here", Lane::work), Sent::taken);
  ASSERT_TRUE(b.has_messages(1));
  ASSERT_TRUE(a.wait_for([&] { return true; }));
  EXPECT_EQ(b.log(), std::vector<std::string>{"up 2.1"});
  EXPECT_LT(resident_bytes(), before + (64U << 20));
}

TEST(Hostile, StrangersHaveFewPlaces) {
  auto config = config_of(address_of(2));
  config.links.strangers_max = 20;
  config.links.strangers_per_address_max = 8;
  config.links.hello_within = milliseconds(400);
  Node a(config);
  std::vector<std::unique_ptr<RawEnd>> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(std::make_unique<RawEnd>(a.transport->port()));
    silent.back()->say("\x10");  // a drip, and no more
  }
  ASSERT_TRUE(Node::poll_until([&] { return a.refused("too_many_strangers") == 12; }));
  for (auto& end : silent) EXPECT_TRUE(end->hears_the_end());
  EXPECT_EQ(a.cut("no_hello"), 8);
  RawEnd node(a.transport->port());
  EXPECT_TRUE(node.introduce(address_of(1), 2)) << "their places are free again";
}

TEST(Hostile, StrangersComeAtARate) {
  auto config = config_of(address_of(2));
  config.links.strangers_per_second_max = 3;
  Node a(config);
  ASSERT_TRUE(Node::poll_until([&] {
    RawEnd end(a.transport->port());
    end.say("no frame at all!");
    EXPECT_TRUE(end.hears_the_end());
    return a.refused("too_many_strangers") >= 2;
  }));
  EXPECT_GE(a.cut("not_frames"), 3);
  EXPECT_TRUE(Node::poll_until([&] {
    RawEnd node(a.transport->port());
    return node.introduce(address_of(1), 2);
  })) << "another second has begun";
}

TEST(Hostile, AMessageThatNeverEndsIsHeldToItsBound) {
  auto config = config_of(address_of(2));
  config.peers.message_bytes_max = 1U << 20;
  Node a(config);
  RawEnd end(a.transport->port());
  ASSERT_TRUE(end.introduce(address_of(1), 2));
  const std::string part(200'000, 'x');
  while (end.say(FrameKind::work, part) && end.say(FrameKind::ahead, part)) {}
  ASSERT_TRUE(a.is_down(address_of(1)));
  EXPECT_EQ(a.cut("not_frames"), 1);
}

}  // namespace
}  // namespace parley::cluster::test
