// The Pusher protocol behind real sockets: only what net decides; the protocol has its own tests.

#include "../support.h"
#include "net/session/context.h"

namespace parley::net::test {
namespace {

struct PusherServer {
  explicit PusherServer(std::function<void(App&)> change = {}) {
    App app;
    app.id = "1";
    app.key = "the-key";
    app.secret = "the-secret";
    if (change) change(app);
    auto values = std::make_shared<Settings>();
    values->apps = {app};
    source = std::make_unique<SettingsSource>(values);
    context = std::make_unique<SessionContext>(*source, metrics, revocations);
    server = std::make_unique<Server>([&](FrontEndConfig&, Settings& settings) { settings.apps = {app}; },
                                      std::vector{make_pusher_sessions(*context)});
  }
  Metrics metrics;
  std::unique_ptr<SettingsSource> source;
  Revocations revocations;
  std::unique_ptr<SessionContext> context;
  std::unique_ptr<Server> server;
};

TEST(PusherSessions, GreetAndAnswerPings) {
  PusherServer pusher;
  for (const char* path : {"/app/the-key?protocol=7", "/r/client-0001/app/the-key?protocol=7"}) {
    auto client = pusher.server->open(path);
    ASSERT_TRUE(client.ok()) << client.error().message;
    EXPECT_TRUE(next(*client).starts_with(R"({"event":"pusher:connection_established","data":"{\"socket_id\":\")"));
    ASSERT_TRUE(client->send_text(R"({"event":"pusher:ping","data":{}})").ok());
    EXPECT_EQ(next(*client), R"({"event":"pusher:pong","data":{}})");
    ASSERT_TRUE(client->send_frame(Opcode::binary, "x").ok());
    EXPECT_TRUE(next(*client).starts_with(R"({"event":"pusher:error")"));
  }
}

TEST(PusherSessions, RefuseAfterTheUpgradeWithTheSameCode) {
  PusherServer pusher;
  struct Case {
    const char* path;
    const char* code;
  };
  for (const Case& each :
       {Case{"/app/unknown?protocol=7", "4001"}, Case{"/app/the-key", "4008"}, Case{"/app/the-key?protocol=x", "4006"},
        Case{"/app/the-key?protocol=99", "4007"}, Case{"/r/short/app/the-key?protocol=7", "4005"}}) {
    auto client = pusher.server->open(each.path);
    ASSERT_TRUE(client.ok()) << each.path << client.error().message;
    const std::string error = next(*client);
    EXPECT_TRUE(error.starts_with(R"({"event":"pusher:error")")) << error;
    EXPECT_NE(error.find(each.code), std::string::npos) << error;
    EXPECT_TRUE(next(*client).starts_with("close " + std::string(each.code))) << each.path;
  }
}

TEST(PusherSessions, RefuseForeignOriginsBeforeTheUpgrade) {
  PusherServer pusher([](App& app) { app.allowed_origins = {"https://*.example.com"}; });
  const auto foreign = pusher.server->open("/app/the-key?protocol=7", {{"Origin", "https://evil.test"}});
  ASSERT_FALSE(foreign.ok());
  EXPECT_NE(foreign.error().message.find("403"), std::string::npos) << foreign.error().message;
  EXPECT_TRUE(pusher.server->open("/app/the-key?protocol=7", {{"Origin", "https://www.example.com"}}).ok());
}

}  // namespace
}  // namespace parley::net::test
