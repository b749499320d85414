// Frames in pieces of any size: what was put in comes out, and what is no frame is an error, with little held.
#include "cluster/caf_transport/framing.h"
#include "core/random.h"

#include <gtest/gtest.h>

namespace parley::cluster {
namespace {

struct Heard : FrameSink {
  bool on_frame(FrameKind kind, std::string_view payload) override {
    log.push_back(fmt::format("{}:{}", static_cast<int>(kind), payload));
    if (kind == FrameKind::accept && framing != nullptr) framing->introduced();
    return !stop;
  }
  bool on_message(Lane lane, std::string message) override {
    log.push_back(fmt::format("{}:{}", lane == Lane::ahead ? "ahead" : "work", message));
    return !stop;
  }
  std::vector<std::string> log;
  Framing* framing = nullptr;
  bool stop = false;
};

std::string frame(FrameKind kind, std::string_view payload, std::uint8_t flags = 0) {
  std::string bytes;
  append_frame(bytes, kind, payload, flags);
  return bytes;
}
using Said = std::vector<std::string>;

std::string conversation() {
  std::string receipt;
  append_received(receipt, 77);
  return frame(FrameKind::hello, "it is me") + frame(FrameKind::accept, "") + frame(FrameKind::work, "lo") +
         frame(FrameKind::ahead, "vo") + frame(FrameKind::heartbeat, "") +
         frame(FrameKind::ahead, "te", kLastOfMessage) + receipt + frame(FrameKind::work, "ng", kLastOfMessage) +
         frame(FrameKind::work, "", kLastOfMessage);
}

TEST(Framing, WhateverThePiecesTheSameComesOut) {
  SeededRandom random(11);
  const auto bytes = conversation();
  Said all;
  for (int round = 0; round < 200; ++round) {
    Framing framing{LinkLimits{}};
    Heard heard;
    heard.framing = &framing;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto count = round == 0 ? bytes.size() : 1 + random.below(round == 1 ? 1 : 12);
      ASSERT_TRUE(framing.feed(std::string_view(bytes).substr(at, count), heard).ok());
      at += count;
    }
    if (round == 0) all = heard.log;
    ASSERT_EQ(heard.log, all);
    EXPECT_EQ(framing.take_work_bytes(), 3 * kFrameHeaderBytes + 4);
  }
  ASSERT_EQ(all.size(), 7U);
  EXPECT_EQ(all[2], "4:");
  EXPECT_EQ(all[3], "ahead:vote");
  EXPECT_EQ(all[5], "work:long");
  EXPECT_EQ(all[6], "work:");
}

struct Bad {
  const char* what;
  std::string bytes;
  bool introduced;
};

TEST(Framing, WhatIsNoFrameIsAnError) {
  const std::string huge("\xff\xff\xff\xff", 4);
  const std::vector<Bad> all{
      {"garbage", "GET / HTTP/1.1\r\n\r\n", false},
      {"unknown kind 0", std::string(8, '\0'), true},
      {"unknown kind", frame(static_cast<FrameKind>(8), ""), true},
      {"unknown flag", frame(FrameKind::work, "x", 2), true},
      {"flag where there is none", frame(FrameKind::heartbeat, "", 1), true},
      {"reserved bytes", std::string("\0\0\0\0\x04\0\0\x01", 8), true},
      {"a message before the hello", frame(FrameKind::work, "x", 1), false},
      {"a heartbeat before the hello", frame(FrameKind::heartbeat, ""), false},
      {"a hello after it", frame(FrameKind::hello, "x"), true},
      {"an accept after it", frame(FrameKind::accept, ""), true},
      {"a huge hello", huge + std::string("\x01\0\0\0", 4), false},
      {"a huge message", huge + std::string("\x06\x01\0\0", 4), true},
      {"a frame just too long", frame(FrameKind::work, std::string(LinkLimits{}.frame_bytes_max - 7, 'x'), 1), true},
      {"a hello just too long", frame(FrameKind::hello, std::string(LinkLimits{}.hello_bytes_max + 1, 'x')), false},
      {"an empty part", frame(FrameKind::work, ""), true},
  };
  for (const auto& one : all) {
    Framing framing{LinkLimits{}};
    if (one.introduced) framing.introduced();
    Heard heard;
    EXPECT_FALSE(framing.feed(one.bytes, heard).ok()) << one.what;
    EXPECT_TRUE(framing.feed(frame(FrameKind::heartbeat, ""), heard).ok()) << one.what;
    EXPECT_EQ(heard.log, Said{}) << "nothing after it counts: " << one.what;
    EXPECT_LT(framing.held_bytes(), 4'096U) << one.what;
  }
}

TEST(Framing, AMessageHasAnEnd) {
  Framing framing(LinkLimits{}, 1'000);
  framing.introduced();
  Heard heard;
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(framing.feed(frame(FrameKind::work, std::string(500, 'x')), heard).ok());
  EXPECT_FALSE(framing.feed(frame(FrameKind::work, "x", kLastOfMessage), heard).ok());
  EXPECT_EQ(heard.log, Said{});
}

TEST(Framing, ASinkThatHadEnoughGetsNoMore) {
  Framing framing{LinkLimits{}};
  framing.introduced();
  Heard heard;
  heard.stop = true;
  ASSERT_TRUE(framing.feed(frame(FrameKind::heartbeat, "") + frame(FrameKind::heartbeat, ""), heard).ok());
  EXPECT_EQ(heard.log.size(), 1U);
}

TEST(Framing, AReceiptHasItsSize) {
  std::string bytes;
  append_received(bytes, 0x0123456789abcdef);
  EXPECT_EQ(*read_received(std::string_view(bytes).substr(kFrameHeaderBytes)), 0x0123456789abcdefU);
  EXPECT_FALSE(read_received("1234567").ok());
}

}  // namespace
}  // namespace parley::cluster
