// Polling bodies that are refused, and that large ones cost their length.

#include "core/random.h"
#include "net/socketio/engine_packet.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace parley::net::socketio {
namespace {

constexpr std::size_t kPacketsMax = 64;
using namespace std::string_literals;

void expect_refused(const std::vector<std::string>& bodies, EngineVersion version, bool binary_body = false) {
  for (const auto& body : bodies) {
    const auto packets = decode_engine_payload(body, version, binary_body, kPacketsMax);
    ASSERT_FALSE(packets) << ::testing::PrintToString(body);
    EXPECT_EQ(packets.error().code, Errc::bad_frame);
  }
}

TEST(Payload4, RefusesWhatIsNotTheForm) {
  expect_refused({"", "\x1E", "40\x1E",
                  "\x1E"
                  "40",
                  "40\x1E\x1E"
                  "2",
                  "7", "x", "bAQI*", "b-_-_", "bA", "bAQ=", "bAQID=", "4\xC3", "4\xED\xA0\x80",
                  "40\x1E"
                  "7"},
                 EngineVersion::v4);
  expect_refused({"40",
                  "\x00\x02\xFF"
                  "40"s},
                 EngineVersion::v4, true);
}

TEST(Payload3, RefusesWhatIsNotTheForm) {
  expect_refused({"",
                  ":",
                  ":40",
                  "0:",
                  "2",
                  "40",
                  "2:4",
                  "2:40x",
                  "2:402",
                  "2:402:",
                  "3:40",
                  "1:40",
                  "-1:4",
                  "+2:40",
                  " 2:40",
                  "2 :40",
                  "2.0:40",
                  "0x2:40",
                  "1e0:4",
                  "99999999999999999999:40",
                  "18446744073709551617:4",
                  "4294967298:40",
                  "00000000002:40",
                  "1:7",
                  "1:x",
                  "1:b",
                  "2:b2",
                  "6:b2AQID",
                  "4:b4AQ=",
                  "6:b4AQI*",
                  "2:4\xC3",
                  "2:4\xED\xA0\x80",
                  "2:40\x1E"
                  "2:40"},
                 EngineVersion::v3);
}

TEST(Payload3, RefusesALengthThatCutsACharacter) {
  // `4`, then a character of two units: lengths 1 and 3 end on characters, 2 does not.
  expect_refused({"2:4😀", "2:4😀1:2", "4:4😀"}, EngineVersion::v3);
  EXPECT_EQ(decode_engine_payload("3:4😀", EngineVersion::v3, false, 1)->front().data, "😀");
  EXPECT_EQ(decode_engine_payload("2:4€", EngineVersion::v3, false, 1)->front().data, "€");
  expect_refused({"4:4€", "3:4ä"}, EngineVersion::v3);  // counted in bytes
}

TEST(Payload3, RefusesWhatIsNotTheBinaryForm) {
  expect_refused({""s,
                  "\0"s,
                  "\1"s,
                  "\2\1\xFF"
                  "2"s,  // neither text nor binary
                  "2:40"s,
                  "\0\xFF"
                  "2"s,  // no digits
                  "\0\0\xFF"s,
                  "\1\0\xFF"s,  // an empty packet
                  "\0\1"
                  "2"s,  // no end of the digits
                  "\0\2\xFF"
                  "2"s,  // shorter than it says
                  "\0\1\xFF"
                  "22"s,  // something follows
                  "\0\x0A\xFF"
                  "2"s,  // not a digit
                  "\0"
                  "1\xFF"
                  "2"s,
                  "\0\0\0\0\0\0\0\0\0\0\0\1\xFF"
                  "2"s,  // too many digits
                  "\0\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xFF"
                  "2"s,
                  "\0\1\xFF"
                  "7"s,  // unknown types
                  "\1\1\xFF\2"s,
                  "\1\1\xFF"
                  "4"s,
                  "\0\2\xFF"
                  "4\xC3"s,  // not UTF-8
                  "\0\4\xFF"
                  "b4A="s},
                 EngineVersion::v3, true);
}

TEST(Payload3, ReadsTextAndBase64InTheBinaryForm) {
  const auto body =  // the packets are views of it
      "\0\x06\xFF"
      "b4AQID\0\0\1\xFF"
      "2\1\2\xFF\4\xFF"s;
  const auto packets = decode_engine_payload(body, EngineVersion::v3, true, 3);
  ASSERT_TRUE(packets) << packets.error().message;
  ASSERT_EQ(packets->size(), 3U);
  EXPECT_TRUE(packets->at(0).binary);
  EXPECT_EQ(packets->at(0).data, "\1\2\3");
  EXPECT_EQ(packets->at(1).type, EngineType::ping) << "leading zeros do no harm";
  EXPECT_EQ(packets->at(2).data, "\xFF");
}

TEST(Payload, HoldsAtMostSoManyPackets) {
  const auto repeated = [](std::string_view one, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out.append(one);
    return out;
  };
  const struct {
    std::string_view one;
    EngineVersion version;
    bool binary_body;
  } forms[] = {{"2\x1E", EngineVersion::v4, false},
               {"1:2", EngineVersion::v3, false},
               {std::string_view("\0\1\xFF"
                                 "2",
                                 4),
                EngineVersion::v3, true}};
  for (const auto& form : forms) {
    auto body = repeated(form.one, kPacketsMax);
    if (form.version == EngineVersion::v4) body.pop_back();
    EXPECT_TRUE(decode_engine_payload(body, form.version, form.binary_body, kPacketsMax));
    EXPECT_FALSE(decode_engine_payload(body, form.version, form.binary_body, kPacketsMax - 1));
    EXPECT_FALSE(decode_engine_payload(body, form.version, form.binary_body, 0));
    // Were each packet to cost the whole body, this would not end before ctest's patience does.
    constexpr std::size_t kMany = 500'000;
    body = repeated(form.one, kMany);
    if (form.version == EngineVersion::v4) body.pop_back();
    const auto packets = decode_engine_payload(body, form.version, form.binary_body, kMany);
    ASSERT_TRUE(packets);
    EXPECT_EQ(packets->size(), kMany);
  }
}

// Text as applications send it: ASCII and characters of two, three and four bytes; no control characters.
std::string random_text(Random& random) {
  static const std::vector<std::string> kCharacters = {"a", "7", ":", "b", "\"", "\\",
                                                       "n", " ", "é", "€", "😀",  "\u2028"};
  std::string out;
  for (auto left = random.below(40); left > 0; --left) out.append(kCharacters[random.below(kCharacters.size())]);
  return out;
}

std::string random_bytes(Random& random) {
  std::string out;
  for (auto left = random.below(40); left > 0; --left) out.push_back(static_cast<char>(random.next()));
  return out;
}

void round_trip(std::uint64_t seed) {
  SeededRandom random(seed);
  for (int i = 0; i < 50; ++i) {
    std::vector<OutPacket> out;
    std::vector<EnginePacket> expected;
    for (auto left = 1 + random.below(8); left > 0; --left) {
      if (random.below(3) == 0) {
        out.push_back({.binary = true, .text = random_bytes(random), .skip = 0});
        expected.push_back({.type = EngineType::message, .binary = true, .data = {}, .holder = nullptr});
        expected.back().holder = make_bytes(std::string(out.back().view()));
      } else {
        const auto type = random.below(7);
        const auto packet = std::to_string(type) + random_text(random);
        out.push_back({.binary = false, .text = make_bytes("head" + packet), .skip = 4});
        expected.push_back({.type = static_cast<EngineType>(type), .binary = false, .data = {}, .holder = nullptr});
        expected.back().holder = make_bytes(packet.substr(1));
      }
    }
    for (const auto version : {EngineVersion::v3, EngineVersion::v4}) {
      for (const bool base64_only : {false, true}) {
        const auto payload = encode_engine_payload(out, version, base64_only);
        ASSERT_FALSE(payload.binary_body && (base64_only || version == EngineVersion::v4));
        const auto back = decode_engine_payload(payload.body, version, payload.binary_body, out.size());
        ASSERT_TRUE(back) << back.error().message << " in " << payload.body;
        ASSERT_EQ(back->size(), expected.size());
        for (std::size_t n = 0; n < expected.size(); ++n) {
          ASSERT_EQ(back->at(n).type, expected[n].type);
          ASSERT_EQ(back->at(n).binary, expected[n].binary);
          ASSERT_EQ(back->at(n).data, *expected[n].holder);
        }
      }
    }
  }
}

TEST(Payload, RandomPacketsComeBack) {
  const auto* given = std::getenv("PARLEY_SEED");
  const auto first = given != nullptr ? std::strtoull(given, nullptr, 10) : OsRandom().next() >> 1;
  for (auto seed = first; seed < first + (given != nullptr ? 1 : 20); ++seed) {
    SCOPED_TRACE("PARLEY_SEED=" + std::to_string(seed));
    round_trip(seed);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace parley::net::socketio
