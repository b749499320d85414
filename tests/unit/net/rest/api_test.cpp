// The HTTP API against a node that answers what the test says.

#include "net/rest/api.h"

#include "core/command.h"
#include "tests/unit/net/rest/world.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace parley::net {
namespace {

namespace json = boost::json;

using test::FakeExchange;

class RestApiTest : public test::RestTest {};

constexpr std::string_view kBody =
    R"({"name":"message.sent","data":"{\"id\":1,\"text\":\"hi\"}","channel":"private-domain.7","socket_id":"241.880612"})";

TEST_F(RestApiTest, LeavesOtherPathsToOthers) {
  const HttpRequest request{.method = "GET", .path = "/health/live"};
  EXPECT_FALSE(world.api.handle(request, std::make_shared<FakeExchange>(world)));
}

TEST_F(RestApiTest, UnknownRoutesAreJson) {
  for (const char* path :
       {"/apps/", "/apps/4711", "/apps/4711/", "/apps/4711/nothing", "/apps/4711/channels/a/b", "/apps/4711/channels/",
        "/apps/4711/events/", "/apps/4711/channels//users", "/apps/a/b/c/d/e/f/g/h/i/j/k"}) {
    expect_error(send({.method = "GET", .path = path}), 404, "not_found");
  }
}

TEST_F(RestApiTest, WrongMethodsNameTheRightOnes) {
  const auto exchange = send({.method = "PUT", .path = "/apps/4711/channels/a/history"});
  EXPECT_EQ(exchange->response->status, 405);
  ASSERT_EQ(exchange->response->headers.size(), 1U);
  EXPECT_EQ(exchange->response->headers[0].second, "GET, DELETE");
  json::parse(exchange->response->body);
}

TEST_F(RestApiTest, AFixedPathHidesTheUserOfItsName) {
  const auto exchange = send({.method = "PUT", .path = "/apps/4711/users/status"});
  EXPECT_EQ(exchange->response->status, 405);
  EXPECT_EQ(exchange->response->headers.at(0).second, "GET, POST");
  EXPECT_EQ(del("/apps/4711/users/status")->response->status, 405);
  EXPECT_TRUE(world.asked.empty());
  del("/apps/4711/users/%73tatus");  // whose id is that word is named so
  EXPECT_EQ(only<ForgetUser>().user.id, "status");
}

TEST_F(RestApiTest, ChecksAppThenSignatureThenEnabled) {
  expect_error(get("/apps/unknown/channels"), 404, "unknown_app");
  expect_error(send({.method = "GET", .path = "/apps/4711/channels"}), 401, "unauthorized");
  expect_error(get("/apps/off/channels"), 401, "unauthorized");
  HttpRequest off{.method = "GET", .path = "/apps/off/channels"};
  off.query = auth::sign_request("off-key", "off-secret", {off.method, off.path, ""}, {}, world.clock.wall());
  expect_error(send(off), 403, "app_disabled");
  auto late = signed_request("GET", "/apps/4711/channels");
  world.clock.advance(seconds(601));
  expect_error(send(late), 401, "unauthorized");
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(RestApiTest, PublishesAndAnswersAnEmptyObject) {
  const auto exchange = post("/apps/4711/events", std::string(kBody));
  EXPECT_FALSE(exchange->response);
  const auto& publish = only<Publish>();
  EXPECT_EQ(publish.channel.text(), "4711/private-domain.7");
  EXPECT_EQ(publish.event, "message.sent");
  EXPECT_EQ(publish.data, R"({"id":1,"text":"hi"})");
  EXPECT_EQ(publish.kind, DataKind::text);
  EXPECT_EQ(publish.except.text(), "241.880612");
  EXPECT_FALSE(publish.client_event);
  EXPECT_FALSE(publish.once.empty());
  published_all();
  EXPECT_EQ(exchange->response->status, 200);
  EXPECT_EQ(exchange->response->body, "{}");
}

TEST_F(RestApiTest, PublishesToSeveralChannelsWithCounts) {
  const auto exchange = post(
      "/apps/4711/events",
      R"({"name":"e","data":{"n":1.10},"channels":["presence-a","b","b"],"info":"user_count,subscription_count"})");
  ASSERT_EQ(world.asked.size(), 2U);
  EXPECT_EQ(std::get<Publish>(world.asked[0].request.what).data, R"({"n":1.10})")
      << "an object's text is taken as it is";
  EXPECT_NE(std::get<Publish>(world.asked[0].request.what).once, std::get<Publish>(world.asked[1].request.what).once);
  world.asked[1].answer(Published{.counts = ChannelInfo{.subscriptions = 13}});
  EXPECT_FALSE(exchange->response);
  world.asked[0].answer(Published{.counts = ChannelInfo{.subscriptions = 51, .users = 42}});
  EXPECT_EQ(exchange->response->body,
            R"({"channels":{"presence-a":{"user_count":42,"subscription_count":51},"b":{"subscription_count":13}}})");
}

TEST_F(RestApiTest, PartialFailureNamesTheChannels) {
  const auto exchange = post("/apps/4711/events", R"({"name":"e","data":"","channels":["a","domain.1"]})");
  ASSERT_EQ(world.asked.size(), 2U);
  world.asked[0].answer(Published{});
  world.asked[1].answer(PublishRefused{{}, 0, make_error(Errc::storage_unavailable)});
  expect_error(exchange, 503, "storage_unavailable");
  EXPECT_EQ(json::parse(exchange->response->body).at("channels").at("domain.1").as_string(), "storage_unavailable");
  EXPECT_EQ(exchange->response->headers.at(0), std::make_pair(std::string("Retry-After"), std::string("1")));
}

TEST_F(RestApiTest, RefusesBadBodies) {
  for (const std::string_view body :
       {"", "{", "[]", "{}", R"({"name":"e"})", R"({"name":"e","data":""})", R"({"name":7,"data":"","channel":"a"})",
        R"({"name":"e","data":null,"channel":"a"})", R"({"name":"e","data":"","channel":["a"]})",
        R"({"name":"e","data":"","channels":"a"})", R"({"name":"e","data":"","channels":[]})",
        R"({"name":"e","data":"","channels":[7]})", R"({"name":"e","data":"","channel":"a","channels":["b"]})",
        R"({"name":"e","data":"","channel":"a","socket_id":"x"})",
        R"({"name":"e","data":"","channel":"a","socket_id":7})",
        R"({"name":"e","data":"","channel":"a","info":"other"})", R"({"name":"e","name":"f","data":"","channel":"a"})",
        R"({"name":"e","data":"","channels":["private-encrypted-a","b"]})",
        R"({"name":"e","data":"","channel":"a","idempotency_key":7})"}) {
    expect_error(post("/apps/4711/events", std::string(body)), 400, "bad_request");
  }
  expect_error(post("/apps/4711/events", R"({"name":"e","data":"","channel":"with space"})"), 400, "bad_channel_name");
  expect_error(post("/apps/4711/events", R"({"name":"pusher:x","data":"","channel":"a"})"), 400, "bad_event_name");
  expect_error(
      post("/apps/4711/events", fmt::format(R"({{"name":"e","data":"{}","channel":"a"}})", std::string(102'401, 'x'))),
      413, "too_large");
  std::string many = R"({"name":"e","data":"","channels":["c")";
  for (int i = 0; i < 100; ++i) many += fmt::format(",\"c{}\"", i);
  expect_error(post("/apps/4711/events", many + "]}"), 400, "too_many_channels");
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(RestApiTest, BatchPublishesAllOrNothing) {
  expect_error(post("/apps/4711/batch_events",
                    R"({"batch":[{"name":"a","data":"","channel":"a"},{"name":"b","data":"","channel":"not valid"}]})"),
               400, "bad_channel_name");
  expect_error(post("/apps/4711/batch_events", R"({"batch":[]})"), 400, "bad_request");
  expect_error(post("/apps/4711/batch_events", R"({"batch":[{"name":"a","data":"","channels":["a","b"]}]})"), 400,
               "bad_request");
  std::string eleven = R"({"batch":[{"name":"a","data":"","channel":"a"})";
  for (int i = 0; i < 10; ++i) eleven += R"(,{"name":"a","data":"","channel":"a"})";
  expect_error(post("/apps/4711/batch_events", eleven + "]}"), 400, "bad_request");
  EXPECT_TRUE(world.asked.empty());

  const auto plain = post("/apps/4711/batch_events",
                          R"({"batch":[{"name":"a","data":"","channel":"a"},{"name":"b","data":"","channel":"a"}]})");
  ASSERT_EQ(world.asked.size(), 2U);
  EXPECT_NE(std::get<Publish>(world.asked[0].request.what).once, std::get<Publish>(world.asked[1].request.what).once);
  published_all();
  EXPECT_EQ(plain->response->body, "{}");

  const auto counted = post(
      "/apps/4711/batch_events",
      R"({"batch":[{"name":"a","data":"","channel":"a","info":"subscription_count"},{"name":"b","data":"","channel":"b"}]})");
  world.asked[0].answer(Published{.counts = ChannelInfo{.subscriptions = 3}});
  world.asked[1].answer(Published{});
  EXPECT_EQ(counted->response->body, R"({"batch":[{"subscription_count":3},{}]})");
}

TEST_F(RestApiTest, EqualRequestsOfOneSecondAreRequestsAndLaterOnesAreReplays) {
  const auto request = signed_request("POST", "/apps/4711/events", std::string(kBody));
  for (int i = 0; i < 20; ++i) {
    const auto exchange = send(request);
    EXPECT_EQ(only<Publish>().once_repeat, seconds(5)) << "the shard knows it too";
    published_all();
    EXPECT_EQ(exchange->response->status, 200) << i;
  }
  world.clock.advance(milliseconds(4'999));
  send(request);
  published_all();
  world.clock.advance(milliseconds(1));
  expect_error(send(request), 401, "replayed");
  world.clock.advance(seconds(500));
  expect_error(send(request), 401, "replayed");
  EXPECT_TRUE(world.asked.empty());

  const auto terminate = signed_request("POST", "/apps/4711/users/42/terminate_connections", "{}");
  for (int i = 0; i < 2; ++i) {
    const auto exchange = send(terminate);
    answer(Done{});
    EXPECT_EQ(exchange->response->status, 200);
  }
  world.clock.advance(seconds(5));
  expect_error(send(terminate), 401, "replayed");
}

TEST_F(RestApiTest, WhereReplaysAreAlwaysRefusedTheSecondOfTwoIsOne) {
  world.values->apps[0].refuse_replays = ReplayRefusal::always;
  const auto request = signed_request("POST", "/apps/4711/events", std::string(kBody));
  const auto first = send(request);
  EXPECT_EQ(only<Publish>().once_repeat, seconds(0));
  expect_error(send(request), 401, "replayed");
  published_all();
  EXPECT_EQ(first->response->status, 200);
  world.clock.advance(seconds(500));
  expect_error(send(request), 401, "replayed");
  EXPECT_TRUE(world.asked.empty());
  const auto terminate = signed_request("POST", "/apps/4711/users/42/terminate_connections", "{}");
  send(terminate);
  expect_error(send(terminate), 401, "replayed");
}

TEST_F(RestApiTest, WhereReplaysAreNeverRefusedOnlyPublishesPassLater) {
  world.values->apps[0].refuse_replays = ReplayRefusal::never;
  const auto request = signed_request("POST", "/apps/4711/events", std::string(kBody));
  const auto terminate = signed_request("POST", "/apps/4711/users/42/terminate_connections", "{}");
  send(terminate);
  answer(Done{});
  for (const auto pause : {seconds(0), seconds(500)}) {
    world.clock.advance(pause);
    const auto exchange = send(request);
    EXPECT_EQ(only<Publish>().once, "");
    published_all();
    EXPECT_EQ(exchange->response->status, 200);
  }
  expect_error(send(terminate), 401, "replayed");
}

TEST_F(RestApiTest, AFailedRepetitionDoesNotMakeAReplayFresh) {
  const auto request = signed_request("POST", "/apps/4711/events", std::string(kBody));
  send(request);
  published_all();
  world.clock.advance(seconds(4));
  const auto again = send(request);
  answer(Refused{make_error(Errc::overloaded)});
  expect_error(again, 503, "overloaded");
  world.clock.advance(seconds(2));
  expect_error(send(request), 401, "replayed");
}

TEST_F(RestApiTest, AFailedPublishMayBeTriedAgain) {
  const auto request = signed_request("POST", "/apps/4711/events", std::string(kBody));
  const auto first = send(request);
  world.asked.front().answer(Refused{make_error(Errc::overloaded)});
  world.asked.clear();
  expect_error(first, 503, "overloaded");
  const auto second = send(request);
  published_all();
  EXPECT_EQ(second->response->status, 200);
}

TEST_F(RestApiTest, AKnownIdempotencyKeyIsPassedOnToTheStore) {
  auto request = signed_request("POST", "/apps/4711/events", std::string(kBody));
  request.headers.emplace_back("idempotency-key", "k1");
  for (int i = 0; i < 2; ++i) {
    const auto exchange = send(request);
    const auto& publish = only<Publish>();
    EXPECT_EQ(publish.idempotency_key, "k1");
    EXPECT_EQ(publish.once, "");
    world.asked.front().answer(Published{.duplicate = i == 1});
    world.asked.clear();
    EXPECT_EQ(exchange->response->status, 200);
  }
  request.headers.back().second = "k2";
  world.clock.advance(seconds(5));
  expect_error(send(request), 401, "replayed");
}

TEST_F(RestApiTest, AKeyThatReadsAsAnotherWithItsChannelUsesUpNothing) {
  post("/apps/4711/events", R"({"name":"e","data":"1","channel":"room.a","idempotency_key":"K\nroom.c"})");
  published_all();
  post("/apps/4711/events", R"({"name":"e","data":"2","channel":"room.c","idempotency_key":"K"})");
  EXPECT_EQ(only<Publish>().data, "2");
  published_all();
}

TEST_F(RestApiTest, AnEventsOwnKeyIsNotThatOfABatchWithANumber) {
  auto request =
      signed_request("POST", "/apps/4711/batch_events", R"({"batch":[{"name":"a","data":"1","channel":"news"}]})");
  request.headers.emplace_back("idempotency-key", "k");
  send(request);
  EXPECT_EQ(only<Publish>().key_scope, kBatchKeys);
  published_all();
  post("/apps/4711/events", R"({"name":"e","data":"2","channel":"news","idempotency_key":"k#0"})");
  EXPECT_EQ(only<Publish>().idempotency_key, "k#0");
  EXPECT_EQ(only<Publish>().key_scope, kApplicationKeys);
}

TEST_F(RestApiTest, ClientsThatSignTheirBasePathAreUnderstood) {
  for (const char* signed_path : {"/apps/4711/channels", "/ws/apps/4711/channels"}) {
    HttpRequest request{.method = "GET", .path = "/apps/4711/channels", .path_prefix = "/ws"};
    request.query =
        auth::sign_request("app-key-demo", "app-secret-demo", {"GET", signed_path, ""}, {}, world.clock.wall());
    const auto exchange = send(request);
    answer(ChannelList{});
    EXPECT_EQ(exchange->response->status, 200) << signed_path;
  }
  HttpRequest other{.method = "GET", .path = "/apps/4711/channels", .path_prefix = "/ws"};
  other.query = auth::sign_request("app-key-demo", "app-secret-demo", {"GET", "/xy/apps/4711/channels", ""}, {},
                                   world.clock.wall());
  expect_error(send(other), 401, "unauthorized");
}

TEST_F(RestApiTest, AnOldTimestampSpeaksOfTheClockAndNotOfTheSecret) {
  const auto early = signed_request("GET", "/apps/4711/channels");
  world.clock.advance(seconds(3'600));
  const auto late = signed_request("GET", "/apps/4711/channels");
  const auto behind = send(early);
  expect_error(behind, 401, "unauthorized");
  EXPECT_THAT(behind->response->body,
              testing::HasSubstr("is 3600 s behind this server's clock, which says 1760003600"));
  EXPECT_THAT(behind->response->body, testing::HasSubstr("set the clock of the machine that signs"));
  EXPECT_THAT(behind->response->body, testing::Not(testing::HasSubstr("secret")));
  world.clock.jump_wall(-seconds(7'200));
  EXPECT_THAT(send(late)->response->body, testing::HasSubstr("is 7200 s ahead of this server's clock"));
}

TEST_F(RestApiTest, AKnownIdempotencyKeyPublishesOnceOnEphemeralChannels) {
  const std::string body = R"({"name":"e","data":"1","channel":"news","idempotency_key":"k1"})";
  const auto first = post("/apps/4711/events", body);
  published_all();
  EXPECT_EQ(first->response->status, 200);
  world.clock.advance(seconds(10));
  const auto again = post("/apps/4711/events", body);
  EXPECT_TRUE(world.asked.empty());
  EXPECT_EQ(again->response->body, "{}");
  const auto counted =
      post("/apps/4711/events",
           R"({"name":"e","data":"1","channel":"news","idempotency_key":"k1","info":"subscription_count"})");
  EXPECT_EQ(only<GetChannel>().channel.name(), "news");
  world.asked.front().answer(ChannelInfo{.subscriptions = 2});
  EXPECT_EQ(counted->response->body, R"({"channels":{"news":{"subscription_count":2}}})");
}

TEST_F(RestApiTest, AFailedEphemeralPublishDoesNotUseUpItsKey) {
  const std::string body = R"({"name":"e","data":"1","channel":"news","idempotency_key":"k1"})";
  const auto first = post("/apps/4711/events", body);
  world.asked.front().answer(Refused{make_error(Errc::overloaded)});
  world.asked.clear();
  expect_error(first, 503, "overloaded");
  post("/apps/4711/events", body);
  EXPECT_EQ(only<Publish>().channel.name(), "news");
}

TEST_F(RestApiTest, OneKeyForABatchIsOneForEachOfItsEvents) {
  auto request = signed_request(
      "POST", "/apps/4711/batch_events",
      R"({"batch":[{"name":"a","data":"","channel":"domain.1"},{"name":"b","data":"","channel":"domain.1"}]})");
  request.headers.emplace_back("idempotency-key", "k");
  send(request);
  ASSERT_EQ(world.asked.size(), 2U);
  EXPECT_EQ(std::get<Publish>(world.asked[0].request.what).idempotency_key, "k#0");
  EXPECT_EQ(std::get<Publish>(world.asked[1].request.what).idempotency_key, "k#1");
}

TEST_F(RestApiTest, LimitsPublishesPerSecond) {
  world.values->apps[0].limits.publishes_per_second_max = 2;
  post("/apps/4711/events", R"({"name":"e","data":"1","channel":"a"})");
  post("/apps/4711/events", R"({"name":"e","data":"2","channel":"a"})");
  const auto third = post("/apps/4711/events", R"({"name":"e","data":"3","channel":"a"})");
  expect_error(third, 429, "rate_limited");
  EXPECT_EQ(third->response->headers.at(0).first, "Retry-After");
  world.clock.advance(seconds(1));
  EXPECT_FALSE(post("/apps/4711/events", R"({"name":"e","data":"4","channel":"a"})")->response);
}

TEST_F(RestApiTest, ListsOccupiedChannels) {
  const auto exchange =
      get("/apps/4711/channels", {{"filter_by_prefix", "presence-"}, {"info", "user_count,subscription_count"}});
  EXPECT_EQ(only<ListChannels>().prefix, "presence-");
  ChannelList list;
  list.channels.push_back({.channel = ChannelKey("4711", "presence-a"), .subscriptions = 3, .users = 2});
  list.channels.push_back({.channel = ChannelKey("4711", "presence-idle")});
  world.asked.front().answer(list);
  EXPECT_EQ(exchange->response->body, R"({"channels":{"presence-a":{"user_count":2,"subscription_count":3}}})");
  world.asked.clear();
  const auto unasked = get("/apps/4711/channels");
  list.channels.push_back({.channel = ChannelKey("4711", "news"), .subscriptions = 1});
  world.asked.front().answer(list);
  EXPECT_EQ(unasked->response->body,
            R"({"channels":{"presence-a":{"occupied":true,"user_count":2,"subscription_count":3},)"
            R"("news":{"occupied":true,"subscription_count":1}}})");
  world.asked.clear();
  const auto empty = get("/apps/4711/channels");
  world.asked.front().answer(ChannelList{});
  EXPECT_EQ(empty->response->body, R"({"channels":{}})");
  expect_error(get("/apps/4711/channels", {{"info", "user_count"}}), 400, "bad_request");
  expect_error(get("/apps/4711/channels", {{"info", "cache"}}), 400, "bad_request");
}

TEST_F(RestApiTest, ShowsAChannel) {
  const auto ask = [&](std::string channel, std::string info, ChannelInfo answer) {
    world.asked.clear();
    const auto exchange =
        get("/apps/4711/channels/" + channel, info.empty() ? Parameters{} : Parameters{{"info", info}});
    world.asked.front().answer(std::move(answer));
    return exchange->response->body;
  };
  EXPECT_EQ(ask("presence-a", "user_count,subscription_count", {.subscriptions = 3, .users = 2}),
            R"({"occupied":true,"user_count":2,"subscription_count":3})");
  EXPECT_EQ(ask("presence-a", "user_count", {.subscriptions = 3, .users = 2}), R"({"occupied":true,"user_count":2})");
  // Asked for nothing in particular: what there is, as soketi has it.
  EXPECT_EQ(ask("a", "", {}), R"({"occupied":false,"subscription_count":0})");
  EXPECT_EQ(ask("presence-a", "", {.subscriptions = 3, .users = 2}),
            R"({"occupied":true,"user_count":2,"subscription_count":3})");
  EXPECT_EQ(ask("cache-a", "cache", {}), R"({"occupied":false,"cache":null})");
  const auto cached = std::make_shared<Publication>(Publication{.event = "e", .data = "\"x\""});
  EXPECT_EQ(ask("cache-a", "cache", {.subscriptions = 1, .cached = cached, .cache_ttl_seconds = 60}),
            R"({"occupied":true,"cache":{"data":"\"x\"","ttl":60}})");
  EXPECT_EQ(ask("%23server-to-user-1", "", {.subscriptions = 1}), R"({"occupied":true,"subscription_count":1})");
  expect_error(get("/apps/4711/channels/a", {{"info", "user_count"}}), 400, "bad_request");
  expect_error(get("/apps/4711/channels/a", {{"info", "cache"}}), 400, "bad_request");
  expect_error(get("/apps/4711/channels/not%20valid"), 400, "bad_channel_name");
}

TEST_F(RestApiTest, ListsUsersOfPresenceChannelsOnly) {
  const auto exchange = get("/apps/4711/channels/presence-a/users");
  Members members;
  members.members.push_back(std::make_shared<Member>(Member{"7", ""}));
  members.members.push_back(std::make_shared<Member>(Member{"a\"b", ""}));
  world.asked.front().answer(members);
  EXPECT_EQ(exchange->response->body, R"({"users":[{"id":"7"},{"id":"a\"b"}]})");
  expect_error(get("/apps/4711/channels/private-a/users"), 400, "bad_request");
}

TEST_F(RestApiTest, TerminatesAUser) {
  const auto exchange = post("/apps/4711/users/4%2F2/terminate_connections", "{}");
  EXPECT_EQ(only<TerminateUser>().user.id, "4/2");
  world.asked.front().answer(Done{1});
  EXPECT_EQ(exchange->response->body, "{}");
}

TEST_F(RestApiTest, CountsConnections) {
  const auto slot = world.context.take_slot(world.values->apps[0]);
  EXPECT_EQ(get("/apps/4711/connections")->response->body, R"({"connections":1})");
}

TEST_F(RestApiTest, ReadsHistoryPageByPage) {
  const auto exchange =
      get("/apps/4711/channels/domain.7/history",
          {{"since", "000000000000abcd:10"}, {"from", "1"}, {"to", "99"}, {"limit", "2"}, {"direction", "backward"}});
  const auto& query = only<GetHistory>();
  EXPECT_EQ(query.since, (Position{Epoch{0xABCD}, Offset{10}}));
  EXPECT_EQ(query.from_time, WallTime{1});
  EXPECT_EQ(query.to_time, WallTime{99});
  EXPECT_EQ(query.limit, 2U);
  EXPECT_EQ(query.direction, Direction::backward);
  HistoryPage page{.newest = {Epoch{0xABCD}, Offset{12}}, .oldest = Offset{3}, .gap = false, .more = true};
  page.publications.push_back(std::make_shared<Publication>(Publication{.event = "client-a",
                                                                        .data = R"({"n":1.10})",
                                                                        .kind = DataKind::json,
                                                                        .user_id = "7",
                                                                        .position = {Epoch{0xABCD}, Offset{9}},
                                                                        .time = {50}}));
  page.publications.push_back(std::make_shared<Publication>(
      Publication{.event = "e", .data = R"({"n":1})", .position = {Epoch{0xABCD}, Offset{8}}, .time = {40}}));
  world.asked.front().answer(page);
  EXPECT_EQ(
      exchange->response->body,
      R"({"channel":"domain.7","epoch":"000000000000abcd","newest":12,"oldest":3,"publications":[)"
      R"({"offset":9,"event":"client-a","data":{"n":1.10},"time":50,"user_id":"7"},)"
      R"({"offset":8,"event":"e","data":"{\"n\":1}","time":40}],"more":true,"gap":false,"next":"000000000000abcd:8"})");
}

TEST_F(RestApiTest, HistoryOfNothingIsAnEmptyPage) {
  const auto exchange = get("/apps/4711/channels/news/history");
  EXPECT_EQ(only<GetHistory>().limit, 100U);
  world.asked.front().answer(HistoryPage{});
  EXPECT_EQ(
      exchange->response->body,
      R"({"channel":"news","epoch":null,"newest":0,"oldest":0,"publications":[],"more":false,"gap":false,"next":null})");
}

TEST_F(RestApiTest, RefusesBadHistoryQueries) {
  expect_error(get("/apps/4711/channels/a/history", {{"since", "12"}}), 400, "bad_position");
  for (const auto& [name, value] : Parameters{{"limit", "0"},
                                              {"limit", "1001"},
                                              {"limit", "x"},
                                              {"from", "yesterday"},
                                              {"to", "1.5"},
                                              {"direction", "up"}}) {
    expect_error(get("/apps/4711/channels/a/history", {{name, value}}), 400, "bad_request");
  }
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(RestApiTest, DeletesHistory) {
  const auto all = send(signed_request("DELETE", "/apps/4711/channels/domain.7/history"));
  only<DeleteHistory>();
  world.asked.front().answer(Done{3});
  EXPECT_EQ(all->response->body, R"({"deleted":3})");
  world.asked.clear();
  const auto one = send(signed_request("DELETE", "/apps/4711/channels/domain.7/history/000000000000abcd:9"));
  EXPECT_EQ(only<DeletePublication>().position, (Position{Epoch{0xABCD}, Offset{9}}));
  world.asked.front().answer(Done{0});
  expect_error(one, 404, "not_found");
  expect_error(send(signed_request("DELETE", "/apps/4711/channels/domain.7/history/9")), 400, "bad_position");
}

TEST_F(RestApiTest, ATimeoutIsAnAnswer) {
  const auto exchange = get("/apps/4711/channels/a");
  world.asked.front().answer(Refused{make_error(Errc::timeout)});
  expect_error(exchange, 504, "timeout");
}

}  // namespace
}  // namespace parley::net
