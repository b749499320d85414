// What a laravel-echo-server.json becomes, and what is said about it.

#include "server/config/echo_server_import.h"

#include "core/random.h"
#include "server/config/config_load.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::server {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const FreshSecrets kFresh{"3448824d1961672576d1", "4938bba7bf2a47daabc36e412265513cdc167e9d"};
using Environment = std::map<std::string, std::string>;

struct Imported {
  Config config;
  std::string toml;
  std::string remarks;
};

// `parley check` takes it: that holds for every file.
Imported import(const std::string& json, const Environment& environment = {}) {
  const auto made = import_echo_server(json, environment, kFresh);
  EXPECT_TRUE(made) << json;
  if (!made) return {};
  ConfigSources sources;
  sources.toml = made->toml;
  const auto loaded = load_config(sources);
  EXPECT_TRUE(loaded.ok()) << json << "\n" << made->toml << mistakes_text(loaded.mistakes);
  return {loaded.config, made->toml, remarks_text(made->remarks)};
}

// As `laravel-echo-server init` writes it, with the keys that people change.
constexpr const char* kUsual = R"({
  "authHost": "https://shop.example.com",
  "authEndpoint": "/api/broadcasting/auth",
  "clients": [{"appId": "db0a4b8cfd5a8fb9", "key": "b2b3b4b5b6b7b8b9c0c1c2c3c4c5c6c7"}],
  "database": "redis",
  "databaseConfig": {
    "redis": {"host": "cache", "port": "6380", "password": "p\"w", "keyPrefix": "laravel_database_"},
    "sqlite": {"databasePath": "/database/laravel-echo-server.sqlite"}
  },
  "devMode": false,
  "host": null,
  "port": "6002",
  "protocol": "http",
  "socketio": {},
  "secureOptions": 67108864,
  "sslCertPath": "",
  "sslKeyPath": "",
  "sslCertChainPath": "",
  "sslPassphrase": "",
  "subscribers": {"http": true, "redis": true},
  "apiOriginAllow": {"allowCors": false, "allowOrigin": "", "allowMethods": "", "allowHeaders": ""}
})";

TEST(EchoServerImport, TheUsualFileIsTakenOver) {
  const auto got = import(kUsual);
  EXPECT_EQ(got.config.server.port, 6002);
  EXPECT_EQ(got.config.server.host, "0.0.0.0");
  EXPECT_FALSE(got.config.server.tls.enabled());
  const auto& redis = got.config.redis;
  EXPECT_TRUE(redis.enabled);
  EXPECT_EQ(redis.host, "cache");
  EXPECT_EQ(redis.port, 6380);
  EXPECT_EQ(redis.password, "p\"w");
  EXPECT_EQ(redis.key_prefix, "laravel_database_");
  ASSERT_EQ(got.config.settings.apps.size(), 1U);
  const auto& app = got.config.settings.apps[0];
  EXPECT_EQ(app.id, "db0a4b8cfd5a8fb9");
  EXPECT_EQ(app.key, kFresh.app_key);
  EXPECT_EQ(app.secret, kFresh.app_secret);
  EXPECT_THAT(app.api_keys, ElementsAre("b2b3b4b5b6b7b8b9c0c1c2c3c4c5c6c7"));
  EXPECT_EQ(app.auth.url, "https://shop.example.com/api/broadcasting/auth");
  EXPECT_THAT(app.allowed_origins, ElementsAre("https://shop.example.com"));
  EXPECT_THAT(got.config.settings.outbound_hosts, ElementsAre("shop.example.com"));
  EXPECT_THAT(got.remarks, Not(HasSubstr("mistake")));
  for (const auto* secret : {"p\"w", "b2b3b4b5", "4938bba7"}) EXPECT_THAT(got.remarks, Not(HasSubstr(secret)));
}

TEST(EchoServerImport, AnEmptyFileMeansItsDefaults) {
  const auto got = import("{}");
  EXPECT_EQ(got.config.server.port, 6001);
  EXPECT_TRUE(got.config.redis.enabled);
  EXPECT_EQ(got.config.redis.host, "127.0.0.1");
  EXPECT_FALSE(got.config.redis.detect_prefix) << "there, names were taken as they came";
  EXPECT_THAT(got.remarks, HasSubstr("laravel_database_"));
  EXPECT_EQ(got.config.settings.apps[0].auth.url, "http://localhost/broadcasting/auth");
  EXPECT_THAT(got.config.settings.apps[0].api_keys, IsEmpty());
}

TEST(EchoServerImport, SubscribersThatAreOff) {
  auto got = import(R"({"subscribers":{"http":true,"redis":false}})");
  EXPECT_FALSE(got.config.redis.enabled);
  got = import(R"({"subscribers":{"http":true}})");
  EXPECT_FALSE(got.config.redis.enabled) << "an object replaces the default whole";
  got = import(R"({"subscribers":{"redis":true},"clients":[{"appId":"a","key":"0123456789abcdefff"}]})");
  EXPECT_TRUE(got.config.redis.enabled);
  EXPECT_THAT(got.config.settings.apps[0].api_keys, IsEmpty());
  EXPECT_THAT(got.remarks, HasSubstr("left out: clients"));
}

TEST(EchoServerImport, AuthHostsOfAllForms) {
  auto got = import(R"({"authHost":["https://one.test/",".two.test","three.test","http://four.test:8080"]})");
  EXPECT_EQ(got.config.settings.apps[0].auth.url, "https://one.test/broadcasting/auth");
  EXPECT_THAT(got.config.settings.apps[0].allowed_origins,
              ElementsAre("https://one.test", "https://*.two.test", "http://*.two.test", "https://three.test",
                          "http://three.test", "http://four.test:8080"));
  EXPECT_THAT(got.remarks, HasSubstr("Not asked: http://four.test:8080"));
  got = import(R"({"authHost":"http://name:hidden@one.test"})");
  EXPECT_EQ(got.config.settings.apps[0].auth.url, "");
  EXPECT_THAT(got.remarks, HasSubstr("mistake: authHost"));
  EXPECT_THAT(got.remarks + got.toml, Not(HasSubstr("hidden")));
  got = import(R"({"authHost":["http://[::1]:8000"]})");
  EXPECT_EQ(got.config.settings.apps[0].auth.url, "http://[::1]:8000/broadcasting/auth");
}

TEST(EchoServerImport, Tls) {
  auto got = import(R"({"protocol":"https","sslCertPath":"/c.pem","sslKeyPath":"/k.pem","sslPassphrase":"hidden"})");
  EXPECT_EQ(got.config.server.tls.certificate, "/c.pem");
  EXPECT_EQ(got.config.server.tls.key, "/k.pem");
  EXPECT_THAT(got.remarks, HasSubstr("left out: sslPassphrase"));
  EXPECT_THAT(got.remarks, Not(HasSubstr("hidden")));
  got = import(R"({"sslCertPath":"/c.pem","sslKeyPath":"/k.pem"})");
  EXPECT_FALSE(got.config.server.tls.enabled());
  got = import(R"({"protocol":"https","sslCertPath":"/c.pem"})");
  EXPECT_FALSE(got.config.server.tls.enabled());
  EXPECT_THAT(got.remarks, HasSubstr("mistake: protocol"));
}

TEST(EchoServerImport, WhatHasNoCounterpartIsNamedWithTheReason) {
  const auto got = import(R"({
    "database": "sqlite", "databaseConfig": {"publishPresence": true,
      "redis": {"db": 3, "tls": {}, "sentinels": [{"host": "a"}], "lazyConnect": true}},
    "devMode": true, "headers": {"X": "y"}, "socketio": {"wsEngine": "ws", "transports": ["websocket"]},
    "apiOriginAllow": {"allowCors": true, "allowOrigin": "*"}, "authhost": "x",
    "clients": [{"appId": "one", "key": "0123456789abcdefff"}, {"appId": "two", "key": "fffedcba9876543210"}]})");
  EXPECT_EQ(got.config.log.level, LogLevel::debug);
  EXPECT_EQ(got.config.redis.database, 0U);
  for (const auto* said :
       {"left out: database: ", "left out: databaseConfig.publishPresence: ", "left out: databaseConfig.redis.db: ",
        "left out: databaseConfig.redis.tls: ", "left out: databaseConfig.redis.sentinels.0.host: ",
        "left out: databaseConfig.redis.lazyConnect: ", "left out: headers.X: ", "left out: socketio.wsEngine: ",
        "left out: socketio.transports.0: ", "left out: apiOriginAllow: ",
        "left out: authhost: laravel-echo-server knows no such key", "left out: clients.1.appId: "}) {
    EXPECT_THAT(got.remarks, HasSubstr(said));
  }
  EXPECT_THAT(got.config.settings.apps[0].api_keys, ElementsAre("0123456789abcdefff", "fffedcba9876543210"));
}

TEST(EchoServerImport, OptionsOfSocketIo) {
  const auto got = import(R"({"authHost": "https://shop.test",
    "socketio": {"pingInterval": 10000, "pingTimeout": "5000", "upgradeTimeout": 3000, "maxHttpBufferSize": 100000,
                 "path": "/live", "origins": "https://a.test:* https://b.test:8443 nonsense", "cookie": "io"}})");
  const auto& socketio = got.config.settings.socketio;
  EXPECT_EQ(socketio.ping_interval.count(), 10'000);
  EXPECT_EQ(socketio.ping_timeout.count(), 5'000);
  EXPECT_EQ(socketio.upgrade_timeout.count(), 3'000);
  EXPECT_EQ(socketio.message_bytes_max, 100'000U);
  EXPECT_EQ(socketio.path, "/live");
  EXPECT_THAT(socketio.cors_origins, ElementsAre("https://a.test", "https://b.test:8443"));
  for (const auto* said : {"taken over: socketio.path: socketio.path", "taken over: socketio.origins: ",
                           "left out: socketio.origins: `nonsense`", "left out: socketio.cookie: "}) {
    EXPECT_THAT(got.remarks, HasSubstr(said));
  }
}

TEST(EchoServerImport, PagesOfTheApplicationMayPoll) {
  EXPECT_THAT(import(R"({"authHost": "https://shop.test"})").config.settings.socketio.cors_origins,
              ElementsAre("https://shop.test"));
  const auto any = import(R"({"authHost": "https://shop.test", "socketio": {"origins": "*:*"}})");
  EXPECT_THAT(any.config.settings.socketio.cors_origins, ElementsAre("https://shop.test"));
  EXPECT_TRUE(any.config.settings.socketio.cors_credentials) << "socket.io-client 2 asks with credentials";
  EXPECT_THAT(any.remarks, HasSubstr("left out: socketio.origins: "));
}

TEST(EchoServerImport, OptionsOfSocketIoThatAreMistakes) {
  const auto got = import(R"({"socketio": {"pingInterval": -1, "pingTimeout": "soon", "path": "no slash"}})");
  const SocketIoSettings usual;
  EXPECT_EQ(got.config.settings.socketio.ping_interval, usual.ping_interval);
  EXPECT_EQ(got.config.settings.socketio.ping_timeout, usual.ping_timeout);
  for (const auto* said : {"mistake: socketio.pingInterval: ", "mistake: socketio.pingTimeout: "}) {
    EXPECT_THAT(got.remarks, HasSubstr(said));
  }
}

TEST(EchoServerImport, MistakesLeaveTheDefault) {
  const auto got = import(R"({"port": "none", "host": "http://shop.test", "protocol": "spdy",
    "databaseConfig": {"redis": {"port": "no", "path": "relative", "username": "u"}},
    "clients": [{"appId": "a b", "key": "short"}, {"key": "0123456789abcdefff"}]})");
  EXPECT_EQ(got.config.server.port, 6001);
  EXPECT_EQ(got.config.settings.apps[0].id, "laravel");
  EXPECT_THAT(got.config.settings.apps[0].api_keys, ElementsAre("0123456789abcdefff"));
  for (const auto* said :
       {"mistake: port: ", "left out: host: ", "mistake: protocol: ", "mistake: databaseConfig.redis.port: ",
        "mistake: databaseConfig.redis.path: ", "mistake: databaseConfig.redis.username: ",
        "mistake: clients.0.appId: ", "mistake: clients.0.key: "}) {
    EXPECT_THAT(got.remarks, HasSubstr(said));
  }
}

TEST(EchoServerImport, PortsAsItReadThem) {
  EXPECT_EQ(import(R"({"port": 6005})").config.server.port, 6005);
  EXPECT_EQ(import(R"({"port": "tcp://10.0.0.1:6005/"})").config.server.port, 6005);
  EXPECT_EQ(import(R"({"port": "99999"})").config.server.port, 6001);
  EXPECT_EQ(import(R"({"port": "/"})").config.server.port, 6001);
}

TEST(EchoServerImport, VariablesComeBeforeTheFile) {
  const auto got = import(kUsual, {{"LARAVEL_ECHO_SERVER_PORT", "6009"},
                                   {"LARAVEL_ECHO_SERVER_AUTH_HOST", "${APP_URL}"},
                                   {"APP_URL", "https://other.test"},
                                   {"LARAVEL_ECHO_SERVER_REDIS_HOST", "redis.internal"},
                                   {"LARAVEL_ECHO_SERVER_REDIS_PASSWORD", "of-the-environment"},
                                   {"LARAVEL_ECHO_SERVER_DEBUG", "true"}});
  EXPECT_EQ(got.config.server.port, 6009);
  EXPECT_EQ(got.config.settings.apps[0].auth.url, "https://other.test/api/broadcasting/auth");
  EXPECT_EQ(got.config.redis.host, "redis.internal");
  EXPECT_EQ(got.config.redis.password, "") << "it stays in the environment";
  EXPECT_THAT(got.remarks, HasSubstr("LARAVEL_ECHO_SERVER_REDIS_PASSWORD"));
  EXPECT_THAT(got.toml + got.remarks, Not(HasSubstr("of-the-environment")));
  EXPECT_EQ(got.config.log.level, LogLevel::debug);
}

TEST(EchoServerImport, WhatIsNotJsonIsRefusedWithItsLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "line 1"},
      {"{\n\"port\": 6001,\n}", "line 3"},
      {"{\n}\n\nmore", "line 4"},
      {"[1]", "no JSON object"},
      {"{\"a\":\"\xff\"}", "line 1"},
      {"{'a':1}", "line 1"},
  };
  for (const auto& [json, said] : cases) {
    const auto got = import_echo_server(json, {}, kFresh);
    ASSERT_FALSE(got) << json;
    EXPECT_THAT(got.error().message, HasSubstr(said)) << json;
  }
  EXPECT_TRUE(import_echo_server("\xEF\xBB\xBF{}\n", {}, kFresh));
  EXPECT_FALSE(import_echo_server(std::string(5'000, '[') + std::string(5'000, ']'), {}, kFresh));
}

// Whatever stands in the file, what is printed is a configuration that is accepted.
TEST(EchoServerImport, WhatIsMadeIsAlwaysAccepted) {
  const auto seed = OsRandom().next();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  SeededRandom random(seed);
  const std::vector<std::string> values{
      "null",
      "true",
      "false",
      "0",
      "-1",
      "6379",
      "1e99",
      "1.5",
      "\"\"",
      "\" \"",
      "\"\\\"\\n\\u0000\"",
      "\"https\"",
      "\"http://a.test\"",
      "\"http://a.test:0\"",
      "\"https://a.test/x?y#z\"",
      "\".a.test\"",
      "\"..\"",
      "\"::1\"",
      "\"127.0.0.1\"",
      "\"redis\"",
      "\"/run/r.sock\"",
      "\"6001\"",
      "\"0123456789abcdefff\"",
      "\"app-secret-demo\"",
      "\"a_b-c\"",
      "\"\\u00e9\\ud83d\\ude00\"",
      "\"*\"",
      "[]",
      "{}",
      "[\"http://a.test\",\"http://b.test\",7]",
      "[{\"appId\":\"a\",\"key\":\"0123456789abcdefff\"},{\"appId\":\"a\",\"key\":\"0123456789abcdefff\"}]",
      "[{\"appId\":7,\"key\":null},\"x\"]",
      "\"" + std::string(300, 'x') + "\"",
      "\"9601\""};
  const std::vector<std::string> keys{"authHost",       "authEndpoint",   "clients",       "database",
                                      "devMode",        "host",           "port",          "protocol",
                                      "sslCertPath",    "sslKeyPath",     "sslPassphrase", "subscribers",
                                      "apiOriginAllow", "databaseConfig", "socketio",      "secureOptions"};
  const std::vector<std::string> redis{"host", "port", "password", "username", "keyPrefix", "path", "db", "tls"};
  const auto value = [&] { return values[random.below(values.size())]; };
  for (int run = 0; run < 300; ++run) {
    std::string json = "{";
    for (const auto& key : keys) {
      if (random.below(2) == 0) continue;
      auto text = value();
      if (key == "databaseConfig" && random.below(4) != 0) {
        text = "{\"redis\":{";
        for (const auto& name : redis) {
          if (random.below(2) == 0) text += fmt::format("{}\"{}\":{}", text.back() == '{' ? "" : ",", name, value());
        }
        text += "}}";
      }
      json += fmt::format("{}\"{}\":{}", json.back() == '{' ? "" : ",", key, text);
    }
    import(json + "}");
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace parley::server
