// Addresses of Redis as people write them.

#include "net/redis/target.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

std::string parsed(std::string_view url) {
  const auto got = parse_redis_url(url);
  if (!got) return "wrong: " + got.error().message;
  return got->address() + "|" + got->username + "|" + got->password + "|" + std::to_string(got->database);
}

TEST(RedisTarget, UrlsAreRead) {
  EXPECT_EQ(parsed("redis://cache"), "cache:6379|||0");
  EXPECT_EQ(parsed("redis://10.0.0.5:7000/3"), "10.0.0.5:7000|||3");
  EXPECT_EQ(parsed("redis://:secret@cache:6380/"), "cache:6380||secret|0");
  EXPECT_EQ(parsed("redis://secret@cache"), "cache:6379||secret|0");
  EXPECT_EQ(parsed("redis://echo:p%40ss%2Fword@cache/2"), "cache:6379|echo|p@ss/word|2");
  EXPECT_EQ(parsed("redis://echo:p@ss/word@cache/2"), "cache:6379|echo|p@ss/word|2") << "not encoded, yet clear";
  EXPECT_EQ(parsed("tcp://127.0.0.1:6379?database=5&timeout=2"), "127.0.0.1:6379|||5") << "Laravel's form";
  EXPECT_EQ(parsed("redis://[::1]:7000"), "[::1]:7000|||0");
  EXPECT_EQ(parsed("redis://[fd00::5]"), "[fd00::5]:6379|||0");
  EXPECT_EQ(parsed("unix:///run/redis/redis.sock"), "/run/redis/redis.sock|||0");
}

TEST(RedisTarget, MistakesAreNamedAndNeverShown) {
  for (const auto* url :
       {"", "cache", "http://secret@cache", "redis://", "redis://:secret@", "redis://secret@cache:port",
        "redis://secret@cache:0", "redis://secret@cache:65536", "redis://secret@cache/news", "redis://[::1",
        "redis://[]", "unix://relative", "rediss://secret@cache", "tls://cache", "redis://cache?database=secret"}) {
    const auto got = parse_redis_url(url);
    ASSERT_FALSE(got) << url;
    EXPECT_EQ(got.error().message.find("secret"), std::string::npos) << url;
    EXPECT_EQ(got.error().code, Errc::config_invalid);
  }
  EXPECT_NE(parsed("rediss://cache").find("TLS"), std::string::npos);
}

}  // namespace
}  // namespace parley::net
