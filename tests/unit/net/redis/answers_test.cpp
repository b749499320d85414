// How many publishes may wait for their answer, and what becomes of those that never get one.

#include "net/redis/answers.h"

#include <gtest/gtest.h>

#include <thread>

namespace parley::net {
namespace {

using namespace std::chrono_literals;

struct Answers {
  std::atomic<int> published{0};
  std::atomic<int> refused{0};
  std::atomic<int> timed_out{0};
  ManualClock clock;
  RedisAnswers answers{[this](const std::optional<Error>& error) {
    (!error ? published : error->code == Errc::timeout ? timed_out : refused)++;
  }};

  void answer(std::uint64_t ticket) { answers.push(Reply{ReplyTo{{}, ticket}, Published{}}); }
};

TEST(RedisAnswers, CountsPublishesAndBytes) {
  Answers world;
  auto& answers = world.answers;
  EXPECT_TRUE(answers.wait_for_room({2, 100}, 0ms));
  const auto first = answers.put(60, world.clock.now());
  EXPECT_TRUE(answers.wait_for_room({2, 100}, 0ms));
  const auto second = answers.put(10, world.clock.now());
  EXPECT_FALSE(answers.wait_for_room({2, 100}, 0ms)) << "two publishes";
  EXPECT_FALSE(answers.wait_for_room({9, 70}, 0ms)) << "seventy bytes";
  world.answer(first);
  EXPECT_TRUE(answers.wait_for_room({2, 70}, 0ms));
  answers.push(
      Reply{ReplyTo{{}, second}, PublishRefused{.channel = {}, .ack = 0, .error = make_error(Errc::overloaded)}});
  EXPECT_EQ(answers.size(), 0U);
  EXPECT_EQ(world.published, 1);
  EXPECT_EQ(world.refused, 1);
}

TEST(RedisAnswers, RoomIsWaitedForUntilAnAnswerComes) {
  Answers world;
  const auto ticket = world.answers.put(1, world.clock.now());
  std::thread answering([&] { world.answer(ticket); });
  EXPECT_TRUE(world.answers.wait_for_room({1, 100}, 60s));
  answering.join();
  EXPECT_EQ(world.published, 1);
}

TEST(RedisAnswers, NobodyWaitsOnceClosed) {
  Answers world;
  world.answers.put(1, world.clock.now());
  std::thread closing([&] { world.answers.close(); });
  EXPECT_FALSE(world.answers.wait_for_room({1, 100}, 60s));
  closing.join();
}

TEST(RedisAnswers, WhatIsNeverAnsweredTimesOutAndIsToldOnce) {
  Answers world;
  const auto early = world.answers.put(5, world.clock.now());
  world.clock.advance(10s);
  world.answers.put(5, world.clock.now());
  world.answers.expire(world.clock.now());
  EXPECT_EQ(world.timed_out, 1);
  EXPECT_EQ(world.answers.size(), 1U);
  world.answer(early);
  world.answer(4711);
  EXPECT_EQ(world.published, 0) << "too late, or nobody's";
  EXPECT_TRUE(world.answers.wait_for_room({2, 6}, 0ms));
}

}  // namespace
}  // namespace parley::net
