// Decisions that are still good.

#include "net/outbound/auth_cache.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

using namespace std::chrono_literals;
using Outcome = AuthDecision::Outcome;

struct AuthCacheTest : testing::Test {
  AuthCacheTest() { cache.bound(3); }
  void keep(const std::string& key, std::chrono::nanoseconds lifetime = 10s, const std::string& app = "a") {
    cache.keep(app, key, {Outcome::allowed, key, {}}, cache.generation(app), now, now + lifetime);
  }
  bool knows(const std::string& key, const std::string& app = "a") {
    const auto* found = cache.find(app, key, now);
    return found != nullptr && found->channel_data == key;
  }
  AuthCache cache;
  MonoTime now{1h};
};

TEST_F(AuthCacheTest, KnowsWhatItWasToldUntilItIsTooOld) {
  EXPECT_FALSE(knows("k"));
  keep("k");
  EXPECT_TRUE(knows("k"));
  now += 9'999ms;
  EXPECT_TRUE(knows("k"));
  now += 1ms;
  EXPECT_FALSE(knows("k"));
  EXPECT_EQ(cache.size(), 0U);
}

TEST_F(AuthCacheTest, NothingIsKeptForNoTime) {
  keep("k", 0s);
  EXPECT_EQ(cache.size(), 0U);
}

TEST_F(AuthCacheTest, ANewerDecisionTakesTheOldOnesPlace) {
  keep("k", 1s);
  keep("l", 10s);
  keep("k", 10s);
  EXPECT_EQ(cache.size(), 2U);
  now += 5s;
  EXPECT_TRUE(knows("k"));
  keep("m");
  keep("n");
  EXPECT_FALSE(knows("l")) << "it is the oldest now";
  EXPECT_TRUE(knows("k"));
}

TEST_F(AuthCacheTest, BeyondTheBoundTheOldestIsForgotten) {
  for (const auto* key : {"1", "2", "3", "4"}) keep(key);
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_FALSE(knows("1"));
  EXPECT_TRUE(knows("2") && knows("3") && knows("4"));
  cache.bound(1);
  EXPECT_TRUE(knows("4"));
  EXPECT_EQ(cache.size(), 1U);
  cache.bound(0);
  EXPECT_EQ(cache.size(), 0U);
  keep("5");
  EXPECT_EQ(cache.size(), 0U);
}

TEST_F(AuthCacheTest, WhatIsTooOldMakesRoomFirst) {
  keep("1", 1s);
  keep("2");
  keep("3");
  now += 2s;
  keep("4");
  EXPECT_TRUE(knows("2") && knows("3") && knows("4"));
}

TEST_F(AuthCacheTest, AnApplicationIsForgottenAndNoOther) {
  keep("1");
  keep("2", 10s, "b");
  const auto asked_before = cache.generation("a");
  cache.forget("a");
  EXPECT_FALSE(knows("1"));
  EXPECT_TRUE(knows("2", "b"));
  cache.keep("a", "3", {Outcome::allowed, "3", {}}, asked_before, now, now + 10s);
  EXPECT_FALSE(knows("3")) << "its question is older than the change";
  keep("3");
  EXPECT_TRUE(knows("3"));
}

}  // namespace
}  // namespace parley::net
