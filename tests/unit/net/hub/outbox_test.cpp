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

std::string all_of(Outbox& outbox, std::size_t step) {
  std::string out;
  while (!outbox.empty()) {
    struct iovec pieces[4];
    const int count = outbox.gather(pieces, 4);
    std::size_t left = step;
    std::size_t taken = 0;
    for (int i = 0; i < count && left > 0; ++i) {
      const std::size_t part = std::min(left, pieces[i].iov_len);
      out.append(static_cast<const char*>(pieces[i].iov_base), part);
      left -= part;
      taken += part;
    }
    EXPECT_GT(taken, 0U);
    outbox.consume(taken);
  }
  return out;
}

TEST(Outbox, SendsEverythingInOrderWhateverTheSteps) {
  for (const std::size_t step : {1U, 7U, 100U, 20'000U, 1'000'000U}) {
    Outbox outbox;
    std::string expected;
    const auto add = [&](std::size_t size, char c, bool shared) {
      const std::string text(size, c);
      expected += text;
      shared ? outbox.append(make_bytes(text)) : outbox.append(std::string_view(text));
    };
    add(10, 'a', true);
    add(10, 'b', true);
    add(30'000, 'c', true);
    add(10, 'd', false);
    add(20'000, 'e', true);
    for (int i = 0; i < 20; ++i) add(5'000, static_cast<char>('f' + i), i % 2 == 0);
    EXPECT_EQ(outbox.size(), expected.size());
    EXPECT_EQ(all_of(outbox, step), expected);
    EXPECT_TRUE(outbox.empty());
  }
}

TEST(Outbox, GrowsWhileItIsSent) {
  Outbox outbox;
  std::string expected;
  std::string out;
  for (int i = 0; i < 3'000; ++i) {
    const std::string text(static_cast<std::size_t>(i % 700 + 1), static_cast<char>('a' + i % 26));
    expected += text;
    outbox.append(make_bytes(text));
    struct iovec piece[1];
    ASSERT_EQ(outbox.gather(piece, 1), 1);
    const std::size_t part = std::min<std::size_t>(piece[0].iov_len, 150);
    out.append(static_cast<const char*>(piece[0].iov_base), part);
    outbox.consume(part);
  }
  out += all_of(outbox, 4'096);
  EXPECT_EQ(out, expected);
}

TEST(Outbox, KeepsOnlyTheFrameThatIsHalfOut) {
  Outbox outbox;
  for (int i = 0; i < 100; ++i) outbox.append(text_frame(std::string(100, static_cast<char>('a' + i % 26))));
  outbox.consume(3 * 102 + 40);  // inside the fourth frame
  outbox.keep_current_frame_only();
  EXPECT_EQ(outbox.size(), 62U);
  EXPECT_EQ(all_of(outbox, 10), std::string(62, 'd'));

  Outbox untouched;
  untouched.append(text_frame("one"));
  untouched.append(text_frame("two"));
  untouched.keep_current_frame_only();
  EXPECT_TRUE(untouched.empty());

  Outbox at_boundary;
  at_boundary.append(text_frame("one"));
  at_boundary.append(text_frame("two"));
  at_boundary.consume(5);
  at_boundary.keep_current_frame_only();
  EXPECT_TRUE(at_boundary.empty());
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
