// HTTP over real sockets: limits, pipelining, proxies, time-outs, and the listener's own errors.

#include "net/health.h"
#include "net/static_files.h"
#include "support.h"

#include <fmt/format.h>

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
  std::optional<std::string> reason;
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
