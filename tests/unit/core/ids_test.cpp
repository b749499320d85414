#include "core/ids.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parley {
namespace {

TEST(Position, TextComesBackAsTheSamePosition) {
  const Position position{Epoch{0x00AB'CDEF'0123'4567}, Offset{17}};
  EXPECT_EQ(position_text(position), "00abcdef01234567:17");
  const auto parsed = parse_position(position_text(position));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, position);
}

TEST(Position, TheLargestValuesSurvive) {
  const Position position{Epoch{~0ULL}, Offset{~0ULL}};
  const auto parsed = parse_position(position_text(position));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, position);
}

TEST(Position, OffsetZeroIsBeforeTheFirstPublication) {
  const auto parsed = parse_position("00000000000000ff:0");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->offset, Offset{0});
}

TEST(Position, AnythingElseIsRefused) {
  for (const char* text :
       {"", ":", "17", "00000000000000ff", "00000000000000ff:", ":17", "ff:17", "0000000000000000:17",
        "00000000000000fg:1", "00000000000000ff:-1", "00000000000000ff:+1", "00000000000000ff: 1",
        "00000000000000ff:1 ", "00000000000000ff:1x", "00000000000000ff:18446744073709551616", "0x000000000000ff:1",
        "-0000000000000ff:1", "000000000000000ff:1", "00000000000000ff:1:2"}) {
    const auto parsed = parse_position(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::bad_position) << text;
  }
}

TEST(SocketId, HasPushersForm) {
  const SocketId id{(std::uint64_t{123} << 32) | 456};
  EXPECT_EQ(id.text(), "123.456");
  const auto parsed = SocketId::parse("123.456");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, id);
  EXPECT_EQ(SocketId::parse(SocketId{~0ULL}.text())->value, ~0ULL);
}

TEST(SocketId, OnANamespaceIsAnotherEachTimeTheSame) {
  const auto id = *SocketId::parse("123.456");
  EXPECT_EQ(*SocketId::parse("/admin#123.456"), id.on_namespace("/admin"));
  EXPECT_NE(id.on_namespace("/admin"), id);
  EXPECT_NE(id.on_namespace("/admin"), id.on_namespace("/chat"));
  EXPECT_EQ(*SocketId::parse("/#123.456"), id);
}

TEST(SocketId, AnythingElseIsRefused) {
  for (const char* text : {"",
                           ".",
                           "1",
                           "1.",
                           ".1",
                           "1.2.3",
                           "1.2 ",
                           " 1.2",
                           "-1.2",
                           "1.-2",
                           "+1.2",
                           "a.b",
                           "1.2\n:private-x",
                           "4294967296.1",
                           "1.4294967296",
                           "/admin",
                           "/admin#",
                           "/admin#1",
                           "admin#1.2",
                           "/a#/b#1.2",
                           "#1.2"}) {
    EXPECT_FALSE(SocketId::parse(text)) << text;
  }
  std::string nested;
  for (int i = 0; i < 1'000'000; ++i) nested += "/#";
  EXPECT_FALSE(SocketId::parse(nested + "1.2")) << "whoever may publish must not end the process";
  EXPECT_FALSE(SocketId::parse("/" + std::string(200, 'x') + "#1.2"));
}

TEST(ChannelKey, ComesApartWhereItWasPutTogether) {
  const ChannelKey key("4711", "presence-domain.7");
  EXPECT_EQ(key.app(), "4711");
  EXPECT_EQ(key.name(), "presence-domain.7");
  EXPECT_EQ(key.text(), "4711/presence-domain.7");
  const auto again = ChannelKey::from_text(key.text());
  EXPECT_EQ(again, key);
  EXPECT_EQ(again.app(), "4711");
  EXPECT_EQ(again.name(), "presence-domain.7");
}

TEST(ChannelKey, TheSameNameOfAnotherAppIsAnotherChannel) {
  EXPECT_NE(ChannelKey("a", "x"), ChannelKey("b", "x"));
  EXPECT_NE(std::hash<ChannelKey>{}(ChannelKey("a", "x")), std::hash<ChannelKey>{}(ChannelKey("b", "x")));
}

// Data on disk is found by these: they may never change.
TEST(StableHash, IsWhatItAlwaysWas) {
  EXPECT_EQ(stable_hash(""), 0xCBF29CE484222325ULL);
  EXPECT_EQ(stable_hash("a"), 0xAF63DC4C8601EC8CULL);
  EXPECT_EQ(stable_hash("foobar"), 0x85944171F73967E8ULL);
}

TEST(ShardOf, SpreadsNumberedChannelsOverAllShards) {
  std::vector<int> load(64);
  constexpr int kChannels = 64'000;
  for (int i = 0; i < kChannels; ++i) ++load.at(shard_of(ChannelKey("4711", fmt::format("domain.{}", i)), 64).value);
  for (const int count : load) {
    EXPECT_GT(count, 700);
    EXPECT_LT(count, 1'300);
  }
}

TEST(ShardOf, OneShardTakesAll) { EXPECT_EQ(shard_of(ChannelKey("a", "b"), 1), ShardId{0}); }

}  // namespace
}  // namespace parley
