// Socket.IO packets in: the field's samples, and what is refused.

#include "net/socketio/packet.h"

#include <gtest/gtest.h>

namespace parley::net::socketio {
namespace {

constexpr std::size_t kDepthMax = 32;

TEST(DecodePacket, ReadsTheSamples) {
  struct Sample {
    std::string_view message;
    PacketType type;
    std::string_view nsp;
    std::optional<std::uint64_t> ack;
    std::string_view payload;
    std::size_t attachments = 0;
  };
  for (const auto& sample : std::vector<Sample>{
           {R"(0{"token":"t"})", PacketType::connect, "/", {}, R"({"token":"t"})"},
           {R"(0/admin,{"token":"t"})", PacketType::connect, "/admin", {}, R"({"token":"t"})"},
           {"0", PacketType::connect, "/", {}, ""},
           {"0/admin", PacketType::connect, "/admin", {}, ""},
           {"0/admin,", PacketType::connect, "/admin", {}, ""},
           {"1", PacketType::disconnect, "/", {}, ""},
           {"1/admin,", PacketType::disconnect, "/admin", {}, ""},
           {"1/admin", PacketType::disconnect, "/admin", {}, ""},
           {R"(2["message.sent","private-domain.7",{"id":1}])",
            PacketType::event,
            "/",
            {},
            R"(["message.sent","private-domain.7",{"id":1}])"},
           {R"(2/admin,["x"])", PacketType::event, "/admin", {}, R"(["x"])"},
           {R"(2/,["x"])", PacketType::event, "/", {}, R"(["x"])"},
           {R"(20["ping-me",5])", PacketType::event, "/", 0, R"(["ping-me",5])"},
           {R"(2/admin,18446744073709551613["x"])", PacketType::event, "/admin", 18446744073709551613U, R"(["x"])"},
           {R"(2[1,2])", PacketType::event, "/", {}, "[1,2]"},
           {R"(30["pong",5])", PacketType::ack, "/", 0, R"(["pong",5])"},
           {R"(3/admin,12["ok"])", PacketType::ack, "/admin", 12, R"(["ok"])"},
           {R"(312[])", PacketType::ack, "/", 12, "[]"},
           {R"(51-["bin",{"_placeholder":true,"num":0}])",
            PacketType::binary_event,
            "/",
            {},
            R"(["bin",{"_placeholder":true,"num":0}])",
            1},
           {R"(61-7[{"_placeholder":true,"num":0}])", PacketType::binary_ack, "/", 7,
            R"([{"_placeholder":true,"num":0}])", 1},
           {R"(510-/a,3["b"])", PacketType::binary_event, "/a", 3, R"(["b"])", 10},
           {"2 \t[\"x\" , 1.10]\n", PacketType::event, "/", {}, R"(["x" , 1.10])"},
       }) {
    const auto packet = decode_packet(sample.message, kDepthMax);
    ASSERT_TRUE(packet) << sample.message << ": " << packet.error().message;
    EXPECT_EQ(packet->type, sample.type) << sample.message;
    EXPECT_EQ(packet->nsp, sample.nsp) << sample.message;
    EXPECT_EQ(packet->ack, sample.ack) << sample.message;
    EXPECT_EQ(packet->payload, sample.payload) << sample.message;
    EXPECT_EQ(packet->attachments, sample.attachments) << sample.message;
  }
}

TEST(DecodePacket, CutsANamespacesQuery) {
  const auto packet = decode_packet("0/admin?token=x&y=%2C", kDepthMax);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->nsp, "/admin");
  EXPECT_EQ(packet->nsp_query, "token=x&y=%2C");
  EXPECT_EQ(decode_packet(R"(2/admin?x=1,["e"])", kDepthMax)->nsp, "/admin");
  EXPECT_EQ(decode_packet(R"(0/?x=1,{})", kDepthMax)->nsp, "/");
  EXPECT_EQ(decode_packet(R"(0/a??,{})", kDepthMax)->nsp_query, "?");
}

TEST(DecodePacket, RefusesWhatIsNotAPacket) {
  for (const std::string_view message : {
           // types
           "",
           "7",
           "9[]",
           "a",
           "-",
           " 0",
           "\xFF",
           "4",
           R"(4{"message":"x"})",
           R"(4/admin,"x")",
           // connect and disconnect
           "0[]",
           "0null",
           R"(0"x")",
           "01",
           "05{}",
           "0{",
           "0{}{}",
           "0/a,[]",
           "0/admin{}x,1",
           "1{}",
           "1[]",
           "1/admin,{}",
           "13",
           "0 ",
           // events
           "2",
           "2/admin",
           "2/admin,",
           "212",
           "2{}",
           "2[]",
           "2null",
           R"(2["x")",
           R"(2["x"]])",
           R"(2["x"] x)",
           "2[null]",
           "2[true]",
           "2[[]]",
           R"(2[{"a":1}])",
           R"(2-1["x"])",
           R"(21-["x"])",
           R"(21.5["x"])",
           R"(2+1["x"])",
           R"(2/admin["x"])",
           R"(2admin,["x"])",
           // ack ids
           R"(218446744073709551615["x"])",
           R"(218446744073709551616["x"])",
           R"(299999999999999999999999999["x"])",
           R"(3["x"])",
           R"(3/admin,["x"])",
           "31",
           "31{}",
           R"(3-1["x"])",
           R"(31"x")",
           // attachments
           R"(5["x"])",
           R"(5-["x"])",
           R"(50-["x"])",
           R"(500-["x"])",
           R"(511-["x"])",
           R"(51000000-["x"])",
           R"(599999999999999999999999-["x"])",
           R"(5-1-["x"])",
           R"(51.5-["x"])",
           R"(51)",
           R"(51-)",
           R"(51 -["x"])",
           R"(51["x"])",
           R"(6["x"])",
           R"(61-["x"])",
           R"(6"1"-1[])",
           R"(51-/a)",
           // namespaces
           "0/\x01,",
           "0/a\x7F,",
           "0/a\n,{}",
           "0/\xC3,{}",
           "0/?\xFF,{}",
           // JSON
           "2[\"\xC3\"]",
           R"(2['x'])",
           R"(2["x",])",
           R"(2["x",NaN])",
           R"(2["x",01])",
       }) {
    const auto packet = decode_packet(message, kDepthMax);
    ASSERT_FALSE(packet) << message;
    EXPECT_EQ(packet.error().code, Errc::bad_frame) << message;
  }
  EXPECT_FALSE(decode_packet(std::string_view("0/a\0b,", 6), kDepthMax));
}

TEST(DecodePacket, RefusesReservedNamesHoweverTheyAreWritten) {
  for (const std::string name :
       {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}) {
    EXPECT_TRUE(is_reserved_event(name));
    EXPECT_FALSE(decode_packet("2[\"" + name + "\",\"x\"]", kDepthMax)) << name;
    EXPECT_FALSE(decode_packet("2 [ \"" + name + "\"]", kDepthMax)) << name;
    EXPECT_FALSE(decode_packet("51-7[\"" + name + "\"]", kDepthMax)) << name;
    EXPECT_TRUE(decode_packet("37[\"" + name + "\"]", kDepthMax)) << "of an ack the first item is no name";
    EXPECT_TRUE(decode_packet("2[\"" + name + " \"]", kDepthMax));
    EXPECT_TRUE(decode_packet("2[\"x\",\"" + name + "\"]", kDepthMax));
  }
  EXPECT_FALSE(decode_packet(R"(2["\u0063onnect"])", kDepthMax));
  EXPECT_TRUE(decode_packet(R"(2["Connect"])", kDepthMax));
  EXPECT_FALSE(is_reserved_event("connection"));
  EXPECT_FALSE(is_reserved_event(""));
}

TEST(DecodePacket, BoundsNamespaceAndDepth) {
  EXPECT_TRUE(decode_packet("0/" + std::string(kNamespaceCharsMax - 1, 'n'), kDepthMax));
  EXPECT_FALSE(decode_packet("0/" + std::string(kNamespaceCharsMax, 'n'), kDepthMax));
  EXPECT_TRUE(decode_packet("0/a?" + std::string(1'000, 'q') + ",", kDepthMax));
  const auto nested = [](std::size_t levels) {
    return "2[\"x\"," + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "]";
  };
  EXPECT_TRUE(decode_packet(nested(kDepthMax), kDepthMax));
  EXPECT_FALSE(decode_packet(nested(kDepthMax + 1), kDepthMax));
  EXPECT_FALSE(decode_packet(nested(1'000'000), kDepthMax));
}

TEST(DecodePacket, HandsOutTheBytesOfArguments) {
  const std::string_view message = R"(25["e", 1.10 ,{"b":1,"a":"\u00e4/\/"},[ ],null])";
  const auto packet = decode_packet(message, kDepthMax);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->payload.data(), message.data() + 2);
  EXPECT_EQ(arguments_of(packet->payload),
            (std::vector<std::string_view>{R"("e")", "1.10", R"({"b":1,"a":"\u00e4/\/"})", "[ ]", "null"}));
  EXPECT_TRUE(arguments_of("[]").empty());
}

}  // namespace
}  // namespace parley::net::socketio
