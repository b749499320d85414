#include "net/hub/outbox.h"

#include "net/socket/websocket_frame.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace parley::net {
namespace {

// `pieces` times the same letter, `bytes` each.
class Letters final : public TextSource {
 public:
  Letters(char letter, std::size_t pieces, std::size_t bytes) : letter_(letter), pieces_(pieces), bytes_(bytes) {}
  [[nodiscard]] std::size_t size() const override { return pieces_ * bytes_; }
  bool next(std::string& out) override {
    if (pieces_ > 0) out.append(bytes_, letter_);
    return pieces_ > 0 && --pieces_ > 0;
  }

 private:
  char letter_;
  std::size_t pieces_;
  std::size_t bytes_;
};

// What a socket would take that accepts `at_once` bytes at a time; the most that was in memory.
std::string drain(Outbox& outbox, std::size_t at_once, std::size_t* most = nullptr) {
  std::string out;
  while (!outbox.empty()) {
    struct iovec pieces[4];
    const int count = outbox.gather(pieces, 4);
    if (count == 0) break;
    std::string together;
    for (int i = 0; i < count; ++i) together.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
    if (most != nullptr) *most = std::max(*most, outbox.size());
    const auto taken = std::min(at_once, together.size());
    out.append(together, 0, taken);
    outbox.consume(taken);
  }
  EXPECT_EQ(outbox.size(), 0U);
  return out;
}

std::unique_ptr<TextSource> letters(char letter, std::size_t pieces, std::size_t bytes) {
  return std::make_unique<Letters>(letter, pieces, bytes);
}

TEST(Outbox, ALongFrameIsMadeWhileItGoesOutAndKeepsItsPlace) {
  for (const std::size_t at_once : {1UL, 7UL, 1'000UL, 1'000'000UL}) {
    Outbox outbox;
    outbox.append(std::string_view("before"));
    outbox.append("H", letters('a', 30, 100));
    outbox.append(make_bytes("between"));
    outbox.append("I", letters('b', 1, 10));
    outbox.append(std::string_view("after"));
    const auto expected = "beforeH" + std::string(3'000, 'a') + "betweenI" + std::string(10, 'b') + "after";
    EXPECT_EQ(drain(outbox, at_once), expected) << at_once;
    EXPECT_TRUE(outbox.empty());
  }
}

TEST(Outbox, ALongFrameAloneOrEmptyGoesOutToo) {
  Outbox outbox;
  outbox.append("H", letters('a', 3, 100'000));
  EXPECT_FALSE(outbox.empty());
  EXPECT_EQ(outbox.size(), 0U) << "nothing of it is in memory";
  EXPECT_EQ(drain(outbox, 1'000'000), "H" + std::string(300'000, 'a'));
  outbox.append("H", letters('a', 0, 0));
  outbox.append(make_bytes("after"));
  EXPECT_EQ(drain(outbox, 2), "Hafter");
}

TEST(Outbox, OfALongFrameAPieceIsInMemory) {
  Outbox outbox;
  for (int i = 0; i < 5; ++i) outbox.append("H", letters('a', 1'000, 4'096));
  std::size_t most = 0;
  EXPECT_EQ(drain(outbox, 10'000, &most).size(), 5U * (1 + 4'096'000));
  EXPECT_LE(most, 2 * Outbox::kPieceBytes);
}

TEST(Outbox, WhatIsBehindTheCurrentFrameCanBeDroppedButNotHalfOfALongOne) {
  Outbox outbox;
  std::string frames;
  append_frame(frames, Opcode::text, "one");
  append_frame(frames, Opcode::text, "two");
  outbox.append(std::string_view(frames));
  outbox.append("H", letters('a', 2, 100'000));
  struct iovec pieces[4];
  ASSERT_EQ(outbox.gather(pieces, 4), 1);
  outbox.consume(2);
  EXPECT_TRUE(outbox.keep_current_frame_only());
  EXPECT_EQ(drain(outbox, 100), "one");

  outbox.append("H", letters('a', 2, 100'000));
  ASSERT_EQ(outbox.gather(pieces, 4), 1);
  outbox.consume(2);
  EXPECT_FALSE(outbox.keep_current_frame_only());
}

}  // namespace
}  // namespace parley::net
