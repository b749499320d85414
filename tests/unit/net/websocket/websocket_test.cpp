// WebSocket connections over real sockets: upgrade, frames, fan-out, slow readers, ends.

#include "../support.h"

#include <fmt/format.h>

#include <thread>

namespace parley::net::test {
namespace {

std::unique_ptr<WebSocketClient> client_of(Server& server, std::string_view target = "/test") {
  auto client = server.open(target);
  EXPECT_TRUE(client.ok()) << (client.ok() ? "" : client.error().message);
  auto owned = std::make_unique<WebSocketClient>(std::move(*client));
  EXPECT_TRUE(next(*owned).starts_with("hello "));
  return owned;
}

std::string ask(WebSocketClient& client, std::string_view text) {
  EXPECT_TRUE(client.send_text(text).ok());
  return next(client);
}

std::string event(std::string_view channel, std::string_view data) {
  return fmt::format(R"({{"event":"e","channel":"{}","data":"{}"}})", channel, data);
}

bool ended(const Request& request, LeaveReason reason, bool by_us = false) {
  const auto* gone = std::get_if<Unsubscribe>(&request.what);
  return gone && gone->reason == reason && (gone->client_id == "by us") == by_us;
}

TEST(WebSocket, TalksAfterTheUpgrade) {
  Server server;
  auto client = client_of(server, "/test?a=b");
  EXPECT_EQ(ask(*client, "say hi"), "hi");
  EXPECT_EQ(server.sessions->last().query, "a=b");
  EXPECT_EQ(server.sessions->last().client_address, "127.0.0.1");
}

TEST(WebSocket, AnswersManyFramesThatComeInOneSegment) {
  Server server;
  auto client = client_of(server);
  std::string together;
  for (int i = 0; i < 500; ++i) {
    const std::string text = "say " + std::to_string(i);
    together += static_cast<char>(0x81);
    together += static_cast<char>(0x80 | text.size());
    together += std::string(4, '\0');  // a mask of zeros leaves the text as it is
    together += text;
  }
  ASSERT_TRUE(client->send_raw(together).ok());
  for (int i = 0; i < 500; ++i) ASSERT_EQ(next(*client), std::to_string(i));
}

TEST(WebSocket, ReadsFramesThatComeByteByByte) {
  Server server;
  auto client = client_of(server);
  const std::string text = "say slowly";
  std::string frame = {static_cast<char>(0x81), static_cast<char>(0x80 | text.size()), 0, 0, 0, 0};
  frame += text;
  for (const char byte : frame) ASSERT_TRUE(client->send_raw({&byte, 1}).ok());
  EXPECT_EQ(next(*client), "slowly");
}

TEST(WebSocket, ReadsFramesThatCameWithTheRequest) {
  Server server;
  auto socket = HttpClient::connect(*parse_url(server.url("http", "/")));
  ASSERT_TRUE(socket.ok());
  std::string text =
      "GET /test HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  text += {static_cast<char>(0x81), static_cast<char>(0x80 | 9), 0, 0, 0, 0};
  text += "say early";
  ASSERT_TRUE(socket->send_raw(text).ok());
  std::string got;
  while (got.find("early") == std::string::npos) {
    const auto more = socket->socket().read_some(kSoon);
    ASSERT_TRUE(more.ok() && !more->empty()) << got;
    got += *more;
  }
  EXPECT_NE(got.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
}

TEST(WebSocket, PutsFragmentsTogether) {
  Server server;
  auto client = client_of(server);
  ASSERT_TRUE(client->send_frame(Opcode::text, "say ", false).ok());
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(client->send_frame(Opcode::continuation, "ab", false).ok());
  ASSERT_TRUE(client->send_frame(Opcode::ping, "between").ok());
  ASSERT_TRUE(client->send_frame(Opcode::continuation, "", true).ok());
  EXPECT_EQ(next(*client), "pong between");
  std::string expected;
  for (int i = 0; i < 1'000; ++i) expected += "ab";
  EXPECT_EQ(next(*client), expected);
}

TEST(WebSocket, TheProtocolHearsOfPingsAndPongs) {
  Server server;
  auto client = client_of(server);
  ASSERT_TRUE(client->send_frame(Opcode::ping, "a").ok());
  EXPECT_EQ(next(*client), "pong a");
  ASSERT_TRUE(client->send_frame(Opcode::pong, "nobody asked").ok());
  ASSERT_TRUE(client->send_text("controls").ok());
  EXPECT_EQ(next(*client), "controls 2");
  // Many together.
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client->send_frame(Opcode::pong, "").ok());
  ASSERT_TRUE(client->send_text("controls").ok());
  EXPECT_EQ(next(*client), "controls 102");
}

TEST(WebSocket, LargeMessagesKeepTheirBytes) {
  Server server;
  auto client = client_of(server);
  std::string text;
  while (text.size() < 120'000) text += std::to_string(text.size()) + ",";
  EXPECT_EQ(ask(*client, "say " + text), text);
}

TEST(WebSocket, HandsBinaryFramesToTheProtocol) {
  Server server;
  auto client = client_of(server);
  ASSERT_TRUE(client->send_frame(Opcode::binary, std::string(300, '\xff')).ok());
  EXPECT_EQ(next(*client), "binary 300");
}

TEST(WebSocket, RefusesWhatBreaksTheRules) {
  struct Case {
    const char* what;
    std::string bytes;
    int code;
  };
  std::string oversize = {static_cast<char>(0x81), static_cast<char>(0xff)};
  oversize += std::string("\0\0\0\0\0\x10\0\0", 8) + std::string(4, '\0');  // says 1 MB
  const std::vector<Case> cases = {
      {"oversize", oversize, 1009},
      {"unmasked", std::string("\x81\x02hi"), 1002},
      {"reserved bits", std::string("\xf1\x80\0\0\0\0", 6), 1002},
      {"unknown opcode", std::string("\x83\x80\0\0\0\0", 6), 1002},
      {"fragmented ping", std::string("\x09\x80\0\0\0\0", 6), 1002},
      {"bad UTF-8", std::string("\x81\x82\0\0\0\0\xff\xff", 8), 1007},
      {"continuation of nothing", std::string("\x80\x80\0\0\0\0", 6), 1002},
  };
  Server server;
  for (const Case& each : cases) {
    auto client = client_of(server);
    ASSERT_TRUE(client->send_raw(each.bytes).ok());
    EXPECT_TRUE(next(*client).starts_with("close " + std::to_string(each.code))) << each.what;
  }
  EXPECT_TRUE(server.metric_reaches("parley_connections_closed_total", 1, "too_large"));
  EXPECT_TRUE(server.metric_reaches("parley_connections_closed_total", 6, "bad_frame"));
  auto client = client_of(server);
  EXPECT_EQ(ask(*client, "say still here"), "still here");
}

TEST(WebSocket, AFragmentedMessageIsBoundedToo) {
  Server server;
  auto client = client_of(server);
  const std::string piece(60'000, 'x');
  ASSERT_TRUE(client->send_frame(Opcode::text, piece, false).ok());
  ASSERT_TRUE(client->send_frame(Opcode::continuation, piece, false).ok());
  (void)client->send_frame(Opcode::continuation, piece, true).ok();
  EXPECT_TRUE(next(*client).starts_with("close 1009"));
}

TEST(WebSocket, ClosesWithTheProtocolsCodeAfterItsLastWords) {
  Server server;
  auto client = client_of(server);
  EXPECT_EQ(ask(*client, "close 4001"), "bye");
  EXPECT_EQ(next(*client), "close 4001 asked");
  EXPECT_TRUE(server.gateway.wait_for([](const Request& r) { return ended(r, LeaveReason::connection_lost, true); }));
  client->close(4001);
  EXPECT_TRUE(next(*client).starts_with("close 1006"));  // the end of the stream
  EXPECT_TRUE(server.metric_reaches("parley_connections_closed_total", 1, "terminated"));
}

TEST(WebSocket, APeerThatNeverAnswersACloseIsCutOff) {
  Server server([](FrontEndConfig& config, Settings&) { config.closing_timeout = 50ms; });
  auto client = client_of(server);
  EXPECT_EQ(ask(*client, "close 4001"), "bye");
  EXPECT_EQ(next(*client), "close 4001 asked");
  EXPECT_TRUE(next(*client).starts_with("close 1006"));
}

TEST(WebSocket, AnswersTheClientsClose) {
  Server server;
  auto client = client_of(server);
  client->close(1000, "done");
  EXPECT_TRUE(next(*client).starts_with("close 1000"));
  EXPECT_TRUE(server.gateway.wait_for([](const Request& r) { return ended(r, LeaveReason::closed_by_client); }));
  EXPECT_TRUE(server.metric_reaches("parley_connections_closed_total", 1, "client"));
}

TEST(WebSocket, NoticesALostConnection) {
  Server server;
  client_of(server).reset();
  EXPECT_TRUE(server.gateway.wait_for([](const Request& r) { return ended(r, LeaveReason::connection_lost); }));
}

TEST(WebSocket, DeadlinesComeDue) {
  Server server;
  server.sessions->deadline_ms = 30;
  auto client = client_of(server);
  EXPECT_EQ(next(*client), "deadline");
}

TEST(WebSocket, FansOutToAHundredOnSeveralThreads) {
  Server server([](FrontEndConfig& config, Settings&) { config.io_threads = 3; });
  std::vector<std::unique_ptr<WebSocketClient>> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(client_of(server));
  for (auto& client : clients) EXPECT_EQ(ask(*client, "listen room"), "listening room");
  for (int i = 0; i < 20; ++i) server.gateway.publish("room", "n" + std::to_string(i));
  for (auto& client : clients) {
    for (int i = 0; i < 20; ++i) ASSERT_EQ(next(*client), event("room", "n" + std::to_string(i)));
  }
  EXPECT_TRUE(server.metric_reaches("parley_deliveries_total", 2'000));
  EXPECT_GE(server.metric("parley_publish_to_write_seconds_count"), 20.0);
  for (auto& client : clients) EXPECT_EQ(ask(*client, "leave room"), "left room");
  server.gateway.publish("room", "nobody");
  for (auto& client : clients) EXPECT_EQ(ask(*client, "say end"), "end");
}

TEST(WebSocket, ThePublisherGetsItsAnswerButNotItsEvent) {
  Server server;
  auto a = client_of(server);
  auto b = client_of(server);
  EXPECT_EQ(ask(*a, "listen room"), "listening room");
  EXPECT_EQ(ask(*b, "listen room"), "listening room");
  EXPECT_EQ(ask(*a, "publish room hi"), "published room");
  EXPECT_EQ(next(*b), event("room", "hi"));
  EXPECT_EQ(ask(*a, "say end"), "end");
}

TEST(WebSocket, ThroughListenersGetEventsThroughTheirProtocol) {
  Server server;
  auto client = client_of(server);
  EXPECT_EQ(ask(*client, "through room"), "listening room");
  server.gateway.publish("room", "one");
  EXPECT_EQ(next(*client), "through");
  EXPECT_EQ(next(*client), event("room", "one"));
  server.gateway.publish("room", "go");
  EXPECT_EQ(next(*client), "through");
  EXPECT_EQ(next(*client), event("room", "go"));
  server.gateway.publish("room", "gone");
  EXPECT_EQ(ask(*client, "say end"), "end");
}

TEST(WebSocket, FramesPongsAndEchoesNeverMix) {
  Server server;
  auto client = client_of(server);
  EXPECT_EQ(ask(*client, "listen room"), "listening room");
  constexpr int kEach = 1'500;
  const std::string filler(900, 'x');
  std::thread publisher([&] {
    for (int i = 0; i < kEach; ++i) server.gateway.publish("room", filler + std::to_string(i));
  });
  std::thread sender([&] {
    for (int i = 0; i < kEach; ++i) {
      if (!client->send_frame(Opcode::ping, "p" + std::to_string(i)).ok()) return;
      if (!client->send_text("say s" + std::to_string(i)).ok()) return;
    }
  });
  int events = 0, pongs = 0, echoes = 0;
  while (events < kEach || pongs < kEach || echoes < kEach) {
    const std::string got = next(*client);
    if (got.starts_with("pong ")) {
      ASSERT_EQ(got, "pong p" + std::to_string(pongs++));
    } else if (got.starts_with("s")) {
      ASSERT_EQ(got, "s" + std::to_string(echoes++));
    } else {
      ASSERT_EQ(got, event("room", filler + std::to_string(events))) << events;
      ++events;
    }
  }
  publisher.join();
  sender.join();
}

TEST(WebSocket, ASlowReaderIsClosedAndCounted) {
  Server server([](FrontEndConfig& config, Settings& settings) {
    settings.limits.write_queue_bytes_max = 200'000;
    config.closing_timeout = 60s;  // it reads on when it likes
  });
  auto slow = client_of(server);
  auto quick = client_of(server);
  EXPECT_EQ(ask(*slow, "listen room"), "listening room");
  EXPECT_EQ(ask(*quick, "listen room"), "listening room");
  const std::string big(100'000, 'x');
  int sent = 0;
  for (; sent < 2'000 && server.metric("parley_slow_consumers_total") == 0; ++sent) {
    server.gateway.publish("room", big);
    ASSERT_EQ(next(*quick), event("room", big));  // the others are not held up
  }
  EXPECT_EQ(server.metric("parley_slow_consumers_total"), 1);
  EXPECT_TRUE(server.metric_reaches("parley_connections_closed_total", 1, "slow_consumer"));
  EXPECT_TRUE(server.gateway.wait_for([](const Request& r) { return ended(r, LeaveReason::connection_lost, true); }));
  // When it reads again it gets whole frames and then the reason.
  int frames = 0;
  std::string got;
  while ((got = next(*slow)) == event("room", big)) ++frames;
  EXPECT_TRUE(got.starts_with("close 4100")) << got.substr(0, 100);
  EXPECT_LT(frames, sent);
}

TEST(WebSocket, ABurstThatTheSocketTakesIsNotSlow) {
  Server server([](FrontEndConfig&, Settings& settings) { settings.limits.write_queue_bytes_max = 150'000; });
  auto client = client_of(server);
  ASSERT_TRUE(client->send_text("flood 300000").ok());
  for (int i = 0; i < 300; ++i) ASSERT_EQ(next(*client).size(), 1'000U);
  EXPECT_EQ(ask(*client, "say end"), "end");
}

TEST(WebSocket, TheQueueGaugeReturnsToNothing) {
  // More than the kernel takes for a reader that does not read.
  Server server([](FrontEndConfig&, Settings& settings) { settings.limits.write_queue_bytes_max = 64'000'000; });
  auto client = client_of(server);
  ASSERT_TRUE(client->send_text("flood 30000000").ok());
  EXPECT_TRUE(server.metric_reaches("parley_write_queue_bytes", 1));
  for (int i = 0; i < 30'000; ++i) ASSERT_EQ(next(*client).size(), 1'000U);
  EXPECT_EQ(ask(*client, "say end"), "end");
  const MonoTime until = server.clock.now() + kSoon;
  while (server.metric("parley_write_queue_bytes") != 0 && server.clock.now() < until) std::this_thread::yield();
  EXPECT_EQ(server.metric("parley_write_queue_bytes"), 0);
}

TEST(WebSocket, CapacityIsRefusedAfterTheUpgrade) {
  Server server([](FrontEndConfig&, Settings& settings) { settings.limits.connections_max = 2; });
  auto a = client_of(server);
  auto b = client_of(server);
  auto c = server.open();
  ASSERT_TRUE(c.ok());
  EXPECT_EQ(next(*c), "full");
  EXPECT_TRUE(next(*c).starts_with("close 4100"));
  a->close();
  EXPECT_TRUE(next(*a).starts_with("close 1000"));
  auto d = client_of(server);
  EXPECT_EQ(ask(*d, "say in"), "in");
}

TEST(WebSocket, AnAddressMayBeBounded) {
  Server server([](FrontEndConfig& config, Settings& settings) {
    settings.limits.connections_per_address_max = 1;
    config.trusted_proxies = {"127.0.0.1"};
  });
  auto a = server.open("/test", {{"X-Forwarded-For", "1.1.1.1"}});
  auto b = server.open("/test", {{"X-Forwarded-For", "2.2.2.2"}});
  auto c = server.open("/test", {{"X-Forwarded-For", "1.1.1.1"}});
  ASSERT_TRUE(a.ok() && b.ok() && c.ok());
  EXPECT_TRUE(next(*a).starts_with("hello"));
  EXPECT_TRUE(next(*b).starts_with("hello"));
  EXPECT_EQ(next(*c), "full");
}

TEST(WebSocket, MessagesThatNeverEndAreBoundedByAddress) {
  Server server([](FrontEndConfig&, Settings& settings) {
    settings.limits.http_bytes_per_address_max = 200'000;
    settings.limits.frame_bytes_max = 150'000;
  });
  auto one = client_of(server);
  auto two = client_of(server);
  const std::string piece = "say " + std::string(119'996, 'x');
  ASSERT_TRUE(one->send_frame(Opcode::text, piece, false).ok());
  ASSERT_TRUE(server.metric_reaches("parley_http_bytes", 118'784));
  ASSERT_TRUE(two->send_frame(Opcode::text, piece, false).ok());
  EXPECT_TRUE(next(*two).starts_with("close 4100"));
  EXPECT_EQ(server.metric("parley_share_refusals_total", "http_bytes"), 1);
  ASSERT_TRUE(one->send_frame(Opcode::continuation, "", true).ok());
  EXPECT_EQ(next(*one).size(), 119'996U);
  EXPECT_EQ(ask(*one, "say in"), "in");
  EXPECT_EQ(server.metric("parley_http_bytes"), 0);
}

TEST(WebSocket, AFactoryMayRefuseBeforeTheUpgrade) {
  Server server;
  const auto refused = server.open("/test/forbidden");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("403"), std::string::npos) << refused.error().message;
  const auto unknown = server.open("/elsewhere");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message.find("404"), std::string::npos) << unknown.error().message;
}

TEST(WebSocket, DrainSpreadsItsCloses) {
  Server server([](FrontEndConfig& config, Settings&) { config.io_threads = 2; });
  constexpr std::size_t kClients = 40;
  std::vector<std::unique_ptr<WebSocketClient>> clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.push_back(client_of(server));
  const MonoTime start = server.clock.now();
  std::vector<milliseconds> closed_after(kClients);
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < kClients; ++i) {
    readers.emplace_back([&, i] {
      EXPECT_EQ(next(*clients[i]), "close 4200 drain");
      closed_after[i] = std::chrono::duration_cast<milliseconds>(server.clock.now() - start);
      clients[i]->close(4200);
    });
  }
  server.front_end->drain(600ms);
  for (auto& reader : readers) reader.join();
  std::sort(closed_after.begin(), closed_after.end());
  EXPECT_GT(closed_after.back(), 400ms);
  EXPECT_GT(closed_after[kClients / 2], 100ms);  // not all at the start
  EXPECT_FALSE(server.open().ok());              // nobody new
}

TEST(WebSocket, TheFirstGoLongBeforeTheEndOfADrain) {
  Server server;
  constexpr std::size_t kClients = 40;
  std::vector<std::unique_ptr<WebSocketClient>> clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.push_back(client_of(server));
  std::thread drain([&] { server.front_end->drain(20s); });
  EXPECT_TRUE(server.metric_reaches("parley_connections_closed_total", 1, "reconnect"));
  EXPECT_LT(server.metric("parley_connections_closed_total", "reconnect"), kClients);
  clients.clear();
  drain.join();
}

TEST(WebSocket, StoppingEndsEveryone) {
  auto server = std::make_unique<Server>();
  auto client = client_of(*server);
  EXPECT_EQ(ask(*client, "listen room"), "listening room");
  server->front_end->stop();
  EXPECT_TRUE(next(*client).starts_with("close 1006"));
}

// ---- conformance echo ----

TEST(Echo, IsServedOnlyWhenAskedFor) {
  Server server;
  EXPECT_FALSE(server.open("/conformance/echo").ok());
}

TEST(Echo, ReturnsTextAndBinaryWhole) {
  Server server([](FrontEndConfig& config, Settings&) { config.conformance = true; });
  auto client = server.open("/conformance/echo");
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(ask(*client, "héllo"), "héllo");
  ASSERT_TRUE(client->send_frame(Opcode::binary, "\x01\xff").ok());
  EXPECT_EQ(next(*client), "binary \x01\xff");
  std::string large(16 * 1024 * 1024, 'y');
  ASSERT_TRUE(client->send_text("").ok());
  EXPECT_EQ(next(*client), "");
  std::thread sender([&] { EXPECT_TRUE(client->send_text(large).ok()); });
  EXPECT_TRUE(next(*client) == large);
  sender.join();
}

TEST(Echo, TakesManyFragments) {
  Server server([](FrontEndConfig& config, Settings&) { config.conformance = true; });
  auto client = server.open("/conformance/echo");
  ASSERT_TRUE(client.ok());
  std::string raw = {static_cast<char>(0x01), static_cast<char>(0x81), 0, 0, 0, 0, 'a'};
  for (int i = 0; i < 65'534; ++i) raw += std::string("\x00\x81\0\0\0\0b", 7);
  raw += std::string("\x80\x81\0\0\0\0c", 7);
  ASSERT_TRUE(client->send_raw(raw).ok());
  EXPECT_EQ(next(*client).size(), 65'536U);
}

TEST(Echo, NegotiatesDeflate) {
  Server server([](FrontEndConfig& config, Settings&) { config.conformance = true; });
  auto socket = server.http();
  ASSERT_TRUE(socket.ok());
  ASSERT_TRUE(
      socket
          ->send_raw("GET /conformance/echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
          .ok());
  const auto response = socket->read_response();
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->status, 101);
  EXPECT_NE(std::string(response->header("sec-websocket-extensions")).find("permessage-deflate"), std::string::npos);
}

}  // namespace
}  // namespace parley::net::test
