// Every frame is parsed back: what a client's JSON parser sees is what counts.

#include "net/pusher/encoder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace parley::net::pusher {
namespace {

namespace json = boost::json;

json::object parsed(const std::string& frame) { return json::parse(frame).as_object(); }
// `data` as pusher-js does it: a string that is parsed again.
json::value data_of(const std::string& frame) { return json::parse(parsed(frame).at("data").as_string()); }

const std::string kNasty = "\"\\/\n\t\x01 ä€😀 </script>";

TEST(Encoder, EstablishedCarriesBothKeysInAString) {
  const auto data =
      data_of(encode_established(SocketId{(std::uint64_t{241} << 32) | 880612}, std::chrono::seconds(30)));
  EXPECT_EQ(data.at("socket_id").as_string(), "241.880612");
  EXPECT_EQ(data.at("activity_timeout").as_int64(), 30);
}

TEST(Encoder, PublicationOfTextComesOutAsItWentIn) {
  const Publication publication{.event = "App\\Events\\X \"q\"", .data = kNasty, .position = {Epoch{0xFF}, Offset{17}}};
  const auto frame = parsed(encode_publication("private-domain.7", publication));
  EXPECT_EQ(frame.at("event").as_string(), publication.event);
  EXPECT_EQ(frame.at("data").as_string(), kNasty);
  EXPECT_EQ(frame.at("epoch").as_string(), "00000000000000ff");
  EXPECT_EQ(frame.at("offset").as_int64(), 17);
  EXPECT_FALSE(frame.contains("user_id"));
}

TEST(Encoder, PublicationOfJsonIsSplicedIn) {
  const Publication publication{
      .event = "client-a", .data = R"({"n":1.10,"a":[]})", .kind = DataKind::json, .user_id = kNasty};
  const auto text = encode_publication("presence-a", publication);
  EXPECT_NE(text.find(R"("data":{"n":1.10,"a":[]},)"), std::string::npos);
  EXPECT_EQ(parsed(text).at("user_id").as_string(), kNasty);
  EXPECT_FALSE(parsed(text).contains("offset"));
}

TEST(Encoder, RosterEscapesIdsAndKeepsInfos) {
  Roster roster;
  roster.members.push_back(std::make_shared<Member>(Member{kNasty, R"({"name":"a \"b\" \\ ä"})"}));
  roster.members.push_back(std::make_shared<Member>(Member{"7", ""}));
  const auto data =
      data_of(encode_succeeded("presence-a", {.roster = &roster, .position = {}, .recovered = std::nullopt}));
  const auto& presence = data.at("presence").as_object();
  EXPECT_EQ(presence.at("count").as_int64(), 2);
  EXPECT_EQ(presence.at("ids").as_array().at(0).as_string(), kNasty);
  EXPECT_EQ(presence.at("hash").at(kNasty).at("name").as_string(), "a \"b\" \\ ä");
  EXPECT_TRUE(presence.at("hash").at("7").is_null());
}

TEST(Encoder, EmptyRosterHasAnObject) {
  const Roster roster;
  const auto data =
      data_of(encode_succeeded("presence-a", {.roster = &roster, .position = {}, .recovered = std::nullopt}));
  EXPECT_TRUE(data.at("presence").at("hash").is_object());
  EXPECT_TRUE(data.at("presence").at("ids").is_array());
}

TEST(Encoder, RosterOfTenThousandParsesBack) {
  Roster roster;
  for (int i = 0; i < 10'000; ++i) {
    roster.members.push_back(
        std::make_shared<Member>(Member{fmt::format("user-{}", i), fmt::format(R"({{"name":"Member {}"}})", i)}));
  }
  const auto data =
      data_of(encode_succeeded("presence-a", {.roster = &roster, .position = {}, .recovered = std::nullopt}));
  const auto& presence = data.at("presence").as_object();
  EXPECT_EQ(presence.at("count").as_int64(), 10'000);
  EXPECT_EQ(presence.at("ids").as_array().size(), 10'000U);
  EXPECT_EQ(presence.at("hash").at("user-9999").at("name").as_string(), "Member 9999");
}

TEST(Encoder, ALongRosterInPiecesIsTheSameTextAndAsLongAsItSaid) {
  for (const int count : {0, 1, 2, 700}) {
    auto roster = std::make_shared<Roster>();
    for (int i = 0; i < count; ++i) {
      roster->members.push_back(std::make_shared<Member>(
          Member{fmt::format("{}{}", kNasty, i), i % 3 == 0 ? "" : fmt::format(R"({{"n":"\"{}"}})", kNasty.size())}));
    }
    Succeeded what{.roster = roster.get(), .shared = roster, .position = {Epoch{7}, Offset{3}}, .recovered = false};
    const auto whole = encode_succeeded("presence-a", what);
    const auto source = long_succeeded("presence-a", what);
    EXPECT_EQ(source->size(), whole.size());
    std::string text;
    std::size_t pieces = 1;
    while (source->next(text)) ++pieces;
    EXPECT_EQ(text, whole) << count;
    EXPECT_EQ(pieces > 2, count == 700);
  }
}

TEST(Encoder, EverythingElseParsesBack) {
  const auto error = make_error(Errc::rate_limited, kNasty);
  EXPECT_EQ(parsed(encode_error(error)).at("data").at("code").as_int64(), 4301);
  EXPECT_EQ(parsed(encode_error(error)).at("data").at("message").as_string(), kNasty);
  EXPECT_TRUE(parsed(encode_error(make_error(Errc::too_large))).at("data").at("code").is_null());
  const auto refused = data_of(encode_subscription_error(kNasty, make_error(Errc::unauthorized, kNasty)));
  EXPECT_EQ(refused.at("type").as_string(), "AuthError");
  EXPECT_EQ(refused.at("error").as_string(), kNasty);
  EXPECT_EQ(refused.at("status").as_int64(), 401);
  EXPECT_EQ(data_of(encode_sign_in_success(kNasty)).at("user_data").as_string(), kNasty);
  const std::vector<std::string> online{kNasty};
  const auto events = data_of(encode_watchlist(online, {})).at("events").as_array();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.at(0).at("user_ids").as_array().at(0).as_string(), kNasty);
  const auto gap = data_of(encode_gap("a", Epoch{1}, Offset{12}, Offset{40}));
  EXPECT_EQ(gap.at("before").as_int64(), 40);
  EXPECT_EQ(parsed(encode_ack(7, "a", {Epoch{1}, Offset{2}})).at("data").at("offset").as_int64(), 2);
  EXPECT_EQ(parsed(encode_ack_error(7, kNasty, error)).at("data").at("error").as_string(), "rate_limited");
  EXPECT_EQ(parsed(encode_cache_miss("cache-a")).at("event").as_string(), "pusher:cache_miss");
  EXPECT_EQ(parsed(std::string(kPing)).at("event").as_string(), "pusher:ping");
  EXPECT_EQ(parsed(std::string(kPong)).at("event").as_string(), "pusher:pong");
}

TEST(Encoder, IdsAreSaidAsTheApplicationSaidThem) {
  const PusherEncoder encoder;
  const ChannelKey channel("4711", "presence-a");
  Roster roster;
  roster.members.push_back(std::make_shared<Member>(Member{"2", R"({"n":1})", IdForm::number}));
  roster.members.push_back(std::make_shared<Member>(Member{"3", ""}));
  EXPECT_EQ(encode_succeeded("presence-a", {.roster = &roster}),
            R"({"event":"pusher_internal:subscription_succeeded","channel":"presence-a","data":"{\"presence\":)"
            R"({\"ids\":[2,\"3\"],\"hash\":{\"2\":{\"n\":1},\"3\":null},\"count\":2}}"})");
  EXPECT_EQ(data_of(encoder.encode({channel, ChannelEvent::MemberAdded{roster.members[0]}, {}, {}})).at("user_id"), 2);
  EXPECT_EQ(
      data_of(encoder.encode({channel, ChannelEvent::MemberRemoved{"2", "", IdForm::number}, {}, {}})).at("user_id"),
      2);
  Publication sent{.event = "client-a", .data = "{}", .kind = DataKind::json, .user_id = "2"};
  EXPECT_EQ(parsed(encode_publication("presence-a", sent)).at("user_id"), "2");
  sent.id_form = IdForm::number;
  EXPECT_EQ(parsed(encode_publication("presence-a", sent)).at("user_id"), 2);
  const std::vector<std::string> ids{"2", "3"};
  const std::vector<std::string> numbers{"3"};
  EXPECT_EQ(encode_watchlist(ids, {}, numbers), R"({"event":"pusher_internal:watchlist_events","data":)"
                                                R"("{\"events\":[{\"name\":\"online\",\"user_ids\":[\"2\",3]}]}"})");
}

// pusher-java-client wants a text, asyncpusher reads whatever text it gets as JSON.
TEST(Encoder, ACacheMissHasATextAsItsData) {
  EXPECT_EQ(encode_cache_miss("cache-a"), R"({"event":"pusher:cache_miss","channel":"cache-a","data":"{}"})");
}

TEST(Encoder, ChannelEventsParseBack) {
  const PusherEncoder encoder;
  const ChannelKey channel("4711", "presence-a");
  const auto added = encoder.encode(
      {channel, ChannelEvent::MemberAdded{std::make_shared<Member>(Member{kNasty, R"({"a":"\""})"})}, {}, {}});
  EXPECT_EQ(data_of(added).at("user_id").as_string(), kNasty);
  EXPECT_EQ(data_of(added).at("user_info").at("a").as_string(), "\"");
  EXPECT_EQ(data_of(encoder.encode({channel, ChannelEvent::MemberRemoved{kNasty}, {}, {}})).at("user_id").as_string(),
            kNasty);
  EXPECT_EQ(data_of(encoder.encode({channel, ChannelEvent::SubscriptionCount{5}, {}, {}}))
                .at("subscription_count")
                .as_int64(),
            5);
}

}  // namespace
}  // namespace parley::net::pusher
