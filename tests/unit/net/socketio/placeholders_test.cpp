// Placeholders for binary data, in packets and alone.

#include "core/json_string.h"
#include "core/json_text.h"
#include "core/random.h"
#include "net/socketio/packet.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace parley::net::socketio {
namespace {

TEST(Placeholders, AreFoundWhereverTheyStand) {
  for (const std::string_view json : {
           R"({"_placeholder":true,"num":0})",
           R"([{"_placeholder":true,"num":0}])",
           R"({"a":[1,{"b":{"_placeholder":true,"num":3}}]})",
           R"( { "num" : 0 , "_placeholder" : true } )",
           R"({"_placeholder":true})",
           R"({"\u005fplaceholder":true,"num":0})",
           R"({"\u005F\u0070\u006c\u0061\u0063\u0065\u0068\u006f\u006c\u0064\u0065\u0072":true})",
           R"({"_placeholder":false,"_placeholder":true})",
           R"({"a":"}","b":"\"{","_placeholder":true})",
           R"([[[]],{},{"x":{}},{"_placeholder":true}])",
       }) {
    ASSERT_TRUE(check_json(json, 32)) << json;
    EXPECT_TRUE(has_placeholder(json)) << json;
  }
}

TEST(Placeholders, AreNotOrdinaryData) {
  for (const std::string_view json : {
           "",
           "1",
           R"("_placeholder")",
           R"(["_placeholder",true])",
           R"(["_placeholder",true,{"num":0}])",
           R"({"a":"_placeholder","b":true})",
           R"({"_placeholder":false,"num":0})",
           R"({"_placeholder":1,"num":0})",
           R"({"_placeholder":"true","num":0})",
           R"({"_placeholder":null})",
           R"({"_placeholder":{},"x":true})",
           R"({"_placeholder":[true]})",
           R"({"_placeholder":true,"_placeholder":false})",
           R"({"_placeholder":true,"_placeholder":{}})",
           R"({"_placeholder ":true,"_Placeholder":true})",
           R"({"_placeholder":{"a":true}})",
           R"("{\"_placeholder\":true}")",
           R"({"\u005fplaceholderx":true})",
       }) {
    EXPECT_FALSE(has_placeholder(json)) << json;
  }
}

TEST(Placeholders, NameAnAttachment) {
  const auto decoded = [](std::string_view placeholder, std::size_t attachments = 2) {
    return decode_packet("5" + std::to_string(attachments) + "-[\"e\"," + std::string(placeholder) + "]", 32).ok();
  };
  for (const std::string_view good : {
           R"({"_placeholder":true,"num":0})",
           R"({"_placeholder":true,"num":1})",
           R"({"num":1,"_placeholder":true})",
           R"({"_placeholder":true,"num":0},{"_placeholder":true,"num":0})",  // one attachment twice, one unused
           R"({"_placeholder":true,"num":9,"num":1})",                        // the last one counts
           R"({"_placeholder":true,"\u006eum":1})",
           R"({"_placeholder":true,"num":0,"x":{"_placeholder":true,"num":99}})",  // dropped with its placeholder
           R"({"x":{"_placeholder":true,"num":99},"_placeholder":true,"num":0})",
           R"({"_placeholder":false,"num":99})",
           R"({"_placeholder":"true","num":-1})",
           R"({"num":99})",
           R"({"_placeholder":true,"num":99,"_placeholder":0})",
           "1",
           "[]",
       }) {
    EXPECT_TRUE(decoded(good)) << good;
  }
  for (const std::string_view bad : {
           R"({"_placeholder":true})",
           R"({"_placeholder":true,"num":2})",
           R"({"_placeholder":true,"num":-1})",
           R"({"_placeholder":true,"num":-0})",
           R"({"_placeholder":true,"num":0.5})",
           R"({"_placeholder":true,"num":1e0})",
           R"({"_placeholder":true,"num":1.0})",
           R"({"_placeholder":true,"num":"0"})",
           R"({"_placeholder":true,"num":null})",
           R"({"_placeholder":true,"num":[0]})",
           R"({"_placeholder":true,"num":{"num":0}})",
           R"({"_placeholder":true,"num":18446744073709551616})",
           R"({"_placeholder":true,"num":9223372036854775808})",
           R"({"_placeholder":true,"num":99999999999999999999999999999999})",
           R"({"_placeholder":true,"num":1,"num":2})",
           R"({"_placeholder":true,"num":1,"num":[]})",
           R"({"_placeholder":false,"_placeholder":true})",
           R"([[{"a":[{"_placeholder":true,"num":7}]}]])",
           R"({"_placeholder":false,"num":0,"x":{"_placeholder":true,"num":2}})",
           R"({"_placeholder":true,"num":0},{"_placeholder":true,"num":2})",
       }) {
    EXPECT_FALSE(decoded(bad)) << bad;
  }
  EXPECT_TRUE(decoded(R"({"_placeholder":true,"num":9})", 10));
  EXPECT_FALSE(decode_packet(R"(61-1[{"_placeholder":true,"num":1}])", 32)) << "of acks as of events";
  EXPECT_TRUE(decode_packet(R"(2["e",{"_placeholder":true,"num":7}])", 32)) << "without attachments it is data";
}

TEST(Placeholders, StayInsideAnyText) {
  for (const std::string_view text :
       {"]", "}}}", "{\"_placeholder\"", "{\"_placeholder\":", "{\"_placeholder\":true", "\\u\"", "{\"\\u", "\"\\u\\",
        "[[[[\\u", "{\"_placeholder\":true}}", "_placeholder"}) {
    static_cast<void>(has_placeholder(text));
    static_cast<void>(placeholders_fit(text, 1));
  }
  const std::string deep(200'000, '[');
  EXPECT_FALSE(has_placeholder(deep + "\\u"));
}

// A random value as text; `placeholders` counts those in it.
std::string random_value(Random& random, int depth, std::size_t attachments, std::size_t& placeholders) {
  switch (random.below(depth > 0 ? 7 : 4)) {
    case 0:
      return std::to_string(random.next());
    case 1:
      return R"("_placeholder \"é\\")";
    case 2:
      return random.below(2) == 0 ? "true" : "-1.50e+2";
    case 3:
      if (attachments == 0) return R"({"_placeholder":false,"num":0})";
      ++placeholders;
      return R"({"_placeholder":true,"num":)" + std::to_string(random.below(attachments)) + "}";
    case 4:
    case 5: {
      std::string out = "[";
      for (auto left = random.below(4); left > 0; --left) {
        if (out.size() > 1) out.push_back(',');
        out.append(random_value(random, depth - 1, attachments, placeholders));
      }
      return out + "]";
    }
    default: {
      std::string out = "{";
      for (auto left = random.below(4); left > 0; --left) {
        if (out.size() > 1) out.append(" , ");
        out.append(R"("k )").append(std::to_string(left)).append("\":");
        out.append(random_value(random, depth - 1, attachments, placeholders));
      }
      return out + "}";
    }
  }
}

TEST(PacketRoundTrip, RandomEventsAndAcksComeBack) {
  const auto* given = std::getenv("PARLEY_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : OsRandom().next();
  SCOPED_TRACE("PARLEY_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (int i = 0; i < 3'000; ++i) {
    const std::string nsp = random.below(2) == 0 ? "/" : "/admin-é" + std::to_string(random.below(10));
    const auto attachments = random.below(2) == 0 ? 0 : 1 + random.below(kAttachmentsMax);
    const bool is_ack = random.below(3) == 0;
    const auto id = random.below(2) == 0 ? random.next() : random.below(10);
    const bool with_id = is_ack || random.below(2) == 0;
    std::string text;
    if (is_ack) {
      begin_ack(text, nsp, id, attachments);
    } else {
      begin_event(text, nsp, attachments, with_id ? std::optional(id) : std::nullopt);
    }
    std::vector<std::string> arguments = {random.below(5) == 0 ? "12" : R"("name")"};
    std::size_t placeholders = 0;
    for (auto left = random.below(5); left > 0; --left) {
      arguments.push_back(random_value(random, 4, attachments, placeholders));
    }
    const auto start = text.size() - 1;
    for (std::size_t n = 0; n < arguments.size(); ++n) text.append(n > 0 ? "," : "").append(arguments[n]);
    text.push_back(']');

    ASSERT_EQ(text.front(), '4');
    const auto packet = decode_packet(std::string_view(text).substr(1), 32);
    ASSERT_TRUE(packet) << text << ": " << packet.error().message;
    const auto expected = is_ack ? (attachments > 0 ? PacketType::binary_ack : PacketType::ack)
                                 : (attachments > 0 ? PacketType::binary_event : PacketType::event);
    ASSERT_EQ(packet->type, expected) << text;
    ASSERT_EQ(packet->nsp, nsp);
    ASSERT_EQ(packet->attachments, attachments);
    ASSERT_EQ(packet->ack, with_id ? std::optional(id) : std::nullopt) << text;
    ASSERT_EQ(packet->payload, std::string_view(text).substr(start));
    const auto back = arguments_of(packet->payload);
    ASSERT_TRUE(std::equal(back.begin(), back.end(), arguments.begin(), arguments.end())) << text;
    ASSERT_EQ(has_placeholder(packet->payload), placeholders > 0) << text;
  }
}

}  // namespace
}  // namespace parley::net::socketio
