// What waits for a peer: bounded in bytes, in order in its lane, and never more on its way than the peer's window.
#include "cluster/caf_transport/outbox.h"
#include "cluster/caf_transport/framing.h"

#include <gtest/gtest.h>

#include <thread>

namespace parley::cluster {
namespace {

LinkLimits small() {
  LinkLimits limits;
  limits.frame_bytes_max = 100 + kFrameHeaderBytes;
  limits.window_bytes_max = 1'000;
  limits.ahead_bytes_max = 500;
  return limits;
}
constexpr PeerLimits kPeers{.message_bytes_max = 2'000, .queue_bytes_max = 4'000};

struct Messages : FrameSink {
  bool on_frame(FrameKind, std::string_view) override { return true; }
  bool on_message(Lane, std::string message) override {
    got.push_back(std::move(message));
    return true;
  }
  std::vector<std::string> got;
};

struct OutboxTest : ::testing::Test {
  OutboxTest() { framing.introduced(); }
  // What leaves now, as the other end understands it; its receipt is not given.
  std::size_t pass(std::size_t until = 1'000'000) {
    std::string wire;
    outbox.fill(wire, until);
    EXPECT_TRUE(framing.feed(wire, messages).ok());
    return wire.size();
  }
  Sent push(std::string bytes, Lane lane = Lane::work) { return outbox.push(std::move(bytes), lane).sent; }

  Outbox outbox{small(), kPeers};
  Framing framing{small(), kPeers.message_bytes_max};
  Messages messages;
};

TEST_F(OutboxTest, TheRestWaitsUntilTheWindowOpens) {
  std::vector<std::string> sent;
  for (char c = 'a'; c < 'f'; ++c) {
    sent.emplace_back(450, c);
    ASSERT_EQ(push(sent.back()), Sent::taken);
  }
  std::size_t on_its_way = pass();
  EXPECT_GT(on_its_way, 850U);
  EXPECT_LE(on_its_way, 1'000U);
  EXPECT_EQ(pass(), 0U);
  for (int i = 0; i < 20 && messages.got.size() < sent.size(); ++i) {
    ASSERT_TRUE(outbox.confirm(framing.take_work_bytes()).ok());
    EXPECT_LE(pass(), 1'000U);
  }
  EXPECT_EQ(messages.got, sent);
}

TEST_F(OutboxTest, BeyondItsBoundWhatComesIsFull) {
  std::size_t taken = 0;
  while (push(std::string(500, 'x')) == Sent::taken) ++taken;
  EXPECT_GE(taken, 6U);
  EXPECT_LE(taken, 8U);
  EXPECT_EQ(push("", Lane::ahead), Sent::taken) << "its lane has a bound of its own";
  pass();
  EXPECT_EQ(push(std::string(500, 'x')), Sent::taken) << "a message has left";
}

TEST_F(OutboxTest, EmptyMessagesAreMemoryToo) {
  std::size_t taken = 0;
  while (push("") == Sent::taken) ASSERT_LT(++taken, 1'000U);
  EXPECT_LT(taken, 100U);
}

TEST_F(OutboxTest, WhatGoesAheadNeedsNoWindow) {
  ASSERT_EQ(push(std::string(2'000, 'x')), Sent::taken);
  pass();
  ASSERT_EQ(push("vote", Lane::ahead), Sent::taken);
  EXPECT_GT(pass(), 0U);
  EXPECT_EQ(messages.got, std::vector<std::string>{"vote"}) << "in the middle of a long message";
}

TEST_F(OutboxTest, AReceiptForWhatWasNotSentIsAnError) {
  ASSERT_EQ(push("x"), Sent::taken);
  pass();
  EXPECT_FALSE(outbox.confirm(kFrameHeaderBytes + 2).ok());
  EXPECT_TRUE(outbox.confirm(kFrameHeaderBytes + 1).ok());
  EXPECT_FALSE(outbox.confirm(1).ok());
}

TEST_F(OutboxTest, WhoPushesFirstWakes) {
  EXPECT_TRUE(outbox.push("a", Lane::work).wake);
  EXPECT_FALSE(outbox.push("b", Lane::ahead).wake);
  pass();
  EXPECT_TRUE(outbox.push("c", Lane::work).wake);
}

TEST_F(OutboxTest, ClosedNobodyIsThere) {
  ASSERT_EQ(push("a"), Sent::taken);
  outbox.close();
  EXPECT_EQ(push("b"), Sent::unreachable);
}

TEST_F(OutboxTest, ManyThreadsPush) {
  constexpr std::size_t kEach = 5'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < kEach; ++i) {
        while (push(std::to_string(i)) == Sent::full) std::this_thread::yield();
      }
    });
  }
  while (messages.got.size() < 3 * kEach) {
    pass(500);
    EXPECT_TRUE(outbox.confirm(framing.take_work_bytes()).ok());
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(pass(), 0U);
}

}  // namespace
}  // namespace parley::cluster
