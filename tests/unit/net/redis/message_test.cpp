// What Laravel's redis broadcaster publishes is taken apart, and its data is left alone.

#include "net/redis/message.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

constexpr std::size_t kDepth = 32;

TEST(RedisMessage, DataIsCutOutByteForByte) {
  const auto got = decode_redis_broadcast(
      "{\"event\":\"App\\\\Events\\\\OrderShipped\",\"data\":{ \"n\" : 1.10, \"t\":\"\\u00e9\\/\",\"z\":{}, \"a\":[] ,"
      "\"big\":12345678901234567890123,\"socket\":null },\"socket\":null}",
      kDepth);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->event, "App\\Events\\OrderShipped");
  EXPECT_EQ(
      got->data,
      "{ \"n\" : 1.10, \"t\":\"\\u00e9\\/\",\"z\":{}, \"a\":[] ,\"big\":12345678901234567890123,\"socket\":null }");
  EXPECT_FALSE(got->except.exists());
}

TEST(RedisMessage, DataMayBeAnythingOrNothing) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"event":"e","data":[1,2]})", "[1,2]"},
      {R"({"event":"e","data":"text"})", "\"text\""},
      {R"({"event":"e","data":7})", "7"},
      {R"({"event":"e","data":null})", "null"},
      {R"({"event":"e"})", "null"},
      {" {\"data\":true , \"event\":\"e\"}\n", "true"},
  };
  for (const auto& [text, data] : cases) {
    const auto got = decode_redis_broadcast(text, kDepth);
    ASSERT_TRUE(got) << text;
    EXPECT_EQ(got->data, data) << text;
  }
}

TEST(RedisMessage, OnlyASocketIdOfOursExcludesSomebody) {
  const auto except = [](const std::string& socket) {
    const auto got = decode_redis_broadcast(R"({"event":"e","data":{},"socket":)" + socket + "}", kDepth);
    EXPECT_TRUE(got) << socket;
    return got ? got->except.text() : "";
  };
  EXPECT_EQ(except("\"241.880612\""), "241.880612");
  for (const auto* nobody : {"null", "\"5wIdMlNoRbnFBVd2AAAA\"", "\"\"", "\"1.\"", "\"-1.2\"", "241", "241.88", "{}",
                             "[\"241.880612\"]", "\"99999999999.1\""}) {
    EXPECT_EQ(except(nobody), "0.0") << nobody;
  }
}

TEST(RedisMessage, WhatIsNotABroadcastIsAnError) {
  for (const std::string text :
       {"", " ", "hello", "{", "[]", "1", "\"text\"", R"({"data":{}})", R"({"event":1,"data":{}})",
        R"({"event":{"channel":"presence-a:members","members":[]}})", R"({"event":null,"data":{}})",
        R"({"event":"a","event":"b","data":1})", R"({"event":"e","data":1,"data":2})", R"({"event":"e","data":{}} x)",
        "{\"event\":\"\xff\",\"data\":1}"}) {
    EXPECT_FALSE(decode_redis_broadcast(text, kDepth)) << text;
  }
  EXPECT_FALSE(
      decode_redis_broadcast(R"({"event":"e","data":)" + std::string(40, '[') + std::string(40, ']') + "}", kDepth))
      << "too deep";
}

}  // namespace
}  // namespace parley::net
