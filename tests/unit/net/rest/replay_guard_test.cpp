#include "net/rest/replay_guard.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace parley::net {
namespace {

using Verdict = ReplayGuard::Verdict;
constexpr WallTime kNow{1'760'000'000'000};
constexpr std::int64_t kSecond = 1'760'000'000;
constexpr ReplayGuard::Bounds kBounds{1'000, std::chrono::seconds(600)};

constexpr ReplayGuard::Bounds kLenient{1'000, std::chrono::seconds(600), std::chrono::seconds(5)};

ReplayGuard::KeyName key(const std::string& text) { return {"4711", "app", text, {}}; }

std::string signature(std::uint64_t number) {
  return fmt::format("{:016x}{:048x}", number * 0x9E3779B97F4A7C15ULL, number);
}

TEST(ReplayGuard, TakesASignatureOnce) {
  ReplayGuard guard;
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow, kBounds), Verdict::fresh);
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow, kBounds), Verdict::seen);
  EXPECT_EQ(guard.take(signature(2), kSecond, kNow, kBounds), Verdict::fresh);
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow + seconds(600), kBounds), Verdict::seen);
}

TEST(ReplayGuard, LetsASignaturePassAgainForAFewSecondsAfterItsFirstUse) {
  ReplayGuard guard;
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow, kLenient), Verdict::fresh);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(guard.take(signature(1), kSecond, kNow, kLenient), Verdict::again);
  // Each use is counted from the first: nobody keeps a captured one alive by using it.
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow + milliseconds(4'999), kLenient), Verdict::again);
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow + milliseconds(5'000), kLenient), Verdict::seen);
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow - seconds(5), kLenient), Verdict::seen)
      << "a clock that jumped back";
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow, kBounds), Verdict::seen) << "where none may pass again";
  EXPECT_EQ(guard.size(), 1U);
}

TEST(ReplayGuard, AFailedUseDoesNotWipeOutOneThatSucceeded) {
  ReplayGuard guard;
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow, kLenient), Verdict::fresh);
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow + seconds(4), kLenient), Verdict::again);
  guard.forget(signature(1), kSecond);  // one of the two came to nothing
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow + seconds(6), kLenient), Verdict::seen);
  guard.forget(signature(1), kSecond);  // and the other
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow + seconds(6), kLenient), Verdict::fresh);
}

TEST(ReplayGuard, NoPartOfAKeyPosesAsAnother) {
  ReplayGuard guard;
  EXPECT_TRUE(guard.take_key({"4711", "app", "K\nroom.c", {}}, kNow, kBounds));
  EXPECT_TRUE(guard.take_key({"4711", "app", "K", "room.c"}, kNow, kBounds));
  EXPECT_TRUE(guard.take_key({"4711", "app", "K", {}}, kNow, kBounds));
  EXPECT_TRUE(guard.take_key({"4711", "batch", "K", {}}, kNow, kBounds));
  EXPECT_TRUE(guard.take_key({"4711\nK", "app", "room.c", {}}, kNow, kBounds));
  EXPECT_FALSE(guard.take_key({"4711", "app", "K", "room.c"}, kNow, kBounds));
}

TEST(ReplayGuard, ForgetsWhatTheWindowRefusesAnyway) {
  ReplayGuard guard;
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(guard.take(signature(i), kSecond, kNow, kBounds), Verdict::fresh);
  EXPECT_EQ(guard.size(), 100U);
  EXPECT_EQ(guard.take(signature(1'000), kSecond + 601, kNow + seconds(601), kBounds), Verdict::fresh);
  EXPECT_EQ(guard.size(), 1U);
}

TEST(ReplayGuard, LetsAFailedRequestComeAgain) {
  ReplayGuard guard;
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow, kBounds), Verdict::fresh);
  guard.forget(signature(1), kSecond);
  guard.forget(signature(2), kSecond + 5);
  EXPECT_EQ(guard.size(), 0U);
  EXPECT_EQ(guard.take(signature(1), kSecond, kNow, kBounds), Verdict::fresh);
}

TEST(ReplayGuard, RefusesTheOldestSecondsWhenFullAndNeverAcceptsAReplay) {
  ReplayGuard guard;
  const ReplayGuard::Bounds bounds{10, std::chrono::seconds(600)};
  for (std::uint64_t i = 0; i < 30; ++i) {
    EXPECT_EQ(guard.take(signature(i), kSecond + static_cast<std::int64_t>(i), kNow, bounds), Verdict::fresh);
    EXPECT_LE(guard.size(), 10U);
  }
  for (std::uint64_t i = 0; i < 30; ++i) {
    EXPECT_NE(guard.take(signature(i), kSecond + static_cast<std::int64_t>(i), kNow, bounds), Verdict::fresh) << i;
  }
  EXPECT_EQ(guard.take(signature(99), kSecond + 5, kNow, bounds), Verdict::too_old) << "cannot be told from a replay";
  EXPECT_EQ(guard.take(signature(99), kSecond + 29, kNow, bounds), Verdict::fresh);
}

TEST(ReplayGuard, RefusesRatherThanGrowsWhenOneSecondFillsIt) {
  ReplayGuard guard;
  const ReplayGuard::Bounds bounds{10, std::chrono::seconds(600)};
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_EQ(guard.take(signature(i), kSecond, kNow, bounds), Verdict::fresh);
  EXPECT_EQ(guard.take(signature(10), kSecond, kNow, bounds), Verdict::too_old);
  EXPECT_EQ(guard.take(signature(0), kSecond, kNow, bounds), Verdict::seen);
  EXPECT_EQ(guard.size(), 10U);
}

TEST(ReplayGuard, RemembersKeysForTheWindow) {
  ReplayGuard guard;
  EXPECT_TRUE(guard.take_key(key("a"), kNow, kBounds));
  EXPECT_FALSE(guard.take_key(key("a"), kNow + seconds(600), kBounds));
  EXPECT_TRUE(guard.knows_key(key("a"), kNow, kBounds));
  EXPECT_FALSE(guard.knows_key(key("a"), kNow + seconds(601), kBounds));
  EXPECT_TRUE(guard.take_key(key("a"), kNow + seconds(601), kBounds));
  guard.forget_key(key("a"));
  EXPECT_FALSE(guard.knows_key(key("a"), kNow + seconds(601), kBounds));
  EXPECT_TRUE(guard.take_key(key("a"), kNow + seconds(602), kBounds));
  EXPECT_TRUE(guard.knows_key(key("a"), kNow + seconds(602), kBounds))
      << "the forgotten one's place in line is not its own";
}

TEST(ReplayGuard, ForgetsTheOldestKeysWhenFull) {
  ReplayGuard guard;
  const ReplayGuard::Bounds bounds{10, std::chrono::seconds(600)};
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(guard.take_key(key(std::to_string(i)), kNow, bounds));
  EXPECT_FALSE(guard.knows_key(key("0"), kNow, bounds));
  EXPECT_TRUE(guard.knows_key(key("29"), kNow, bounds));
}

TEST(ReplayGuard, GivesOneSignatureToOneThread) {
  ReplayGuard guard;
  std::atomic<int> fresh = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::uint64_t i = 0; i < 500; ++i) {
        if (guard.take(signature(i), kSecond, kNow, kBounds) == Verdict::fresh) ++fresh;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(fresh, 500);
}

}  // namespace
}  // namespace parley::net
