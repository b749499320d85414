// Frames as the commands read them: whatever the node passes on.

#include "server/commands/pusher_connection.h"

#include <gtest/gtest.h>

namespace parley::server {
namespace {

TEST(PusherFrame, IsReadHoweverDeepItsDataIs) {
  const auto data = std::string(1'000, '[') + std::string(1'000, ']');
  const auto frame = decode_pusher_frame(R"({"event":"client-a","channel":"private-a","data":)" + data + "}");
  ASSERT_TRUE(frame) << frame.error().message;
  EXPECT_EQ(frame->event, "client-a");
  EXPECT_EQ(frame->data, data);
}

TEST(PusherFrame, HalfOfASurrogatePairInItsDataIsNoError) {
  const auto json = decode_pusher_frame(R"({"event":"client-a","channel":"private-a","data":{"x":"\ud83d"}})");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->data, R"({"x":"\ud83d"})");
  const auto text = decode_pusher_frame(R"({"event":"a","channel":"private-a","data":"\ud83d"})");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->data, "\uFFFD") << "for people's eyes";
}

}  // namespace
}  // namespace parley::server
