#include "net/socket/websocket_frame.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

TEST(Frame, HeadersGrowWithTheLength) {
  for (const std::size_t size : {0U, 125U, 126U, 65'535U, 65'536U}) {
    const Bytes frame = text_frame(std::string(size, 'x'));
    EXPECT_EQ(frame->size(), size + (size < 126 ? 2 : size < 65'536 ? 4 : 10));
    EXPECT_EQ(frame_end(*frame + *frame, 1), frame->size());
    EXPECT_EQ(frame_end(*frame + *frame, frame->size()), frame->size());
    EXPECT_EQ(frame_end(*frame + *frame, frame->size() + 1), 2 * frame->size());
  }
}

TEST(Frame, CloseReasonsAreCutBetweenCharacters) {
  std::string reason;
  while (reason.size() < 200) reason += "ä";
  std::string frame;
  append_close_frame(frame, 4200, reason);
  EXPECT_EQ(frame.size(), 2U + 2U + 122U);
}

}  // namespace
}  // namespace parley::net
