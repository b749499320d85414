// TLS on the listener, with certificates made here.

#include "../certificate.h"
#include "../support.h"

namespace parley::net::test {
namespace {

Server tls_server(const Certificate& files) {
  return Server([&](FrontEndConfig& config, Settings&) { serve_with(files, config); });
}

ClientOptions trusting(const Certificate& files) {
  ClientOptions options;
  options.ca_file = files.certificate_file;
  return options;
}

TEST(Tls, ServesHttpAndWebSocket) {
  const auto files = make_certificate("one");
  auto server = tls_server(files);
  EXPECT_EQ(http_call("GET", server.url("https", "/who"), "", {}, trusting(files))->body, "127.0.0.1 tls");
  auto client = WebSocketClient::connect(server.url("wss", "/test"), trusting(files));
  ASSERT_TRUE(client.ok()) << client.error().message;
  EXPECT_TRUE(next(*client).starts_with("hello "));
  ASSERT_TRUE(client->send_text("listen room").ok());
  EXPECT_EQ(next(*client), "listening room");
  const std::string big(100'000, 'b');
  for (int i = 0; i < 50; ++i) server.gateway.publish("room", i % 2 == 0 ? "small" : big);
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(next(*client).size(),
              (i % 2 == 0 ? 5U : big.size()) + std::string(R"({"event":"e","channel":"room","data":""})").size());
  EXPECT_TRUE(server.sessions->last().tls);
  EXPECT_EQ(http_call("GET", server.url("https", "/large"), "", {}, trusting(files))->body.size(), 5'000'000U);
}

TEST(Tls, ClosesProperly) {
  const auto files = make_certificate("two");
  auto server = tls_server(files);
  auto client = WebSocketClient::connect(server.url("wss", "/test"), trusting(files));
  ASSERT_TRUE(client.ok());
  EXPECT_TRUE(next(*client).starts_with("hello "));
  ASSERT_TRUE(client->send_text("close 4009").ok());
  EXPECT_EQ(next(*client), "bye");
  EXPECT_EQ(next(*client), "close 4009 asked");
}

TEST(Tls, PlainTalkIsCutOff) {
  const auto files = make_certificate("three");
  auto server = tls_server(files);
  EXPECT_FALSE(http_call("GET", server.url("http", "/hello")).ok());
  EXPECT_TRUE(server.metric_reaches("parley_handshakes_refused_total", 1, "tls"));
}

TEST(Tls, AHalfHandshakeTimesOut) {
  const auto files = make_certificate("four");
  Server server([&](FrontEndConfig& config, Settings& settings) {
    serve_with(files, config);
    settings.limits.handshake_timeout = std::chrono::seconds(1);
  });
  auto silent = HttpClient::connect(*parse_url(server.url("http", "/")));
  ASSERT_TRUE(silent.ok());
  const auto end = silent->socket().read_some(kSoon);
  EXPECT_TRUE(!end.ok() || end->empty());
  EXPECT_TRUE(server.metric_reaches("parley_handshakes_refused_total", 1, "timeout"));
}

TEST(Tls, AReloadServesTheNewCertificateAndKeepsOldConnections) {
  const auto first = make_certificate("five");
  const auto second = make_certificate("six");
  auto server = tls_server(first);
  auto old = WebSocketClient::connect(server.url("wss", "/test"), trusting(first));
  ASSERT_TRUE(old.ok());
  EXPECT_TRUE(next(*old).starts_with("hello "));
  EXPECT_FALSE(http_call("GET", server.url("https", "/hello"), "", {}, trusting(second)).ok());

  std::rename(second.certificate_file.c_str(), first.certificate_file.c_str());
  const auto mismatch = server.front_end->reload_tls();
  ASSERT_FALSE(mismatch.ok());  // the key is still the old one
  EXPECT_NE(mismatch.error().message.find("key"), std::string::npos) << mismatch.error().message;
  std::rename(second.key_file.c_str(), first.key_file.c_str());
  ASSERT_TRUE(server.front_end->reload_tls().ok());
  EXPECT_EQ(http_call("GET", server.url("https", "/hello"), "", {}, trusting(first))->status,
            200);  // the file is the new one now
  ASSERT_TRUE(old->send_text("say still").ok());
  EXPECT_EQ(next(*old), "still");
}

TEST(Tls, AMissingCertificateIsAClearError) {
  Metrics metrics;
  FakeGateway gateway;
  SystemClock clock;
  OsRandom random;
  SettingsSource settings(std::make_shared<const Settings>());
  FrontEndConfig config;
  config.port = 0;
  config.tls_certificate = "/nonexistent/cert.pem";
  config.tls_key = "/nonexistent/key.pem";
  FrontEnd front_end(config, settings, clock, random, metrics, gateway, {}, {});
  const auto status = front_end.start();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("/nonexistent/cert.pem"), std::string::npos);
}

}  // namespace
}  // namespace parley::net::test
