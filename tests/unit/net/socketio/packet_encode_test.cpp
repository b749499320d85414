// Socket.IO packets out: as the reference server writes them.

#include "net/socketio/packet.h"

#include <gtest/gtest.h>

namespace parley::net::socketio {
namespace {

TEST(EncodePacket, WritesTheSamples) {
  EXPECT_EQ(encode_connect("/", "zj9GQSmHqqgGWSA9AAAG", ""), R"(40{"sid":"zj9GQSmHqqgGWSA9AAAG"})");
  EXPECT_EQ(encode_connect("/admin", "s", ""), R"(40/admin,{"sid":"s"})");
  EXPECT_EQ(encode_connect("/", "iycqdyO92l79kqRDAAAA", "rTlSrXBbOvJLMEk4AAAB"),
            R"(40{"sid":"iycqdyO92l79kqRDAAAA","pid":"rTlSrXBbOvJLMEk4AAAB"})");
  EXPECT_EQ(encode_connect_v3("/"), "40");
  EXPECT_EQ(encode_connect_v3("/admin"), "40/admin,");
  EXPECT_EQ(encode_connect_error("/", "Invalid namespace", ""), R"(44{"message":"Invalid namespace"})");
  EXPECT_EQ(encode_connect_error("/nope", "Invalid namespace", ""), R"(44/nope,{"message":"Invalid namespace"})");
  EXPECT_EQ(encode_connect_error("/admin", "denied", R"({"code":403})"),
            R"(44/admin,{"message":"denied","data":{"code":403}})");
  EXPECT_EQ(encode_connect_error("/admin", "message", "", true), R"(44/admin,"message")");
  EXPECT_EQ(encode_connect_error("/admin", "message", R"({"code":403})", true), R"(44/admin,{"code":403})");
  EXPECT_EQ(encode_disconnect("/"), "41");
  EXPECT_EQ(encode_disconnect("/admin"), "41/admin,");
}

TEST(EncodePacket, EscapesWhatComesFromOutside) {
  EXPECT_EQ(encode_connect_error("/", "a \"b\" \\ \n ä", "", false), R"(44{"message":"a \"b\" \\ \n ä"})");
  EXPECT_EQ(encode_connect_error("/", "a \"b\"", "", true), R"(44"a \"b\"")");
  EXPECT_EQ(encode_connect("/", "\"", "\\"), R"(40{"sid":"\"","pid":"\\"})");
}

TEST(EncodePacket, BeginsEventsAndAcks) {
  std::string out = "kept";
  begin_event(out, "/");
  EXPECT_EQ(out, "kept42[");
  const auto event = [](auto... arguments) {
    std::string text;
    begin_event(text, arguments...);
    return text;
  };
  EXPECT_EQ(event("/admin"), "42/admin,[");
  EXPECT_EQ(event("/", 1U), "451-[");
  EXPECT_EQ(event("/admin", 10U, 7U), "4510-/admin,7[");
  EXPECT_EQ(event("/", 0U, 0U), "420[");
  out.clear();
  begin_ack(out, "/", 0);
  EXPECT_EQ(out, "430[");
  out.clear();
  begin_ack(out, "/admin", 12);
  EXPECT_EQ(out, "43/admin,12[");
  out.clear();
  begin_ack(out, "/", 7, 1);
  EXPECT_EQ(out, "461-7[");
}

}  // namespace
}  // namespace parley::net::socketio
