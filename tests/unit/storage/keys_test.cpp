#include "storage/keys.h"

#include <gtest/gtest.h>

namespace parley::storage {
namespace {

const ShardId kShard{0x0102};
const ChannelKey kChannel("4711", "domain.7");

TEST(Keys, TheLayoutIsTheDocumentedOne) {
  EXPECT_EQ(keys::publication(kShard, kChannel, Offset{0x0A0B}), std::string("\x01\x02"
                                                                             "4711/domain.7\0\0\0\0\0\0\0\x0A\x0B",
                                                                             2 + 13 + 1 + 8));
  EXPECT_EQ(keys::log_entry(kShard, LogIndex{3}), std::string("\x01\x02"
                                                              "e\0\0\0\0\0\0\0\3",
                                                              11));
  EXPECT_EQ(keys::log_head(kShard), "\x01\x02h");
  EXPECT_EQ(keys::applied(kShard),
            "\x01\x02"
            "a");
  EXPECT_EQ(keys::meta(kShard, kChannel), "\x01\x02m4711/domain.7");
  EXPECT_EQ(keys::cursor(kShard, kChannel, "me"), std::string("\x01\x02"
                                                              "c4711/domain.7\0me",
                                                              19));
  EXPECT_EQ(keys::remembered(kShard, 1), std::string("\x01\x02i\0\0\0\0\0\0\0\1", 11));
  const ChannelKey session("4711", "session.k");
  EXPECT_EQ(keys::kept_session(kShard, session), "\x01\x02s4711/session.k");
  EXPECT_EQ(keys::session_end(kShard, WallTime{0x0A0B}, session), std::string("\x01\x02"
                                                                              "y\0\0\0\0\0\0\x0A\x0B"
                                                                              "4711/session.k",
                                                                              25));
  EXPECT_EQ(keys::schema_version(), "\xff\xffschema");
}

TEST(Keys, OffsetsSortAsNumbers) {
  for (const std::uint64_t offset : std::vector<std::uint64_t>{0, 1, 255, 256, 1ULL << 32, UINT64_MAX - 1}) {
    EXPECT_LT(keys::publication(kShard, kChannel, Offset{offset}),
              keys::publication(kShard, kChannel, Offset{offset + 1}));
    EXPECT_EQ(keys::publication_offset(keys::publication(kShard, kChannel, Offset{offset}))->value, offset);
  }
}

TEST(Keys, ARangeHasItsChannelOnly) {
  const auto range = keys::publications(kShard, kChannel, Offset{1}, Offset{UINT64_MAX});
  const auto within = [&](const std::string& key) { return range.from <= key && key < range.to; };
  EXPECT_TRUE(within(keys::publication(kShard, kChannel, Offset{1})));
  EXPECT_TRUE(within(keys::publication(kShard, kChannel, Offset{UINT64_MAX})));
  EXPECT_FALSE(within(keys::publication(kShard, kChannel, Offset{0})));
  EXPECT_FALSE(within(keys::publication(kShard, ChannelKey("4711", "domain.77"), Offset{1})));
  EXPECT_FALSE(within(keys::publication(kShard, ChannelKey("4711", "domain."), Offset{1})));
  EXPECT_FALSE(within(keys::publication(ShardId{0x0103}, kChannel, Offset{1})));
  const auto cursors = keys::cursors(kShard, kChannel);
  const auto other = keys::cursor(kShard, ChannelKey("4711", "domain.77"), "me");
  EXPECT_FALSE(cursors.from <= other && other < cursors.to);
}

TEST(Keys, SessionsSortByWhenTheyEnd) {
  const auto range = keys::session_ends(kShard);
  const ChannelKey a("4711", "session.a");
  const ChannelKey z("4711", "session.z");
  std::string before = range.from;
  for (const std::int64_t ms : std::vector<std::int64_t>{0, 1, 255, 256, 1LL << 40, INT64_MAX}) {
    const auto first = keys::session_end(kShard, WallTime{ms}, a);
    const auto second = keys::session_end(kShard, WallTime{ms}, z);
    EXPECT_TRUE(before < first && first < second && second < range.to) << ms;
    before = second;
    const auto end = keys::parse_session_end(second);
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->expires.ms, ms);
    EXPECT_EQ(end->place, z);
  }
  EXPECT_FALSE(keys::parse_session_end(range.from).has_value());
  EXPECT_FALSE(keys::parse_session_end(keys::kept_session(kShard, a)).has_value());
  auto later_than_any = keys::session_end(kShard, WallTime{0}, a);
  later_than_any[3] = '\xff';
  EXPECT_FALSE(keys::parse_session_end(later_than_any).has_value());
  EXPECT_FALSE(keys::parse_session_end(keys::session_end(kShard, WallTime{7}, a).substr(0, 15)).has_value());
}

TEST(Keys, AShardIsOneRange) {
  const auto range = keys::of_shard(kShard);
  for (const auto& key : {keys::log_head(kShard), keys::applied(kShard), keys::meta(kShard, kChannel),
                          keys::publication(kShard, kChannel, Offset{1})}) {
    EXPECT_TRUE(range.from <= key && key < range.to);
  }
  const auto next = keys::applied(ShardId{0x0103});
  EXPECT_FALSE(range.from <= next && next < range.to);
}

TEST(Keys, WhatIsInAKeyComesBack) {
  EXPECT_EQ(keys::meta_channel(keys::meta(kShard, kChannel)), kChannel);
  EXPECT_EQ(keys::log_index(keys::log_entry(kShard, LogIndex{9}))->value, 9u);
  EXPECT_EQ(keys::log_index(keys::log_head(kShard)), std::nullopt);
  EXPECT_EQ(keys::remembered_number(keys::remembered(kShard, 77)), 77u);
  EXPECT_EQ(keys::meta_channel(keys::applied(kShard)), std::nullopt);
  EXPECT_EQ(keys::publication_offset("short"), std::nullopt);
  EXPECT_EQ(keys::parse_number("1234567"), std::nullopt);
}

}  // namespace
}  // namespace parley::storage
