// Users over the HTTP API: status, records, sessions, lists; kick, ban and terminate.

#include "net/rest/users.h"

#include "tests/unit/net/rest/world.h"

#include <fmt/format.h>

namespace parley::net {
namespace {

class RestUsersTest : public test::RestTest {
 protected:
  static UserAbout online(std::string id, std::vector<std::string> domains = {}) {
    UserAbout about{.user = {"4711", std::move(id)}, .known = true, .record = {}};
    about.record.status = UserStatus::online;
    about.record.since = {1'000};
    about.record.last_seen = {1'500};  // of long ago: who is here is seen now
    about.record.domains = std::move(domains);
    return about;
  }
  static UserAbout unknown(std::string id) { return {.user = {"4711", std::move(id)}, .known = false, .record = {}}; }
  std::string now() { return std::to_string(world.clock.wall().ms); }
};

TEST_F(RestUsersTest, TellsTheStatusOfSeveral) {
  const auto exchange = get("/apps/4711/users/status", {{"ids", "7,8,9,7"}});
  EXPECT_EQ(only<GetUsers>().app, "4711");
  EXPECT_EQ(only<GetUsers>().ids, (std::vector<std::string>{"7", "8", "9"})) << "each once";
  auto left = online("9");
  left.record.status = UserStatus::offline;
  answer(UserList{{online("7", {"1", "2"}), unknown("8"), left}, {}});
  EXPECT_EQ(exchange->response->status, 200);
  EXPECT_EQ(exchange->response->body, R"({"users":{"7":{"status":"online","since":1000,"last_seen":)" + now() +
                                          R"(,"domains":["1","2"]},)" +
                                          R"("8":{"status":"offline","since":null,"last_seen":null,"domains":[]},)" +
                                          R"("9":{"status":"offline","since":1000,"last_seen":1500,"domains":[]}}})");
}

TEST_F(RestUsersTest, TakesIdsFromTheBodyWithAnyCharacters) {
  const auto exchange = post("/apps/4711/users/status", R"({"ids":["a,b","c\"d",7]})");
  EXPECT_EQ(only<GetUsers>().ids, (std::vector<std::string>{"a,b", "c\"d", "7"}));
  answer(UserList{{unknown("a,b"), unknown("c\"d"), unknown("7")}, {}});
  EXPECT_TRUE(boost::json::parse(exchange->response->body).at("users").as_object().contains("c\"d"));
}

// A question changes nothing: the very same request may come twice.
TEST_F(RestUsersTest, AStatusCallMayBeRepeated) {
  const auto request = signed_request("POST", "/apps/4711/users/status", R"({"ids":["7"]})");
  for (int i = 0; i < 2; ++i) {
    const auto exchange = send(request);
    answer(UserList{{online("7")}, {}});
    EXPECT_EQ(exchange->response->status, 200);
  }
}

TEST_F(RestUsersTest, RefusesBadStatusCalls) {
  for (const std::string_view body :
       {"", "{", "[]", "{}", R"({"ids":"7"})", R"({"ids":[]})", R"({"ids":[true]})", R"({"ids":[1.5]})",
        R"({"ids":[""]})", R"({"ids":["a\u0000b"]})", R"({"ids":[["7"]]})", R"({"ids":null})"}) {
    expect_error(post("/apps/4711/users/status", std::string(body)), 400, "bad_request");
  }
  expect_error(get("/apps/4711/users/status"), 400, "bad_request");
  expect_error(get("/apps/4711/users/status", {{"ids", ",,"}}), 400, "bad_request");
  expect_error(get("/apps/4711/users/status", {{"ids", std::string(129, 'x')}}), 400, "bad_request");
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(RestUsersTest, BoundsTheUsersOfACall) {
  world.values->apps[0].limits.users_per_call_max = 2;
  const auto two = get("/apps/4711/users/status", {{"ids", "1,2"}});
  answer(UserList{{unknown("1"), unknown("2")}, {}});
  EXPECT_EQ(two->response->status, 200);
  expect_error(get("/apps/4711/users/status", {{"ids", "1,2,3"}}), 400, "bad_request");
  expect_error(post("/apps/4711/users/status", R"({"ids":["1","2","3"]})"), 400, "bad_request");
}

TEST_F(RestUsersTest, AThousandUsersCostLittle) {
  std::string body = R"({"ids":["user-0")";
  UserList list;
  for (int i = 0; i < 1'000; ++i) {
    if (i > 0) body += fmt::format(R"(,"user-{}")", i);
    list.users.push_back(online(fmt::format("user-{}", i), {"1", "22", "333"}));
  }
  body += "]}";
  const SystemClock clock;
  auto best = MonoTime::duration::max();
  // The machine may be busy: the best of several says what it costs.
  for (int round = 0; round < 20; ++round) {
    const auto request = signed_request("POST", "/apps/4711/users/status", body);
    auto reply = list;
    const auto began = clock.now();
    const auto exchange = send(request);
    answer(std::move(reply));
    best = std::min(best, clock.now() - began);
    ASSERT_EQ(boost::json::parse(exchange->response->body).at("users").as_object().size(), 1'000U);
  }
  EXPECT_LT(best, milliseconds(5));
}

TEST_F(RestUsersTest, ShowsARecord) {
  const auto exchange = get("/apps/4711/users/a%2Fb");
  EXPECT_EQ(only<GetUsers>().ids, (std::vector<std::string>{"a/b"}));
  auto about = online("a/b", {"1"});
  about.record.user_info = R"({"name":"Ann"})";
  about.record.blocks.banned_until = world.clock.wall() + seconds(5);
  about.record.blocks.ban_reason = "spam";
  about.record.blocks.tokens_since = {7};
  about.record.blocks.channels = {{"presence-domain.1", world.clock.wall() + seconds(6)}, {"presence-domain.2", {1}}};
  const auto ban_end = world.clock.wall().ms + 5'000;
  answer(UserList{{about}, {}});
  EXPECT_EQ(exchange->response->body, R"({"id":"a/b","status":"online","since":1000,"last_seen":)" + now() +
                                          R"(,"domains":["1"],"user_info":{"name":"Ann"},"banned":{"until":)" +
                                          std::to_string(ban_end) +
                                          R"(,"reason":"spam"},"kicked":[{"channel":"presence-domain.1","until":)" +
                                          std::to_string(ban_end + 1'000) + R"(}],"tokens_since":7})");
  world.clock.advance(seconds(60));
  const auto later = get("/apps/4711/users/a%2Fb");
  answer(UserList{{about}, {}});
  const auto record = boost::json::parse(later->response->body).as_object();
  EXPECT_TRUE(record.at("banned").is_null()) << "what is over is not told";
  EXPECT_TRUE(record.at("kicked").as_array().empty());
}

TEST_F(RestUsersTest, InfoThatIsNoJsonBreaksNothing) {
  const auto exchange = get("/apps/4711/users/7");
  auto about = online("7");
  about.record.user_info = R"({"name":)";
  answer(UserList{{about}, {}});
  EXPECT_EQ(boost::json::parse(exchange->response->body).at("user_info").as_string(), R"({"name":)");
}

TEST_F(RestUsersTest, WhoWasNeverHereIsNotFound) {
  const auto exchange = get("/apps/4711/users/8");
  answer(UserList{{unknown("8")}, {}});
  expect_error(exchange, 404, "not_found");
}

TEST_F(RestUsersTest, ShowsSessions) {
  const auto exchange = get("/apps/4711/users/7/sessions");
  EXPECT_EQ(only<GetSessions>().user, (UserKey{"4711", "7"}));
  SessionList list{.user = online("7", {"1"}), .sessions = {}};
  list.sessions.push_back({.socket = *SocketId::parse("241.880612"),
                           .via = Via::token,
                           .activity = UserStatus::away,
                           .channels = {"presence-domain.1"},
                           .about = {.address = "192.0.2.1", .client = "js 8.6.0", .connected = {900}}});
  answer(list);
  EXPECT_EQ(exchange->response->body,
            R"({"id":"7","status":"online","since":1000,"last_seen":)" + now() +
                R"(,"domains":["1"],"sessions":[{"socket_id":"241.880612","via":"token","activity":"away",)" +
                R"("channels":["presence-domain.1"],"address":"192.0.2.1","client":"js 8.6.0","connected":900}]})");
}

TEST_F(RestUsersTest, ListsUsersPageByPage) {
  const auto exchange = get("/apps/4711/users", {{"status", "online"}, {"limit", "2"}, {"after", "3:a:b"}});
  const auto& list = only<ListUsers>();
  EXPECT_EQ(list.app, "4711");
  EXPECT_EQ(list.status, UserStatus::online);
  EXPECT_EQ(list.limit, 2U);
  EXPECT_EQ(list.after, "3:a:b");
  answer(UserList{{online("7")}, "4:7"});
  EXPECT_EQ(exchange->response->body, R"({"users":[{"id":"7","status":"online","since":1000,"last_seen":)" + now() +
                                          R"(,"domains":[],"user_info":null}],"next":"4:7"})");
  const auto all = get("/apps/4711/users");
  EXPECT_FALSE(only<ListUsers>().status);
  EXPECT_EQ(only<ListUsers>().limit, 100U);
  answer(UserList{});
  EXPECT_EQ(all->response->body, R"({"users":[],"next":null})");
  for (const auto& [name, value] : Parameters{{"status", "here"}, {"limit", "0"}, {"limit", "1001"}, {"limit", "x"}}) {
    expect_error(get("/apps/4711/users", {{name, value}}), 400, "bad_request");
  }
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(RestUsersTest, MembersOfADomainAreThoseWhoseRecordSaysSo) {
  const auto exchange = get("/apps/4711/domains/d%201/members", {{"limit", "5"}, {"after", "6"}});
  const auto& list = only<ListDomain>();
  EXPECT_EQ(list.domain, "d 1");
  EXPECT_EQ(list.limit, 5U);
  EXPECT_EQ(list.after, "6");
  answer(UserList{{online("7", {"a", "d 1"}), online("8", {"a"}), unknown("9")}, "9"});
  const auto body = boost::json::parse(exchange->response->body).as_object();
  ASSERT_EQ(body.at("users").as_array().size(), 1U);
  EXPECT_EQ(body.at("users").at(0).at("id").as_string(), "7");
  EXPECT_EQ(body.at("next").as_string(), "9");
  expect_error(get("/apps/4711/domains/a%00b/members"), 400, "bad_request");
  expect_error(get("/apps/4711/domains/" + std::string(201, 'd') + "/members"), 400, "bad_request");
  expect_error(get("/apps/4711/domains/1/members", {{"limit", "1001"}}), 400, "bad_request");
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(RestUsersTest, KicksForATimeUntilATimeOrForNow) {
  const auto kick = [&](const std::string& body) {
    const auto exchange = post("/apps/4711/users/7/kick", body);
    EXPECT_EQ(only<KickUser>().user, (UserKey{"4711", "7"}));
    EXPECT_EQ(only<KickUser>().channel, "presence-domain.7");
    const auto until = only<KickUser>().until;
    answer(Done{2});
    return std::pair(until, exchange->response->body);
  };
  EXPECT_EQ(kick(R"({"channel":"presence-domain.7"})"), (std::pair(WallTime{}, std::string(R"({"until":null})"))));
  const auto end = world.clock.wall() + seconds(600);
  const auto told = fmt::format(R"({{"until":{}}})", end.ms);
  EXPECT_EQ(kick(R"({"channel":"presence-domain.7","for_seconds":600})"), std::pair(end, told));
  EXPECT_EQ(kick(fmt::format(R"({{"channel":"presence-domain.7","until":{}}})", end.ms)), std::pair(end, told));
}

TEST_F(RestUsersTest, RefusesBadKicks) {
  for (const std::string_view body :
       {"", "{}", R"({"channel":7})", R"({"channel":"a","for_seconds":0})", R"({"channel":"a","for_seconds":-1})",
        R"({"channel":"a","for_seconds":1.5})", R"({"channel":"a","for_seconds":"600"})",
        R"({"channel":"a","for_seconds":99999999999})", R"({"channel":"a","until":1})",
        R"({"channel":"a","for_seconds":1,"until":9999999999999})", R"({"channel":"a","until":"tomorrow"})"}) {
    expect_error(post("/apps/4711/users/7/kick", std::string(body)), 400, "bad_request");
  }
  expect_error(post("/apps/4711/users/7/kick", R"({"channel":"not valid"})"), 400, "bad_channel_name");
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(RestUsersTest, TheActorsRefusalIsTold) {
  const auto request = signed_request("POST", "/apps/4711/users/7/kick", R"({"channel":"a","for_seconds":60})");
  const auto exchange = send(request);
  answer(Refused{make_error(Errc::bad_request, "a user is kept off at most 100 channels")});
  expect_error(exchange, 400, "bad_request");
  EXPECT_FALSE(send(request)->response) << "what was refused may be tried again";
}

TEST_F(RestUsersTest, ForgetsAUser) {
  const auto forgotten = del("/apps/4711/users/7");
  EXPECT_EQ(only<ForgetUser>().user.id, "7");
  answer(Done{2});
  EXPECT_EQ(forgotten->response->body, R"({"connections":2})");
}

TEST_F(RestUsersTest, BansAndLiftsBans) {
  const auto end = world.clock.wall() + seconds(3'600);
  const auto banned = post("/apps/4711/users/7/ban", R"({"for_seconds":3600,"reason":"spam"})");
  EXPECT_EQ(only<BanUser>().until, end);
  EXPECT_EQ(only<BanUser>().reason, "spam");
  answer(Done{3});
  EXPECT_EQ(banned->response->body, fmt::format(R"({{"until":{},"connections":3}})", end.ms));
  const auto lifted = del("/apps/4711/users/7/ban");
  EXPECT_EQ(only<BanUser>().until, WallTime{});
  answer(Done{});
  EXPECT_EQ(lifted->response->body, "{}");
  for (const auto& body :
       {std::string("{}"), std::string(R"({"reason":"spam"})"), std::string(R"({"for_seconds":60,"reason":7})"),
        fmt::format(R"({{"for_seconds":60,"reason":"{}"}})", std::string(201, 'x'))}) {
    expect_error(post("/apps/4711/users/7/ban", body), 400, "bad_request");
  }
}

TEST_F(RestUsersTest, TerminatesAndRevokesTokens) {
  const auto ask = [&](const std::string& body) {
    post("/apps/4711/users/7/terminate_connections", body);
    const bool revoke = only<TerminateUser>().revoke_tokens;
    answer(Done{});
    world.clock.advance(seconds(1));  // else it is a replay
    return revoke;
  };
  EXPECT_FALSE(ask(""));
  EXPECT_FALSE(ask("{}"));
  EXPECT_FALSE(ask("[]")) << "PHP's empty array";
  EXPECT_FALSE(ask(R"({"revoke_tokens":false})"));
  EXPECT_TRUE(ask(R"({"revoke_tokens":true})"));
  expect_error(post("/apps/4711/users/7/terminate_connections", R"({"revoke_tokens":"yes"})"), 400, "bad_request");
  expect_error(post("/apps/4711/users/7/terminate_connections", "{"), 400, "bad_request");
}

TEST_F(RestUsersTest, WhatChangesIsGoodOnce) {
  for (const auto& request : {signed_request("POST", "/apps/4711/users/7/kick", R"({"channel":"a"})"),
                              signed_request("POST", "/apps/4711/users/7/ban", R"({"for_seconds":60})"),
                              signed_request("DELETE", "/apps/4711/users/7/ban"),
                              signed_request("POST", "/apps/4711/users/7/terminate_connections", "")}) {
    const auto first = send(request);
    answer(Done{});
    EXPECT_EQ(first->response->status, 200) << request.path;
    const auto again = send(request);  // in the same second: nobody can tell it from another one that is equal
    answer(Done{});
    EXPECT_EQ(again->response->status, 200) << request.path;
    world.clock.advance(seconds(5));
    expect_error(send(request), 401, "replayed");
  }
}

TEST_F(RestUsersTest, ChecksIdsInPaths) {
  for (const std::string id : {"a%00b", "%1f", "a%0Ab", "%7F"}) {
    expect_error(get("/apps/4711/users/" + id), 400, "bad_request");
    expect_error(post("/apps/4711/users/" + id + "/terminate_connections", "{}"), 400, "bad_request");
  }
  expect_error(get("/apps/4711/users/" + std::string(129, 'x') + "/sessions"), 400, "bad_request");
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(RestUsersTest, MethodsOfEachPath) {
  const auto allowed = [&](const char* path) {
    return send({.method = "PATCH", .path = path})->response->headers.at(0).second;
  };
  EXPECT_EQ(allowed("/apps/4711/users/status"), "GET, POST");
  EXPECT_EQ(allowed("/apps/4711/users/7/ban"), "POST, DELETE");
  EXPECT_EQ(allowed("/apps/4711/users"), "GET");
  expect_error(send({.method = "GET", .path = "/apps/4711/users/7/other"}), 404, "not_found");
  expect_error(send({.method = "GET", .path = "/apps/4711/users//sessions"}), 404, "not_found");
}

TEST_F(RestUsersTest, ATimeoutIsAnAnswerEverywhere) {
  for (const char* path :
       {"/apps/4711/users/7", "/apps/4711/users/7/sessions", "/apps/4711/users", "/apps/4711/domains/1/members"}) {
    const auto exchange = get(path);
    answer(Refused{make_error(Errc::timeout)});
    expect_error(exchange, 504, "timeout");
  }
}

}  // namespace
}  // namespace parley::net
