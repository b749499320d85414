// The packets of Engine.IO 4 and 3, with the field's own samples.

#include "net/socketio/engine_packet.h"

#include <gtest/gtest.h>

namespace parley::net::socketio {
namespace {

constexpr std::size_t kPacketsMax = 64;

OutPacket text(std::string packet) { return {.binary = false, .text = std::move(packet), .skip = 0}; }
OutPacket binary(std::string data) { return {.binary = true, .text = std::move(data), .skip = 0}; }

// A packet as one line: `4|data`, binary with a `b` before it.
std::string line_of(const EnginePacket& packet) {
  return (packet.binary ? "b" : "") + std::to_string(static_cast<int>(packet.type)) + "|" + std::string(packet.data);
}

std::vector<std::string> lines_of(std::string_view body, EngineVersion version, bool binary_body = false) {
  const auto packets = decode_engine_payload(body, version, binary_body, kPacketsMax);
  if (!packets) return {"refused: " + packets.error().message};
  std::vector<std::string> lines;
  for (const auto& packet : *packets) lines.push_back(line_of(packet));
  return lines;
}

using Lines = std::vector<std::string>;

const std::string kOpen4 =
    R"(0{"sid":"D-CClc9X7iockRyFAAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000})";
const std::string kHeader = R"(451-["bin",{"_placeholder":true,"num":0}])";
const std::string kBytes123("\x01\x02\x03", 3);
const std::string kBytes1234("\x01\x02\x03\x04", 4);

std::string from_hex(std::string_view hex) {
  std::string out;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ' || c == '\n') continue;
    digits.push_back(c);
    if (digits.size() == 2) {
      out.push_back(static_cast<char>(std::stoi(digits, nullptr, 16)));
      digits.clear();
    }
  }
  return out;
}

// Pong, an event with characters of two and three bytes, and a binary event, as the reference server writes them.
const std::string kBinaryBody = from_hex(R"(
00 01 ff 33
00 01 06 ff 34 32 5b 22 68 c3 a9 79 22 2c 22 e2 82 ac 22 5d
00 04 01 ff 34 35 31 2d 5b 22 62 69 6e 22 2c 7b 22 5f 70 6c 61 63 65 68 6f 6c 64 65 72 22 3a 74 72 75 65 2c 22 6e 75 6d 22 3a 30 7d 5d
01 04 ff 04 01 02 03)");

TEST(EngineText, ReadsEachTypeAndItsData) {
  for (int type = 0; type <= 6; ++type) {
    const auto frame = std::to_string(type) + "probe";
    const auto packet = decode_engine_text(frame);
    ASSERT_TRUE(packet) << frame;
    EXPECT_EQ(static_cast<int>(packet->type), type);
    EXPECT_EQ(packet->data, "probe");
    EXPECT_EQ(packet->data.data(), frame.data() + 1);
    EXPECT_FALSE(packet->binary);
    EXPECT_EQ(decode_engine_text(frame.substr(0, 1))->data, "");
  }
  EXPECT_EQ(line_of(*decode_engine_text(kOpen4)), "0|" + kOpen4.substr(1));
}

TEST(EngineText, RefusesNothingAndUnknownTypes) {
  for (const std::string_view frame : {"", "7", "9x", "a", "b", "bAQID", " 4", "-1", "\xFF"}) {
    const auto packet = decode_engine_text(frame);
    ASSERT_FALSE(packet) << frame;
    EXPECT_EQ(packet.error().code, Errc::bad_frame);
  }
  EXPECT_FALSE(decode_engine_text(std::string_view("\0", 1)));
}

TEST(EngineText, ReadsBase64WhereTheClientMayForceIt) {
  EXPECT_EQ(line_of(*decode_engine_text("bAQID", EngineVersion::v4)), "b4|" + kBytes123);
  EXPECT_EQ(line_of(*decode_engine_text("b4AQID", EngineVersion::v3)), "b4|" + kBytes123);
  EXPECT_EQ(line_of(*decode_engine_text("b", EngineVersion::v4)), "b4|");
  EXPECT_EQ(line_of(*decode_engine_text("b4", EngineVersion::v3)), "b4|");
  EXPECT_FALSE(decode_engine_text("b", EngineVersion::v3));
  EXPECT_FALSE(decode_engine_text("b2AQID", EngineVersion::v3));
  EXPECT_FALSE(decode_engine_text("bAQI*", EngineVersion::v4));
  EXPECT_EQ(encode_engine_base64(kBytes123, EngineVersion::v4), "bAQID");
  EXPECT_EQ(encode_engine_base64(kBytes123, EngineVersion::v3), "b4AQID");
}

TEST(EngineText, BytesStayWhereTheyAreWhenThePacketMoves) {
  auto packet = std::move(*decode_engine_text("bAQID", EngineVersion::v4));  // short enough to live inside a string
  std::vector<EnginePacket> packets;
  for (int i = 0; i < 10; ++i) packets.push_back(packet);
  const auto moved = std::move(packets.front());
  packets.clear();
  packet = {};
  EXPECT_EQ(moved.data, kBytes123);
}

TEST(EngineBinary, HasATypeByteInProtocol3Alone) {
  EXPECT_EQ(line_of(*decode_engine_binary(kBytes123, EngineVersion::v4)), "b4|" + kBytes123);
  EXPECT_EQ(line_of(*decode_engine_binary("", EngineVersion::v4)), "b4|");
  EXPECT_EQ(line_of(*decode_engine_binary("\x04" + kBytes123, EngineVersion::v3)), "b4|" + kBytes123);
  EXPECT_EQ(line_of(*decode_engine_binary("\x04", EngineVersion::v3)), "b4|");
  EXPECT_FALSE(decode_engine_binary("", EngineVersion::v3));
  EXPECT_FALSE(decode_engine_binary("\x02x", EngineVersion::v3));
  EXPECT_FALSE(decode_engine_binary("4x", EngineVersion::v3));
  EXPECT_EQ(encode_engine_binary(kBytes123, EngineVersion::v4), kBytes123);
  EXPECT_EQ(encode_engine_binary(kBytes123, EngineVersion::v3), "\x04" + kBytes123);
}

TEST(OutPacketTest, ViewSkipsWhatStandsBeforeThePacket) {
  EXPECT_EQ((OutPacket{.binary = false,
                       .text = make_bytes("\x81\x03"
                                          "40x"),
                       .skip = 2}
                 .view()),
            "40x");
  EXPECT_EQ((OutPacket{.binary = false, .text = make_bytes("40"), .skip = 3}.view()), "");
  EXPECT_EQ((OutPacket{.binary = false, .text = Bytes{}, .skip = 0}.view()), "");
  EXPECT_EQ(text("40").view(), "40");
}

TEST(Payload4, ReadsTheSamples) {
  EXPECT_EQ(lines_of(kOpen4, EngineVersion::v4), Lines{"0|" + kOpen4.substr(1)});
  EXPECT_EQ(lines_of(R"(40{"token":"t"})", EngineVersion::v4), Lines{R"(4|0{"token":"t"})"});
  EXPECT_EQ(lines_of("420[\"ping-me\",5]\x1E"
                     "42[\"go\"]\x1E" +
                         kHeader +
                         "\x1E"
                         "bAQIDBA==",
                     EngineVersion::v4),
            (Lines{R"(4|20["ping-me",5])", R"(4|2["go"])", "4|" + kHeader.substr(1), "b4|" + kBytes1234}));
  EXPECT_EQ(lines_of("1", EngineVersion::v4), Lines{"1|"});
}

TEST(Payload4, WritesTheSamples) {
  const auto payload = encode_engine_payload(
      {text(R"(430["pong",5])"), text(R"(42["foo",1])"), text(kHeader), binary(kBytes1234)}, EngineVersion::v4, false);
  EXPECT_EQ(payload.body,
            "430[\"pong\",5]\x1E"
            "42[\"foo\",1]\x1E" +
                kHeader +
                "\x1E"
                "bAQIDBA==");
  EXPECT_FALSE(payload.binary_body);
  EXPECT_EQ(encode_engine_payload({text("42[]"), text("1")}, EngineVersion::v4, true).body,
            "42[]\x1E"
            "1");
  EXPECT_EQ(encode_engine_payload({}, EngineVersion::v4, false).body, "6");
}

TEST(Payload3, ReadsTheSamples) {
  EXPECT_EQ(lines_of("2:40", EngineVersion::v3), Lines{"4|0"});
  EXPECT_EQ(lines_of("118:" + kOpen4 + "2:40", EngineVersion::v3), (Lines{"0|" + kOpen4.substr(1), "4|0"}));
  EXPECT_EQ(lines_of(R"(13:42["héy","€"])", EngineVersion::v3), Lines{R"(4|2["héy","€"])"});
  EXPECT_EQ(lines_of("6:b4AQID1:2", EngineVersion::v3), (Lines{"b4|" + kBytes123, "2|"}));
  EXPECT_EQ(lines_of(R"(8:42["😀"]1:3)", EngineVersion::v3), (Lines{R"(4|2["😀"])", "3|"})) << "two units, four bytes";
}

TEST(Payload3, WritesTheSamples) {
  EXPECT_EQ(encode_engine_payload({text(kOpen4), text("40")}, EngineVersion::v3, false).body, "118:" + kOpen4 + "2:40");
  EXPECT_EQ(encode_engine_payload({text(R"(42["héy","€"])")}, EngineVersion::v3, false).body, R"(13:42["héy","€"])");
  EXPECT_EQ(encode_engine_payload({text(R"(42["😀"])")}, EngineVersion::v3, false).body, R"(8:42["😀"])");
  const auto base64 = encode_engine_payload({text("3"), binary(kBytes123)}, EngineVersion::v3, true);
  EXPECT_EQ(base64.body, "1:36:b4AQID");
  EXPECT_FALSE(base64.binary_body);
  EXPECT_EQ(encode_engine_payload({}, EngineVersion::v3, false).body, "1:6");
}

TEST(Payload3, ReadsAndWritesTheBinarySample) {
  EXPECT_EQ(lines_of(kBinaryBody, EngineVersion::v3, true),
            (Lines{"3|", R"(4|2["héy","€"])", "4|" + kHeader.substr(1), "b4|" + kBytes123}));
  const auto payload = encode_engine_payload({text("3"), text(R"(42["héy","€"])"), text(kHeader), binary(kBytes123)},
                                             EngineVersion::v3, false);
  EXPECT_EQ(payload.body, kBinaryBody);
  EXPECT_TRUE(payload.binary_body);
  EXPECT_FALSE(encode_engine_payload({text("3")}, EngineVersion::v3, false).binary_body);
}

}  // namespace
}  // namespace parley::net::socketio
