// HTTP over real sockets: limits, pipelining, proxies, time-outs, and the listener's own errors.

#include "../support.h"
#include "net/http/health.h"
#include "net/http/static_files.h"

#include <fmt/format.h>

#include <thread>

#include <sys/resource.h>
#include <unistd.h>

namespace parley::net::test {
namespace {

std::string body_of(const Result<ClientResponse>& response) {
  return response ? fmt::format("{} {}", response->status, response->body) : "error: " + response.error().message;
}

std::string read_to_end(HttpClient& client) {
  std::string all;
  for (;;) {
    auto more = client.socket().read_some(kSoon);
    if (!more || more->empty()) return all;
    all += *more;
  }
}

TEST(Http, KeepsTheConnection) {
  Server server;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(body_of(client->call("GET", "/hello?n=" + std::to_string(i))), fmt::format("200 hello n={}", i));
  EXPECT_EQ(body_of(client->call("POST", "/echo-body", "abc")), "200 POST abc");
  EXPECT_EQ(client->call("GET", "/nothing")->status, 404);
  const auto head = client->call("HEAD", "/hello");
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->header("content-length"), "6");
  EXPECT_EQ(body_of(client->call("GET", "/hello")), "200 hello ");
  EXPECT_TRUE(server.metric_reaches("parley_http_requests_total", 7, "hello"));
}

TEST(Http, AnswersPipelinedRequestsInOrder) {
  Server server;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  std::string requests;
  for (int i = 0; i < 200; ++i) {
    // Every third is answered later, by the gateway.
    requests += i % 3 == 0 ? "GET /ask HTTP/1.1\r\nHost: a\r\n\r\n"
                           : fmt::format("GET /hello?{} HTTP/1.1\r\nHost: a\r\n\r\n", i);
  }
  ASSERT_TRUE(client->send_raw(requests).ok());
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(body_of(client->read_response()), i % 3 == 0 ? "200 asked" : fmt::format("200 hello {}", i));
}

TEST(Http, ReadsRequestsThatComeByteByByte) {
  Server server;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  for (const char byte : std::string("POST /echo-body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")) {
    ASSERT_TRUE(client->send_raw({&byte, 1}).ok());
  }
  EXPECT_EQ(body_of(client->read_response()), "200 POST body");
}

TEST(Http, ReadsChunkedBodies) {
  Server server;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client
                  ->send_raw("POST /echo-body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                             "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                  .ok());
  EXPECT_EQ(body_of(client->read_response()), "200 POST abcde");
}

// What a client sends as fast as it is taken, until the server takes no more or closes.
std::size_t send_until_refused(HttpClient& client, std::string_view piece, std::size_t most) {
  std::size_t sent = 0;
  while (sent < most && client.send_raw(piece).ok()) sent += piece.size();
  return sent;
}

TEST(Http, WhatIsAroundChunksIsBounded) {
  Server server;
  const std::string head = "POST /echo-body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string extension = "1;x=" + std::string(4'000, 'a') + "\r\na\r\n";
  const std::vector<std::pair<std::string, std::string>> endless = {
      {"1;x=", std::string(8'192, 'a')},                              // one extension
      {"", extension},                                                // many, of many chunks
      {"", std::string(8'192, '0')},                                  // a size
      {"1\r\na\r\n0\r\nX: ", std::string(8'192, 'a')},                // a trailer
      {"1\r\na\r\n0\r\n", "X: " + std::string(1'000, 'a') + "\r\n"},  // trailers
  };
  for (const auto& [start, more] : endless) {
    auto client = server.http();
    ASSERT_TRUE(client.ok());
    ASSERT_TRUE(client->send_raw(head + start).ok());
    for (int i = 0; i < 40; ++i) {
      if (!client->send_raw(more).ok()) break;
    }
    EXPECT_TRUE(read_to_end(*client).starts_with("HTTP/1.1 431 ")) << start;
  }
  // Small chunks are not what is meant, and what one may say beside them neither.
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  std::string text = head;
  for (int i = 0; i < 20'000; ++i) text += "1\r\na\r\n";
  ASSERT_TRUE(client->send_raw(text + "1;name=\"value\"\r\nb\r\n0\r\nX-Checksum: 1\r\n\r\n").ok());
  EXPECT_EQ(body_of(client->read_response()), "200 POST " + std::string(20'000, 'a') + "b");
  EXPECT_EQ(body_of(client->call("GET", "/hello")), "200 hello ");
}

TEST(Http, TrailersAreNoHeaders) {
  Server server([](FrontEndConfig& config, Settings&) { config.trusted_proxies = {"127.0.0.0/8"}; });
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client
                  ->send_raw("POST /who HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nTransfer-Encoding: "
                             "chunked\r\n\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\r\n")
                  .ok());
  EXPECT_EQ(body_of(client->read_response()), "200 1.2.3.4 plain");
}

TEST(Http, HeadsThatTwoServersReadInTwoWaysAreRefused) {
  Server server;
  const std::string second = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const auto& [head, status] : std::vector<std::pair<std::string, int>>{
           {"POST /echo-body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
           {"POST /echo-body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501},
           {"POST /echo-body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
           {"POST /echo-body HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
           {"GET /hello HTTP/1.1\r\n\r\n", 400},
           {"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
           {"POST /echo-body HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 415},
       }) {
    auto client = server.http();
    ASSERT_TRUE(client.ok());
    ASSERT_TRUE(client->send_raw(head + second).ok());
    const auto all = read_to_end(*client);
    EXPECT_TRUE(all.starts_with(fmt::format("HTTP/1.1 {} ", status))) << head << all;
    EXPECT_EQ(all.find("HTTP/1.1", 1), std::string::npos) << "the rest was taken for a request: " << head << all;
  }
}

TEST(Http, AnswersThatNobodyReadsStopTheReading) {
  Server server;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  std::string requests;
  for (int i = 0; i < 1'000; ++i) requests += "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_TRUE(client->send_raw(requests).ok());
  auto other = server.http();
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(server.metric_reaches("parley_http_requests_total", 1, "other"));
  EXPECT_EQ(body_of(other->call("GET", "/hello")), "200 hello ");
  EXPECT_LE(server.metric("parley_write_queue_bytes"), 6'000'000) << "one answer at a time";
  // And goes on where it was.
  for (int i = 0; i < 5; ++i) ASSERT_EQ(client->read_response()->body.size(), 5'000'000U) << i;
  EXPECT_LE(server.metric("parley_write_queue_bytes"), 6'000'000);
}

TEST(Http, BytesOfOneAddressAreBounded) {
  Server server([](FrontEndConfig&, Settings& settings) { settings.limits.http_bytes_per_address_max = 1'000'000; });
  const std::string head = "POST /echo-body HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n";
  auto one = server.http();
  auto two = server.http();
  ASSERT_TRUE(one.ok() && two.ok());
  ASSERT_TRUE(one->send_raw(head + std::string(800'000, 'x')).ok());
  ASSERT_TRUE(server.metric_reaches("parley_http_bytes", 798'720));
  (void)send_until_refused(*two, head + std::string(800'000, 'x'), 800'000);
  EXPECT_TRUE(read_to_end(*two).starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(server.metric("parley_share_refusals_total", "http_bytes"), 1);
  ASSERT_TRUE(one->send_raw(std::string(100'000, 'x')).ok());
  EXPECT_EQ(one->read_response()->status, 200);
  while (server.metric("parley_http_bytes") > 0) std::this_thread::yield();
}

TEST(Http, ASlowBodyIsCutOffWhateverDripsIn) {
  Server server(
      [](FrontEndConfig&, Settings& settings) { settings.limits.handshake_timeout = std::chrono::seconds(1); });
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client->send_raw("POST /echo-body HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").ok());
  std::string told;
  while (told.empty() && client->send_raw("x").ok()) {
    if (const auto more = client->socket().read_some(20ms)) told = *more;
  }
  EXPECT_TRUE(told.starts_with("HTTP/1.1 408 ")) << told;
}

TEST(Http, ConnectionsOfOneAddressAreBounded) {
  Server server([](FrontEndConfig&, Settings& settings) { settings.limits.http_connections_per_address_max = 2; });
  auto one = server.http();
  auto two = server.http();
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(body_of(one->call("GET", "/hello")), "200 hello ");
  EXPECT_EQ(body_of(two->call("GET", "/hello")), "200 hello ");
  auto three = server.http();
  ASSERT_TRUE(three.ok());
  EXPECT_TRUE(read_to_end(*three).starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(server.metric("parley_share_refusals_total", "http_connections"), 1);
  // A WebSocket is no HTTP connection any more.
  one = make_error(Errc::not_found);
  two = make_error(Errc::not_found);
  while (server.metric("parley_connections", "protocol=\"http\"") > 0) std::this_thread::yield();
  auto a = server.open();
  auto b = server.open();
  auto c = server.open();
  ASSERT_TRUE(a.ok() && b.ok() && c.ok());
}

TEST(Http, APlainRequestForAWebSocketIsToldWhatItLacks) {
  Server server;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  const auto answer = client->call("GET", "/test", "", {{"Connection", "close"}});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 426);
  EXPECT_EQ(answer->header("upgrade"), "websocket");
  EXPECT_NE(answer->body.find("`Upgrade: websocket`"), std::string::npos) << answer->body;
  EXPECT_NE(answer->body.find("proxy_http_version 1.1"), std::string::npos) << answer->body;
  auto old = server.http();
  ASSERT_TRUE(old.ok());
  ASSERT_TRUE(old->send_raw("GET /test HTTP/1.0\r\n\r\n").ok());
  const auto told = read_to_end(*old);
  EXPECT_TRUE(told.starts_with("HTTP/1.1 426 ")) << told;
  EXPECT_NE(told.find("lacks HTTP/1.1"), std::string::npos) << told;
  EXPECT_EQ(server.metric("parley_handshakes_refused_total", "not_upgraded"), 2);
}

TEST(Http, RefusesWhatIsNotHttp) {
  Server server;
  for (const char* bad :
       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: abc\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"}) {
    auto client = server.http();
    ASSERT_TRUE(client.ok());
    ASSERT_TRUE(client->send_raw(bad).ok());
    ASSERT_TRUE(client->send_raw("\r\n\r\n").ok());
    EXPECT_TRUE(read_to_end(*client).starts_with("HTTP/1.1 400 ")) << bad;
  }
}

TEST(Http, BoundsHeaders) {
  Server server;
  for (const std::string& request : {"GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n",
                                     "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n",
                                     "GET / HTTP/1.1\r\n" + std::string(20'000, 'x')}) {
    auto client = server.http();
    ASSERT_TRUE(client.ok());
    ASSERT_TRUE(client->send_raw(request).ok());
    EXPECT_EQ(client->read_response()->status, 431);
  }
}

TEST(Http, BoundsBodiesAndStillTellsWhy) {
  Server server([](FrontEndConfig&, Settings& settings) { settings.limits.http_body_bytes_max = 1'000'000; });
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  // Sends all of it, as most clients do before they look for an answer.
  EXPECT_EQ(client->call("POST", "/echo-body", std::string(3'000'000, 'x'))->status, 413);
  auto chunked = server.http();
  ASSERT_TRUE(chunked.ok());
  std::string text = "POST /echo-body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) text += "10000\r\n" + std::string(65'536, 'x') + "\r\n";
  ASSERT_TRUE(chunked->send_raw(text).ok());
  EXPECT_EQ(chunked->read_response()->status, 413);
  auto fits = server.http();
  ASSERT_TRUE(fits.ok());
  EXPECT_EQ(fits->call("POST", "/echo-body", std::string(999'999, 'x'))->body.size(), 1'000'004U);
}

TEST(Http, SendsContinueToWhoWaitsForIt) {
  Server server;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(
      client->send_raw("POST /echo-body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
          .ok());
  const auto first = client->socket().read_some(kSoon);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*first, "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client->send_raw("ok").ok());
  EXPECT_EQ(body_of(client->read_response()), "200 POST ok");
  auto large = server.http();
  ASSERT_TRUE(large.ok());
  ASSERT_TRUE(
      large->send_raw("POST /echo-body HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
          .ok());
  EXPECT_EQ(large->read_response()->status, 413);
}

TEST(Http, ClosesWhenAsked) {
  Server server;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(
      client->send_raw("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /hello HTTP/1.1\r\n\r\n").ok());
  const std::string all = read_to_end(*client);
  EXPECT_EQ(all.find("hello "), all.rfind("hello "));  // one answer
  EXPECT_NE(all.find("Connection: close"), std::string::npos);
  auto old = server.http();
  ASSERT_TRUE(old.ok());
  ASSERT_TRUE(old->send_raw("GET /hello HTTP/1.0\r\n\r\n").ok());
  EXPECT_NE(read_to_end(*old).find("hello "), std::string::npos);
}

TEST(Http, LargeAnswersArriveWhole) {
  Server server;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(client->call("GET", "/large")->body, std::string(5'000'000, 'x'));
  EXPECT_EQ(body_of(client->call("GET", "/hello")), "200 hello ");
}

TEST(Http, AHandlerCannotSplitTheResponse) {
  Server server;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  const auto response = client->call("GET", "/split");
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->header("x-injected"), "");
}

TEST(Http, SlowGatewaysAreTimedOut) {
  Server server([](FrontEndConfig& config, Settings&) { config.request_timeout = 50ms; });
  server.gateway.silent = true;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(client->call("GET", "/ask")->status, 503);
  EXPECT_EQ(body_of(client->call("GET", "/hello")), "200 hello ");
}

TEST(Http, AForgottenRequestIsAnswered) {
  Server server;
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(client->call("GET", "/never")->status, 500);
  EXPECT_EQ(body_of(client->call("GET", "/hello")), "200 hello ");
}

TEST(Http, HalfOpenHandshakesAreClosed) {
  Server server(
      [](FrontEndConfig&, Settings& settings) { settings.limits.handshake_timeout = std::chrono::seconds(1); });
  auto silent = server.http();
  auto half = server.http();
  auto body = server.http();
  ASSERT_TRUE(silent.ok() && half.ok() && body.ok());
  ASSERT_TRUE(half->send_raw("GET /test HTTP/1.1\r\nUpgrade: web").ok());
  ASSERT_TRUE(body->send_raw("POST /echo-body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").ok());
  EXPECT_EQ(read_to_end(*half), "");
  EXPECT_EQ(read_to_end(*silent), "");
  EXPECT_TRUE(read_to_end(*body).starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(server.metric_reaches("parley_handshakes_refused_total", 1, "timeout"));
}

TEST(Http, IdleConnectionsAreClosed) {
  Server server(
      [](FrontEndConfig&, Settings& settings) { settings.limits.http_idle_timeout = std::chrono::seconds(1); });
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(body_of(client->call("GET", "/hello")), "200 hello ");
  EXPECT_EQ(read_to_end(*client), "");
}

TEST(Http, ThePrefixIsCutOff) {
  Server server([](FrontEndConfig& config, Settings&) { config.path_prefix = "live/"; });
  auto client = server.http();
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(body_of(client->call("GET", "/live/hello?x")), "200 hello x");
  EXPECT_EQ(body_of(client->call("GET", "/hello")), "200 hello ");
  EXPECT_EQ(client->call("GET", "/livehello")->status, 404);
  auto session = server.open("/live/test");
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(server.sessions->last().path, "/test");
}

TEST(Http, ForwardedHeadersCountFromTrustedProxiesOnly) {
  const ClientHeaders headers = {{"X-Forwarded-For", "6.6.6.6, 9.8.7.6"}, {"X-Forwarded-Proto", "https"}};
  Server untrusting;
  auto direct = untrusting.http();
  ASSERT_TRUE(direct.ok());
  EXPECT_EQ(direct->call("GET", "/who", "", headers)->body, "127.0.0.1 plain");
  Server trusting([](FrontEndConfig& config, Settings&) { config.trusted_proxies = {"127.0.0.0/8"}; });
  auto proxied = trusting.http();
  ASSERT_TRUE(proxied.ok());
  EXPECT_EQ(proxied->call("GET", "/who", "", headers)->body, "9.8.7.6 tls");
}

TEST(Http, MetricsHaveTheirOwnPort) {
  Server server;
  const auto text = http_call("GET", fmt::format("http://127.0.0.1:{}/metrics", server.front_end->metrics_port()));
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->body.find("parley_connections_opened_total"), std::string::npos);
  EXPECT_EQ(http_call("GET", server.url("http", "/metrics"))->status, 404);
  EXPECT_FALSE(WebSocketClient::connect(fmt::format("ws://127.0.0.1:{}/test", server.front_end->metrics_port())).ok());
}

TEST(Http, AUsedPortIsAClearError) {
  Server server;
  FrontEndConfig config;
  config.port = server.front_end->port();
  config.metrics_port = 0;
  Metrics metrics;
  FakeGateway gateway;
  FrontEnd second(config, *server.settings, server.clock, server.random, metrics, gateway, {}, {});
  const auto status = second.start();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find(std::to_string(config.port)), std::string::npos);
  EXPECT_NE(status.error().message.find("another program"), std::string::npos) << status.error().message;
  config.port = 0;
  config.trusted_proxies = {"not-an-address"};
  FrontEnd third(config, *server.settings, server.clock, server.random, metrics, gateway, {}, {});
  EXPECT_FALSE(third.start().ok());
}

TEST(Http, RunningOutOfDescriptorsPausesAndRecovers) {
  Server server;
  auto before = server.http();
  ASSERT_TRUE(before.ok());
  EXPECT_EQ(body_of(before->call("GET", "/hello")), "200 hello ");
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  // The client's descriptor still fits; the server's half of the connection does not.
  const int lowest = ::dup(0);
  ::close(lowest);
  rlimit tight = old;
  tight.rlim_cur = static_cast<rlim_t>(lowest) + 1;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  auto waiting = server.http();
  ASSERT_TRUE(waiting.ok()) << waiting.error().message;
  const bool counted = server.metric_reaches("parley_handshakes_refused_total", 1, "out_of_descriptors");
  const auto others = before->call("GET", "/hello");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
  EXPECT_TRUE(counted);
  EXPECT_EQ(body_of(others), "200 hello ");
  EXPECT_LT(server.metric("parley_handshakes_refused_total", "out_of_descriptors"), 100);  // did not spin
  EXPECT_EQ(body_of(waiting->call("GET", "/hello")), "200 hello ");
}

// ---- the handlers of net itself ----

class Ready final : public Readiness {
 public:
  [[nodiscard]] std::optional<std::string> reason_not_ready() const override { return reason; }
  [[nodiscard]] std::optional<NeedsNode> reason_not_to_stop() const override { return needs; }
  std::optional<std::string> reason;
  std::optional<NeedsNode> needs;
};

class Answer final : public Exchange {
 public:
  void respond(HttpResponse response) override { got = std::move(response); }
  void request(Request, std::function<void(Reply&)>) override {}
  [[nodiscard]] MonoTime now() const override { return {}; }
  [[nodiscard]] WallTime wall() const override { return {}; }
  [[nodiscard]] SettingsPtr settings() const override { return nullptr; }
  std::optional<HttpResponse> got;
};

std::optional<HttpResponse> get(HttpHandler& handler, const std::string& path, const std::string& method = "GET") {
  const auto answer = std::make_shared<Answer>();
  HttpRequest request;
  request.method = method;
  request.path = path;
  const bool taken = handler.handle(request, answer);
  EXPECT_EQ(taken, answer->got.has_value());
  return answer->got;
}

TEST(Health, SaysWhetherTheNodeMayBeStopped) {
  Ready ready;
  ready.reason = "draining";
  const auto health = make_health_handler(ready);
  EXPECT_EQ(get(*health, "/health/can-stop")->status, 200);
  ready.needs = NeedsNode{"2 shards would miss it", {ShardId{3}, ShardId{7}}};
  EXPECT_EQ(get(*health, "/health/can-stop")->status, 503);
  EXPECT_EQ(get(*health, "/health/can-stop")->body,
            R"({"status":"needed","reason":"2 shards would miss it","shards":[3,7]})");
  EXPECT_EQ(get(*health, "/health/can-stop", "POST")->status, 405);
}

TEST(Health, SaysWhatItIs) {
  Ready ready;
  const auto health = make_health_handler(ready);
  for (const char* path : {"/health/live", "/up", "/health/ready", "/ready", "/accept-traffic"})
    EXPECT_EQ(get(*health, path)->status, 200) << path;
  ready.reason = "draining";
  for (const char* path : {"/health/live", "/up"}) EXPECT_EQ(get(*health, path)->status, 200) << path;
  for (const char* path : {"/health/ready", "/ready", "/accept-traffic"}) {
    EXPECT_EQ(get(*health, path)->status, 503) << path;
    EXPECT_NE(get(*health, path)->body.find("draining"), std::string::npos);
  }
  EXPECT_EQ(get(*health, "/health/live", "POST")->status, 405);
  EXPECT_FALSE(get(*health, "/health").has_value());
}

TEST(Health, TheWelcomePageTellsTheState) {
  Ready ready;
  const auto page = make_welcome_handler(ready, "1.2.3");
  EXPECT_NE(get(*page, "/")->body.find("1.2.3"), std::string::npos);
  EXPECT_NE(get(*page, "/")->body.find("/app/{key}"), std::string::npos);
  ready.reason = "storage unavailable";
  EXPECT_NE(get(*page, "/")->body.find("storage unavailable"), std::string::npos);
}

TEST(StaticFiles, ServeWhatTheyHave) {
  const auto files = make_static_files({{"/", {"<p>", "text/html"}}, {"/a.js", {"js", "text/javascript"}}});
  EXPECT_EQ(get(*files, "/")->content_type, "text/html");
  EXPECT_EQ(get(*files, "/a.js")->body, "js");
  EXPECT_EQ(get(*files, "/a.js", "DELETE")->status, 405);
  EXPECT_FALSE(get(*files, "/../a.js").has_value());
}

}  // namespace
}  // namespace parley::net::test
