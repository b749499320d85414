#include "net/pusher/codec.h"

#include "core/random.h"

#include <gtest/gtest.h>

namespace parley::net::pusher {
namespace {

TEST(DecodeFrame, KeepsTheBytesOfData) {
  const std::string_view payload =
      R"( {"event":"client-a", "data" : {"z":1.10,"a":1e2,"\u0061":"\u00e4"} ,"channel":"private-a"} )";
  const auto frame = decode_client_frame(payload);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->event, "client-a");
  EXPECT_EQ(frame->channel, "private-a");
  EXPECT_EQ(frame->data, R"({"z":1.10,"a":1e2,"\u0061":"\u00e4"})");
  EXPECT_EQ(frame->ack, 0U);
}

TEST(DecodeFrame, ReadsEscapedKeysAndIgnoresUnknownOnes) {
  const auto frame = decode_client_frame(R"({"x":{"event":"no"},"\u0065vent":"a\"b","y":[],"y":1})");
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->event, "a\"b");
}

TEST(DecodeFrame, ReadsAckAndIdempotencyKey) {
  const auto frame = decode_client_frame(R"({"event":"client-a","ack":9007199254740992,"idempotency_key":"k"})");
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->ack, 9007199254740992ULL);
  EXPECT_EQ(frame->idempotency_key, "k");
  EXPECT_FALSE(decode_client_frame(R"({"event":"client-a","ack":9007199254740993})"));
  EXPECT_FALSE(decode_client_frame(R"({"event":"client-a","ack":0})"));
  EXPECT_FALSE(decode_client_frame(R"({"event":"a","idempotency_key":")" + std::string(201, 'k') + R"("})"));
}

TEST(DecodeFrame, RefusesTheWrongTypeInEveryField) {
  for (const std::string_view field : {"event", "channel", "ack", "idempotency_key"}) {
    for (const std::string_view value : {"{}", "[]", "true", "1.5", "-1"}) {
      auto payload = std::string("{\"") + (field == "event" ? "" : "event\":\"client-a\",\"") + std::string(field) +
                     "\":" + std::string(value) + "}";
      EXPECT_FALSE(decode_client_frame(payload)) << payload;
    }
  }
}

TEST(DecodeFrame, RefusesAFieldGivenTwice) {
  for (const std::string_view field : {"event", "channel", "data", "ack", "idempotency_key"}) {
    const auto one = '"' + std::string(field) + "\":" + (field == "ack" ? "1" : "\"x\"");
    const auto decoded =
        decode_client_frame("{" + std::string(field == "event" ? "" : "\"event\":\"e\",") + one + "," + one + "}");
    ASSERT_FALSE(decoded) << field;
    EXPECT_EQ(decoded.error().code, Errc::bad_frame);
  }
}

TEST(DecodeSubscribe, AcceptsAStringOfJson) {
  const auto decoded = decode_subscribe(
      R"("{\"channel\":\"presence-a\",\"auth\":\"k:s\",\"channel_data\":\"{}\",\"since\":\"a:1\",\"rewind\":5}")");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->channel, "presence-a");
  EXPECT_EQ(decoded->auth, "k:s");
  EXPECT_EQ(decoded->channel_data, "{}");
  EXPECT_EQ(decoded->since, "a:1");
  EXPECT_EQ(decoded->rewind, 5U);
}

TEST(DecodeChannelData, RefusesControlCharactersInIds) {
  const AppLimits limits;
  for (const std::string id : {R"("a\u0000b")", R"("\n")", R"("\u007f")", "\"\x7F\""}) {
    EXPECT_FALSE(decode_channel_data(R"({"user_id":)" + id + "}", limits)) << id;
    EXPECT_FALSE(decode_user_data(R"({"id":)" + id + "}", limits)) << id;
    EXPECT_FALSE(decode_user_data(R"({"id":"1","watchlist":[)" + id + "]}", limits)) << id;
  }
}

TEST(DecodeChannelData, AHalfOfASurrogatePairIsNoReasonToRefuse) {
  const AppLimits limits;
  const auto member = decode_channel_data(R"({"user_id":"a\ud83d","user_info":{"name":"Ada \ud83d"}})", limits);
  ASSERT_TRUE(member) << member.error().message;
  EXPECT_EQ(member->user_id, "a\uFFFD");
  EXPECT_EQ(member->user_info, R"({"name":"Ada \ud83d"})");
}

TEST(DecodeChannelData, TurnsNumbersIntoTheirDigits) {
  const AppLimits limits;
  EXPECT_EQ(decode_channel_data(R"({"user_id":42})", limits)->id_form, IdForm::number);
  EXPECT_EQ(decode_channel_data(R"({"user_id":"42"})", limits)->id_form, IdForm::text);
  EXPECT_EQ(decode_channel_data(R"({"user_id":42})", limits)->user_id, "42");
  EXPECT_EQ(decode_channel_data(R"({"user_id":123456789012345678901234567890})", limits)->user_id,
            "123456789012345678901234567890");
  EXPECT_EQ(decode_channel_data(R"({"user_id":"ä","user_info":{"n":1.10}})", limits)->user_info, R"({"n":1.10})");
  EXPECT_EQ(decode_channel_data(R"({"user_id":"1","user_info":null})", limits)->user_info, "");
  EXPECT_FALSE(decode_channel_data(R"({"user_id":4.2})", limits));
  EXPECT_FALSE(decode_channel_data(R"({"user_id":[1]})", limits));
  EXPECT_FALSE(decode_channel_data("", limits));
  EXPECT_EQ(decode_channel_data(std::string(limits.member_bytes_max + 1, ' '), limits).error().code, Errc::too_large);
}

TEST(DecodeUserData, ReadsTheWatchlistOnceEach) {
  const AppLimits limits;
  const auto user = decode_user_data(R"({"id":"42","watchlist":["8","7","8",9]})", limits);
  ASSERT_TRUE(user);
  EXPECT_EQ(user->watchlist, (std::vector<std::string>{"7", "8", "9"}));
  EXPECT_EQ(user->watchlist_numbers, (std::vector<std::string>{"9"}));
  EXPECT_FALSE(user->watchlist_too_long);
  EXPECT_EQ(user->id_form, IdForm::text);
  EXPECT_EQ(decode_user_data(R"({"id":42})", limits)->id_form, IdForm::number);
  EXPECT_EQ(decode_user_data(R"({"id":42})", limits)->id, "42");
  std::string many = R"({"id":"42","watchlist":["0")";
  for (int i = 1; i <= 100; ++i) many += ",\"" + std::to_string(i) + "\"";
  EXPECT_TRUE(decode_user_data(many + "]}", limits)->watchlist_too_long);
}

// Whatever comes in, an answer comes out. The sanitizers watch.
TEST(DecodeFrame, SurvivesEveryCutAndManyChangesOfAFrame) {
  const std::string seed =
      R"({"event":"pusher:subscribe","ack":17,"idempotency_key":"k","channel":"c","data":{"auth":"a:b","channel":"presence-a","channel_data":"{\"user_id\":\"\u00e4\"}","rewind":3}})";
  const AppLimits limits;
  const auto feed = [&](std::string_view text) {
    static_cast<void>(decode_subscribe(text));
    static_cast<void>(decode_unsubscribe(text));
    static_cast<void>(decode_sign_in(text));
    static_cast<void>(decode_channel_data(text, limits));
    static_cast<void>(decode_user_data(text, limits));
    const auto frame = decode_client_frame(text);
    if (!frame) return;
    if (!frame->data.empty()) static_cast<void>(decode_subscribe(frame->data));
  };
  for (std::size_t cut = 0; cut <= seed.size(); ++cut) feed(std::string_view(seed).substr(0, cut));
  SeededRandom random(20);
  for (int round = 0; round < 20'000; ++round) {
    auto text = seed;
    for (auto changes = 1 + random.below(4); changes > 0; --changes) {
      static constexpr char interesting[] = "{}[]\",:\\u0\0\xFF\xC3 eE-+.1";  // its last NUL counts, too
      text[random.below(text.size())] = interesting[random.below(sizeof(interesting))];
    }
    feed(text);
  }
}

}  // namespace
}  // namespace parley::net::pusher
