// Whose a channel in Redis is: a prefix that is given, and one that is learned.

#include "net/redis/prefix.h"

#include "core/random.h"

#include <gtest/gtest.h>

#include <vector>

namespace parley::net {
namespace {

using Whose = RedisPrefix::Whose;

// The channel as our clients know it; `-`: somebody else's; `?`: not known yet.
std::string look(RedisPrefix& prefix, const std::string& name) {
  const auto seen = prefix.look(name);
  if (seen.whose == Whose::unknown) return "?";
  return seen.whose == Whose::other ? "-" : std::string(seen.channel);
}

// What the first name alone teaches; `?`: nothing.
std::string learned_from(const std::string& name) {
  auto prefix = RedisPrefix::to_be_learned();
  return prefix.look(name).learned ? "`" + prefix.prefix() + "`" : "?";
}

TEST(RedisPrefix, AGivenOneIsTakenOff) {
  auto prefix = RedisPrefix::given("laravel_database_");
  EXPECT_EQ(look(prefix, "laravel_database_private-domain.7"), "private-domain.7");
  EXPECT_EQ(look(prefix, "laravel_database_news"), "news");
  EXPECT_EQ(look(prefix, "laravel_database_"), "");
  EXPECT_EQ(look(prefix, "other_database_news"), "-");
  EXPECT_EQ(look(prefix, "private-domain.7"), "-");
  EXPECT_EQ(look(prefix, "laravel"), "-");
}

TEST(RedisPrefix, NoneIsAPrefixToo) {
  auto prefix = RedisPrefix::given("");
  EXPECT_EQ(look(prefix, "news"), "news");
  EXPECT_EQ(look(prefix, "presence-domain.7"), "presence-domain.7");
  EXPECT_EQ(look(prefix, "news-private-beta"), "news-private-beta");
  EXPECT_EQ(look(prefix, "orders.private-notes"), "orders.private-notes");
}

// As a public channel everybody could listen to what another application says on its private ones.
TEST(RedisPrefix, AnotherApplicationsPrivateChannelsNeverBecomePublicOnes) {
  auto none = RedisPrefix::given("");
  auto begins_alike = RedisPrefix::given("app_");
  auto learned = RedisPrefix::to_be_learned();
  EXPECT_EQ(look(learned, "private-mine"), "private-mine");
  for (const std::string name :
       {"other_database_private-user.7", "other-database-private-user.7", "other_database_presence-room",
        "app_two_database_private-user.7", "app_two:private-user.7", "app_two_private-encrypted-x",
        "my-private-shop-database-presence-room", "app_my_private-shop_database_private-x"}) {
    EXPECT_EQ(look(none, name), "-") << name;
    EXPECT_EQ(look(begins_alike, name), "-") << name;
    EXPECT_EQ(look(learned, name), "-") << name;
  }
}

TEST(RedisPrefix, IsLearnedFromWhatShowsItsEnd) {
  EXPECT_EQ(learned_from("laravel_database_private-domain.7"), "`laravel_database_`");
  EXPECT_EQ(learned_from("laravel_database_presence-domain.7"), "`laravel_database_`");
  EXPECT_EQ(learned_from("laravel-database-private-encrypted-a"), "`laravel-database-`");
  EXPECT_EQ(learned_from("my_database_app_database_private-a"), "`my_database_app_database_`");
  EXPECT_EQ(learned_from("my-private-shop-database-private-a"), "`my-private-shop-database-`");
  EXPECT_EQ(learned_from("laravel_database_news"), "`laravel_database_`");
  EXPECT_EQ(learned_from("laravel_database_for-private-use"), "`laravel_database_`");
  EXPECT_EQ(learned_from("shop:private-a"), "`shop:`");
  EXPECT_EQ(learned_from("shop_presence-a"), "`shop_`");
  EXPECT_EQ(learned_from("private-a"), "``");
  EXPECT_EQ(learned_from("presence-a"), "``");
  EXPECT_EQ(learned_from("private-a_database_b"), "``");
}

TEST(RedisPrefix, WhatMayMeanTwoThingsTeachesNothing) {
  for (const auto* name : {"", "news", "semiprivate-room", "_database_", "laravel_database_", "reverb", "socket.io#/#",
                           "my-private-shop-database-news", "shop:private-a_database_b"}) {
    EXPECT_EQ(learned_from(name), "?") << name;
  }
}

TEST(RedisPrefix, NothingIsOursBeforeItIsLearnedAndTheTeacherIsOurs) {
  auto prefix = RedisPrefix::to_be_learned();
  EXPECT_EQ(look(prefix, "news"), "?");
  EXPECT_EQ(look(prefix, "shop_orders"), "?");
  EXPECT_EQ(look(prefix, "shop_private-orders"), "private-orders");
  EXPECT_EQ(look(prefix, "shop_orders"), "orders");
  EXPECT_EQ(look(prefix, "news"), "-");
}

TEST(RedisPrefix, ASureSignCorrectsAGuessOnce) {
  auto prefix = RedisPrefix::to_be_learned();
  EXPECT_EQ(look(prefix, "my_database_app_database_news"), "app_database_news");
  const auto seen = prefix.look("my_database_app_database_private-a");
  EXPECT_TRUE(seen.learned);
  EXPECT_EQ(seen.channel, "private-a");
  EXPECT_EQ(look(prefix, "my_database_app_database_news"), "news");
  EXPECT_EQ(look(prefix, "my_database_app_database_more_database_private-a"), "-") << "not twice";
}

TEST(RedisPrefix, ARivalIsNamedAndChangesNothing) {
  auto prefix = RedisPrefix::to_be_learned();
  EXPECT_EQ(look(prefix, "shop_database_private-a"), "private-a");
  const auto seen = prefix.look("blog_database_private-a");
  EXPECT_EQ(seen.whose, Whose::other);
  EXPECT_EQ(seen.rival, "blog_database_");
  EXPECT_FALSE(seen.learned);
  EXPECT_TRUE(prefix.look("reverb").rival.empty());
  EXPECT_EQ(prefix.look("private-b").whose, Whose::other) << "one without a prefix is a rival too";
  EXPECT_EQ(look(prefix, "shop_database_private-a"), "private-a");
  auto given = RedisPrefix::given("shop_database_");
  EXPECT_TRUE(given.look("blog_database_private-a").rival.empty()) << "who set it knows";
}

TEST(RedisPrefix, ThePatternTakesThePrefixLiterally) {
  EXPECT_EQ(RedisPrefix::given("laravel_database_").pattern(), "laravel_database_*");
  EXPECT_EQ(RedisPrefix::given("a*b?[c]\\").pattern(), "a\\*b\\?\\[c\\]\\\\*");
  EXPECT_EQ(RedisPrefix::given("").pattern(), "*");
  auto prefix = RedisPrefix::to_be_learned();
  prefix.look("shop_private-a");
  EXPECT_EQ(prefix.pattern(), "*") << "others are still counted";
}

// Whatever comes in whatever order: what is ours begins with the prefix, and is never a disguised private channel.
TEST(RedisPrefix, HoldsForRandomNames) {
  const auto seed = OsRandom().next();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  SeededRandom random(seed);
  const std::vector<std::string> pieces{"private-", "presence-", "_database_", "-database-", "shop",   "_",
                                        ":",        "-",         "a",          "encrypted-", "cache-", "."};
  for (int run = 0; run < 2'000; ++run) {
    auto prefix = RedisPrefix::to_be_learned();
    int learned = 0;
    for (int i = 0; i < 6; ++i) {
      std::string name;
      for (auto n = 1 + random.below(6); n > 0; --n) name += pieces[random.below(pieces.size())];
      const auto seen = prefix.look(name);
      learned += seen.learned ? 1 : 0;
      if (seen.whose != Whose::ours) continue;
      ASSERT_GT(learned, 0) << name;
      ASSERT_EQ(prefix.prefix() + std::string(seen.channel), name);
      if (seen.channel.starts_with("private-") || seen.channel.starts_with("presence-")) continue;
      for (const auto* hidden : {"_private-", "_presence-", ":private-", ":presence-"}) {
        ASSERT_EQ(seen.channel.find(hidden), std::string_view::npos) << name << " as " << seen.channel;
      }
    }
    ASSERT_LE(learned, 2);
  }
}

}  // namespace
}  // namespace parley::net
