// What one answer to a poll carries for clients that take few packets at once.

#include "net/socketio/engine.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <string>
#include <vector>

namespace parley::net::socketio {
namespace {

struct Wire final : EngineOut, EngineClient {
  std::vector<std::string> answers;
  std::vector<std::string> texts;
  bool ended = false;
  EngineEnd why{};

  void answer_poll(EngineAnswer answer) override { answers.push_back(std::move(answer.body)); }
  void send_text(bool, std::string_view packet) override { texts.emplace_back(packet); }
  void send_binary(std::string_view) override {}
  void send_frame(const Bytes&) override {}
  void close_websocket(bool) override {}
  void flush_later() override {}
  void on_engine_open(MonoTime) override {}
  void on_message(std::string_view, MonoTime) override {}
  void on_binary_message(std::string_view, MonoTime) override {}
  void on_engine_end(EngineEnd end, MonoTime) override {
    ended = true;
    why = end;
  }
};

struct PollsOfFewPackets : ::testing::Test {
  Wire wire;
  MonoTime now{};
  PollForm form{.packets_max = 16};
  EngineSettings settings;
  std::unique_ptr<Engine> engine;

  void open(EngineVersion version = EngineVersion::v4) {
    engine = std::make_unique<Engine>(settings, version, "sid", wire, wire);
    engine->open_polling(form, now);
  }
  void say(int count, std::string_view text = "4m") {
    for (int i = 0; i < count; ++i) engine->send(text);
  }
  // The packets of the next answer; 0: none came.
  std::size_t poll() {
    EngineAnswer refused;
    const auto before = wire.answers.size();
    if (!engine->poll(form, now, refused)) return 0;
    engine->flush(now);
    if (wire.answers.size() == before) return 0;
    const auto packets = decode_engine_payload(wire.answers.back(), engine->version(), false, 100'000);
    return packets ? packets->size() : 0;
  }
};

TEST_F(PollsOfFewPackets, GetSixteenAndTheRestLater) {
  open();
  say(40);
  EXPECT_EQ(poll(), 16U);
  EXPECT_GT(engine->queue_bytes(), 0U);
  EXPECT_EQ(poll(), 16U);
  EXPECT_EQ(poll(), 8U);
  EXPECT_EQ(engine->queue_bytes(), 0U);
}

TEST_F(PollsOfFewPackets, OthersGetAll) {
  form.packets_max = 0;
  open();
  say(40);
  EXPECT_EQ(poll(), 40U);
}

TEST_F(PollsOfFewPackets, KeepTheOrderHoweverMuchWaits) {
  open();
  for (int i = 0; i < 3'000; ++i) engine->send(fmt::format("4{}", i));
  int next = 0;
  while (engine->queue_bytes() > 0) {
    ASSERT_GT(poll(), 0U);
    const auto packets = decode_engine_payload(wire.answers.back(), EngineVersion::v4, false, 100);
    ASSERT_TRUE(packets);
    for (const auto& packet : *packets) EXPECT_EQ(packet.data, std::to_string(next++));
  }
  EXPECT_EQ(next, 3'000);
}

TEST_F(PollsOfFewPackets, HearTheLastWordsToo) {
  open();
  say(20);
  engine->close(EngineEnd::closed_by_us, now);
  EXPECT_EQ(poll(), 16U);
  EXPECT_FALSE(engine->over());
  EXPECT_EQ(poll(), 5U);
  EXPECT_TRUE(
      wire.answers.back().ends_with("\x1E"
                                    "1"));
  EXPECT_TRUE(engine->over());
}

TEST_F(PollsOfFewPackets, TakeTheRestToTheWebSocket) {
  open();
  say(40);
  EXPECT_EQ(poll(), 16U);
  ASSERT_TRUE(engine->begin_upgrade(now));
  engine->on_frame(true, true, "2probe", now);
  engine->on_frame(true, true, "5", now);
  wire.texts.clear();
  engine->send_waiting();
  EXPECT_EQ(wire.texts.size(), 24U);
  EXPECT_EQ(engine->queue_bytes(), 0U);
}

TEST_F(PollsOfFewPackets, EndBehindACharacterThatPython3CountsInAnotherWay) {
  open(EngineVersion::v3);
  say(2, "4plain");
  say(1, "4\xF0\x9F\x8E\x89");
  say(2, "4plain");
  EXPECT_EQ(poll(), 3U);
  EXPECT_EQ(poll(), 2U);
}

TEST_F(PollsOfFewPackets, OnePacketBeyondTheBoundMayBeAloneAlsoBehindAnother) {
  settings.queue_bytes_max = 1'000;
  form.packets_max = 1;
  open();
  const auto large = "4" + std::string(1'500, 'x');
  engine->send(large);
  engine->send(large);
  EXPECT_EQ(poll(), 1U);
  engine->flush(now);
  EXPECT_FALSE(wire.ended);
  EXPECT_EQ(poll(), 1U);
}

}  // namespace
}  // namespace parley::net::socketio
