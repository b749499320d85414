// The operators' API: who may pass, what the node tells, and the signed API without a signature.

#include "net/rest/admin.h"

#include "tests/unit/net/rest/world.h"

#include <fmt/format.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace parley::net {
namespace {

constexpr const char* kKey = "an-admin-key-of-length";

class AdminApiTest : public test::RestTest {
 protected:
  AdminApiTest() { world.values->admin.key = kKey; }

  std::shared_ptr<test::FakeExchange> ask(const HttpRequest& request) {
    auto exchange = std::make_shared<test::FakeExchange>(world);
    EXPECT_TRUE(admin.handle(request, exchange));
    return exchange;
  }
  static HttpRequest request(std::string method, std::string path, std::string body = "",
                             std::string authorization = fmt::format("Bearer {}", kKey)) {
    HttpRequest made{
        .method = std::move(method), .path = std::move(path), .body = std::move(body), .client_address = "192.0.2.1"};
    if (const auto question = made.path.find('?'); question != std::string::npos) {
      made.query = made.path.substr(question + 1);
      made.path.resize(question);
    }
    if (!authorization.empty()) made.headers.emplace_back("authorization", std::move(authorization));
    return made;
  }
  std::shared_ptr<test::FakeExchange> read(std::string path) { return ask(request("GET", std::move(path))); }
  std::shared_ptr<test::FakeExchange> write(std::string path, std::string body) {
    return ask(request("POST", std::move(path), std::move(body)));
  }
  std::shared_ptr<test::FakeExchange> with(std::string authorization, std::string address = "192.0.2.1") {
    auto made = request("GET", "/admin/info", "", std::move(authorization));
    made.client_address = std::move(address);
    return ask(made);
  }
  double counted(std::string_view line) {
    const auto text = world.metrics.text();
    const auto at = text.find(line);
    return at == std::string::npos ? 0 : std::stod(text.substr(at + line.size()));
  }
  static std::string header(const test::FakeExchange& exchange, std::string_view name) {
    for (const auto& [key, value] : exchange.response->headers) {
      if (key == name) return value;
    }
    return "";
  }

  static Result<std::string> ordered(std::string_view what, std::string_view node) {
    if (node == "stranger") return make_error(Errc::not_found, "no node is called so");
    return fmt::format(R"({{"{}":"{}"}})", what, node);
  }
  AdminApi admin{world.rest, world.context, "1.2.3", world.clock.now(),
                 NodeOrders{[] { return std::string(R"({"nodes":[]})"); },
                            [](std::string_view node) { return ordered("drained", node); },
                            [](std::string_view node) { return ordered("undrained", node); },
                            [](std::string_view node) { return ordered("removed", node); }}};
};

TEST_F(AdminApiTest, LeavesOtherPathsToOthers) {
  for (const char* path : {"/", "/admin", "/administration", "/apps/4711/users"}) {
    EXPECT_FALSE(admin.handle({.method = "GET", .path = path}, std::make_shared<test::FakeExchange>(world))) << path;
  }
}

TEST_F(AdminApiTest, PassesOrdersToNodesOn) {
  const std::string body;
  EXPECT_EQ(write("/admin/nodes/a%20b/drain", body)->response->body, R"({"drained":"a b"})");
  EXPECT_EQ(write("/admin/nodes/b/undrain", body)->response->body, R"({"undrained":"b"})");
  EXPECT_EQ(write("/admin/nodes/b/remove", body)->response->body, R"({"removed":"b"})");
  expect_error(write("/admin/nodes/stranger/remove", body), 404, "not_found");
  EXPECT_EQ(read("/admin/nodes/b/drain")->response->status, 405);
}

TEST_F(AdminApiTest, IsOffWithoutAKey) {
  world.values->admin.key.clear();
  const auto exchange = with("Bearer ");
  expect_error(exchange, 404, "not_found");
  EXPECT_NE(exchange->response->body.find("PARLEY_ADMIN_KEY"), std::string::npos);
  world.values->admin.key_previous = kKey;
  expect_error(read("/admin/info"), 404, "not_found");
}

TEST_F(AdminApiTest, TakesTheKeyAndThePreviousOne) {
  world.values->admin.key_previous = "the-key-of-last-month";
  EXPECT_EQ(with(fmt::format("Bearer {}", kKey))->response->status, 200);
  EXPECT_EQ(with(fmt::format("bearer  {}", kKey))->response->status, 200);
  EXPECT_EQ(with("Bearer the-key-of-last-month")->response->status, 200);
  for (const std::string wrong :
       {"", "Bearer", "Bearer ", "Bearer x", "Basic an-admin-key-of-length", "an-admin-key-of-length",
        "Bearer an-admin-key-of-lengthx", "Bearer an-admin-key-of-lengt"}) {
    const auto exchange = with(wrong);
    expect_error(exchange, 401, "unauthorized");
    EXPECT_EQ(header(*exchange, "WWW-Authenticate"), "Bearer realm=\"parley admin\"");
    EXPECT_EQ(exchange->response->body.find(kKey), std::string::npos);
  }
  EXPECT_EQ(counted("parley_authorizations_refused_total{reason=\"admin\"} "), 8);
}

TEST_F(AdminApiTest, NothingIsDoneForWhoMayNotPass) {
  expect_error(ask(request("POST", "/admin/webhooks/w/drop", R"({"all":true})", "Bearer wrong")), 401, "unauthorized");
  expect_error(ask(request("POST", "/admin/apps/4711/users/7/ban", R"({"for_seconds":60})", "")), 401, "unauthorized");
  expect_error(ask(request("GET", "/admin/nothing", "", "")), 401, "unauthorized");
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(AdminApiTest, TurnsAwayWhoGuessesAndNobodyWhoKnows) {
  const auto right = fmt::format("Bearer {}", kKey);
  for (int i = 0; i < 10; ++i) expect_error(with("Bearer wrong"), 401, "unauthorized");
  const auto refused = with("Bearer wrong");
  expect_error(refused, 429, "rate_limited");
  EXPECT_EQ(header(*refused, "Retry-After"), "60");
  EXPECT_EQ(counted("parley_rate_limited_total{kind=\"admin\"} "), 1);
  EXPECT_EQ(with(right)->response->status, 200) << "from the same address, as everybody behind one proxy";
  expect_error(with("Bearer wrong"), 429, "rate_limited");
  expect_error(with("Bearer wrong", "192.0.2.2"), 401, "unauthorized");
  world.clock.advance(seconds(59));
  expect_error(with("Bearer wrong"), 429, "rate_limited");
  world.clock.advance(seconds(1));
  expect_error(with("Bearer wrong"), 401, "unauthorized");
}

TEST_F(AdminApiTest, MethodsThatAPathDoesNotTakeAre405WithThoseThatItDoes) {
  auto rows = AdminApi::route_table();
  for (auto& row : RestApi::route_table()) rows.push_back({row.method, "/admin" + row.path});
  std::map<std::string, std::set<std::string>> methods;
  for (const auto& row : rows) methods[row.path].insert(row.method);
  ASSERT_GT(methods.size(), 20U);
  for (const auto& [path, taken] : methods) {
    const auto concrete = std::regex_replace(path, std::regex("\\{[a-z]+\\}"), "4711");
    for (const std::string method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"}) {
      if (taken.contains(method)) continue;
      const auto exchange = ask(request(method, concrete));
      ASSERT_TRUE(exchange->response);
      EXPECT_EQ(exchange->response->status, 405) << method << " " << path;
      std::set<std::string> allowed;
      std::istringstream list(header(*exchange, "Allow"));
      for (std::string one; list >> one;) allowed.insert(one.substr(0, one.find(',')));
      EXPECT_EQ(allowed, taken) << path;
    }
  }
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(AdminApiTest, NoAnswerIsKeptByCaches) {
  for (const auto& exchange :
       {read("/admin/info"), with("Bearer wrong"), read("/admin/nothing"), ask(request("PUT", "/admin/apps")),
        read("/admin/apps/none/channels"), read("/admin/apps/4711/connections")}) {
    ASSERT_TRUE(exchange->response);
    EXPECT_EQ(header(*exchange, "Cache-Control"), "no-store") << exchange->response->body;
    EXPECT_EQ(header(*exchange, "Access-Control-Allow-Origin"), "");
  }
}

TEST_F(AdminApiTest, TellsAboutTheNode) {
  world.clock.advance(seconds(90));
  EXPECT_EQ(read("/admin/info")->response->body, R"({"version":"1.2.3","uptime_seconds":90})");
  const auto slot = world.context.take_slot(world.values->apps[0]);
  EXPECT_EQ(read("/admin/apps")->response->body,
            R"({"apps":[{"id":"4711","name":"demo","enabled":true,"connections":1},)"
            R"({"id":"off","name":"off","enabled":false,"connections":0}]})");
  const auto actors = read("/admin/actors?limit=2");
  EXPECT_EQ(only<ListActors>().limit, 2U);
  answer(ActorList{{{"domain", "4711/domain.1", 1, 2, ""}, {"user", "4711/7", 0, 5, "a \"mistake\""}}});
  EXPECT_EQ(actors->response->body,
            R"({"actors":[{"kind":"domain","name":"4711/domain.1","mailbox":1,"messages":2,"last_error":null},)"
            R"({"kind":"user","name":"4711/7","mailbox":0,"messages":5,"last_error":"a \"mistake\""}]})");
  expect_error(read("/admin/actors?limit=0"), 400, "bad_request");
  expect_error(read("/admin/actors?limit=100001"), 400, "bad_request");
  expect_error(read("/admin/"), 404, "not_found");
  expect_error(read("/admin/info/"), 404, "not_found");
  EXPECT_EQ(header(*ask(request("DELETE", "/admin/webhooks")), "Allow"), "GET");
}

TEST_F(AdminApiTest, ServesEveryCallOfTheSignedApiWithoutASignature) {
  std::size_t served = 0;
  for (const auto& row : RestApi::route_table()) {
    auto path = row.path;
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, std::string>>{{"{app}", "4711"},
                                                          {"{channel}", "presence-a"},
                                                          {"{user}", "7"},
                                                          {"{domain}", "1"},
                                                          {"{position}", "000000000000abcd:9"}}) {
      if (const auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), value);
    }
    const auto exchange = ask(request(row.method, "/admin" + path, "{}"));
    // Answered, asked for, or a body that is wrong: never a missing signature or path.
    const int status = exchange->response ? exchange->response->status : 200;
    EXPECT_TRUE(status == 200 || status == 400) << row.method << " " << path << " " << status;
    ++served;
  }
  EXPECT_EQ(served, RestApi::route_table().size());
}

TEST_F(AdminApiTest, PublishesAndModeratesAsOftenAsAsked) {
  for (int i = 0; i < 2; ++i) {
    const auto exchange = write("/admin/apps/4711/events", R"({"name":"e","data":"1","channel":"domain.1"})");
    EXPECT_TRUE(only<Publish>().once.empty()) << "there is no signature that could be used twice";
    answer(Published{});
    EXPECT_EQ(exchange->response->status, 200);
    const auto kicked = write("/admin/apps/4711/users/7/kick", R"({"channel":"presence-domain.1"})");
    answer(Done{});
    EXPECT_EQ(kicked->response->status, 200);
  }
  const auto failed = write("/admin/apps/4711/events", R"({"name":"e","data":"1","channel":"domain.1"})");
  answer(Refused{make_error(Errc::overloaded)});
  expect_error(failed, 503, "overloaded");
}

TEST_F(AdminApiTest, ApplicationsThatAreDisabledAreServedToo) {
  read("/admin/apps/off/users");
  EXPECT_EQ(only<ListUsers>().app, "off");
  expect_error(read("/admin/apps/none/users"), 404, "unknown_app");
  expect_error(read("/admin/apps/4711"), 404, "not_found");
}

TEST_F(AdminApiTest, ListsWebhooks) {
  const auto exchange = read("/admin/webhooks?app=4711");
  EXPECT_EQ(only<ListWebhooks>().app, "4711");
  WebhookList list;
  list.webhooks.push_back({.target = "shop",
                           .app = "4711",
                           .url = "https://shop.example",
                           .waiting = 3,
                           .in_flight = 1,
                           .delivered = 9,
                           .failures = 2,
                           .last_failure = "503",
                           .dead = 4});
  list.webhooks.push_back({.target = "gone", .app = "4711", .url = "", .configured = false});
  answer(list);
  EXPECT_EQ(
      exchange->response->body,
      R"({"webhooks":[{"target":"shop","app":"4711","url":"https://shop.example","configured":true,"waiting":3,"in_flight":1,"delivered":9,)"
      R"("failures":2,"last_failure":"503","dead":4},{"target":"gone","app":"4711","url":null,"configured":false,"waiting":0,"in_flight":0,)"
      R"("delivered":0,"failures":0,"last_failure":null,"dead":0}]})");
  read("/admin/webhooks");
  EXPECT_EQ(only<ListWebhooks>().app, "");
}

TEST_F(AdminApiTest, ListsDeadLetters) {
  const auto exchange = read("/admin/webhooks/shop/dead?limit=2&after=n0");
  EXPECT_EQ(only<ListDeadNotices>().target, "shop");
  EXPECT_EQ(only<ListDeadNotices>().limit, 2U);
  EXPECT_EQ(only<ListDeadNotices>().after, "n0");
  DeadNoticeList list;
  list.notices.push_back({.notice = {.id = "n1",
                                     .app = "4711",
                                     .target = "shop",
                                     .kind = NoticeKind::user_offline,
                                     .time = {5},
                                     .user_id = "7",
                                     .last_seen = {4},
                                     .domains = {"1"}},
                          .died = {9},
                          .why = "503 for a day"});
  list.notices.push_back({.notice = {.id = "n2",
                                     .app = "4711",
                                     .target = "shop",
                                     .kind = NoticeKind::client_event,
                                     .time = {6},
                                     .channel = "presence-a",
                                     .user_id = "7",
                                     .event = "client-x",
                                     .data = R"({"a":1})",
                                     .socket = *SocketId::parse("1.2")},
                          .died = {9}});
  list.next = "n2";
  answer(list);
  EXPECT_EQ(
      exchange->response->body,
      R"({"notices":[{"id":"n1","name":"user_offline","app":"4711","time":5,"died":9,"why":"503 for a day","user_id":"7","last_seen":4,)"
      R"("domains":["1"]},{"id":"n2","name":"client_event","app":"4711","time":6,"died":9,"why":null,"channel":"presence-a",)"
      R"("user_id":"7","event":"client-x","data":"{\"a\":1}","socket_id":"1.2"}],"next":"n2"})");
  expect_error(read("/admin/webhooks/shop/dead?limit=1001"), 400, "bad_request");
  const auto unknown = read("/admin/webhooks/none/dead");
  answer(Refused{make_error(Errc::not_found)});
  expect_error(unknown, 404, "not_found");
}

TEST_F(AdminApiTest, SendsDeadLettersAgainAndDropsThem) {
  const auto replayed = write("/admin/webhooks/shop/replay", R"({"ids":["n1","n2"]})");
  EXPECT_EQ(only<ReplayNotices>().target, "shop");
  EXPECT_EQ(only<ReplayNotices>().ids, (std::vector<std::string>{"n1", "n2"}));
  EXPECT_FALSE(only<ReplayNotices>().drop);
  answer(Done{2});
  EXPECT_EQ(replayed->response->body, R"({"replayed":2})");
  const auto dropped = write("/admin/webhooks/shop/drop", R"({"all":true})");
  EXPECT_TRUE(only<ReplayNotices>().ids.empty());
  EXPECT_TRUE(only<ReplayNotices>().drop);
  answer(Done{7});
  EXPECT_EQ(dropped->response->body, R"({"dropped":7})");
  // Nothing that could be taken for "all" by mistake.
  for (const std::string_view body :
       {"", "{}", "[]", R"({"ids":[]})", R"({"all":false})", R"({"all":1})", R"({"ids":["a"],"all":true})",
        R"({"ids":[7]})", R"({"ids":"a"})", R"({"ids":null})"}) {
    expect_error(write("/admin/webhooks/shop/drop", std::string(body)), 400, "bad_request");
    expect_error(write("/admin/webhooks/shop/replay", std::string(body)), 400, "bad_request");
  }
  EXPECT_TRUE(world.asked.empty());
}

TEST(FailureThrottle, CountsWithinAWindow) {
  FailureThrottle throttle;
  ManualClock clock;
  for (int i = 0; i < 9; ++i) throttle.failed("192.0.2.1", clock.now());
  EXPECT_FALSE(throttle.refuses("192.0.2.1", clock.now()));
  clock.advance(seconds(60));
  throttle.failed("192.0.2.1", clock.now());
  EXPECT_FALSE(throttle.refuses("192.0.2.1", clock.now())) << "the first nine are too long ago";
  for (int i = 0; i < 9; ++i) throttle.failed("192.0.2.1", clock.now());
  EXPECT_TRUE(throttle.refuses("192.0.2.1", clock.now()));
  clock.advance(seconds(60));
  EXPECT_FALSE(throttle.refuses("192.0.2.1", clock.now()));
}

TEST(FailureThrottle, AHouseholdOfIpv6IsOne) {
  FailureThrottle throttle;
  const ManualClock clock;
  for (int i = 0; i < 10; ++i) throttle.failed(fmt::format("2001:db8:1:2::{}", i + 1), clock.now());
  EXPECT_TRUE(throttle.refuses("2001:db8:1:2:ffff::1", clock.now()));
  EXPECT_FALSE(throttle.refuses("2001:db8:1:3::1", clock.now()));
  EXPECT_EQ(throttle.size(), 1U);
}

TEST(FailureThrottle, IsBounded) {
  FailureThrottle throttle({.addresses_max = 3});
  const ManualClock clock;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 50; ++i) {
      throttle.failed("192.0.2.255", clock.now());
      throttle.failed(fmt::format("192.0.2.{}", i), clock.now());
      EXPECT_LE(throttle.size(), 3U);
    }
  }
  EXPECT_TRUE(throttle.refuses("192.0.2.255", clock.now())) << "who goes on guessing is not pushed out";
}

}  // namespace
}  // namespace parley::net
