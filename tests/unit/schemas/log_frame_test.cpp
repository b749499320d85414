#include "schemas/log_frame.h"

#include <gtest/gtest.h>

namespace parley::schemas {
namespace {

const LogPlace kPlace{ShardId{3}, Term{7}, LogIndex{42}};

TEST(LogFrame, ThePayloadAndItsTermComeBack) {
  const auto bytes = frame_log_entry(kPlace, "payload");
  const auto framed = unframe_log_entry(ShardId{3}, LogIndex{42}, bytes);
  ASSERT_TRUE(framed.ok());
  EXPECT_EQ(framed->payload, "payload");
  EXPECT_EQ(framed->term.value, 7u);
}

TEST(LogFrame, AnyFlippedBitIsRefused) {
  const auto bytes = frame_log_entry(kPlace, "payload");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      auto bad = bytes;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_EQ(unframe_log_entry(ShardId{3}, LogIndex{42}, bad).error().code, Errc::corrupt) << i;
    }
  }
}

TEST(LogFrame, ATornEntryIsRefused) {
  const auto bytes = frame_log_entry(kPlace, "payload");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(unframe_log_entry(ShardId{3}, LogIndex{42}, bytes.substr(0, size)).ok()) << size;
  }
}

TEST(LogFrame, AnEntryInAnotherPlaceIsRefusedAndNamed) {
  const auto bytes = frame_log_entry(kPlace, "payload");
  EXPECT_EQ(unframe_log_entry(ShardId{4}, LogIndex{42}, bytes).error().code, Errc::corrupt);
  const auto moved = unframe_log_entry(ShardId{3}, LogIndex{43}, bytes);
  ASSERT_FALSE(moved.ok());
  EXPECT_EQ(moved.error().message, "log entry 43 of shard 3: entry 42 of shard 3 lies in its place");
}

}  // namespace
}  // namespace parley::schemas
