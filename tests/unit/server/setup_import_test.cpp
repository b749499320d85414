// What a `.env` or a soketi.json becomes, and what is said about it.

#include "server/config/setup_import.h"

#include "server/config/config_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::server {
namespace {

using testing::HasSubstr;
using testing::Not;

const FreshSecrets kFresh{"3448824d1961672576d1", "4938bba7bf2a47daabc36e412265513cdc167e9d"};

struct Imported {
  Config config;
  std::string remarks;
};

Imported taken(const EchoServerImport& made) {
  ConfigSources sources;
  sources.toml = made.toml;
  auto loaded = load_config(sources);
  EXPECT_TRUE(loaded.ok()) << made.toml << mistakes_text(loaded.mistakes);
  return {std::move(loaded.config), remarks_text(made.remarks)};
}

Imported of_soketi(const std::string& json) {
  EXPECT_TRUE(*looks_like_soketi(json)) << json;
  auto made = import_soketi(json, kFresh);
  EXPECT_TRUE(made) << json;
  return made ? taken(*made) : Imported{};
}

TEST(SetupImport, ADotenvOfLaravelWithReverb) {
  const auto got = taken(import_variables(
      "APP_NAME=Laravel\nREVERB_APP_ID=123456\nREVERB_APP_KEY=kmgkqlpxlfo\nREVERB_APP_SECRET=a-secret-of-good-length\n"
      "REVERB_HOST=\"localhost\"\nREVERB_PORT=8080\nREVERB_SERVER_PORT=8081\nREVERB_SERVER_PATH=/ws\n"
      "REVERB_SCALING_ENABLED=true\nREVERB_APP_MAX_CONNECTIONS=500\n",
      kFresh));
  ASSERT_EQ(got.config.settings.apps.size(), 1U);
  EXPECT_EQ(got.config.settings.apps[0].id, "123456");
  EXPECT_EQ(got.config.settings.apps[0].secret, "a-secret-of-good-length");
  EXPECT_EQ(got.config.settings.apps[0].limits.connections_max, 500U);
  EXPECT_EQ(got.config.server.port, 8081);
  EXPECT_EQ(got.config.server.path_prefix, "/ws");
  EXPECT_THAT(got.remarks, HasSubstr("taken over: REVERB_SERVER_PATH: server.path_prefix"));
  EXPECT_THAT(got.remarks, HasSubstr("left out: REVERB_SCALING_ENABLED: one node"));
  EXPECT_THAT(got.remarks, Not(HasSubstr("APP_NAME")));
}

TEST(SetupImport, WhatCannotBeUsedIsNamedAndTheRestIsTaken) {
  const auto got =
      taken(import_variables("REVERB_SERVER_PORT=many\nREVERB_SERVER_HOST=ws.example.com\nnonsense\n"
                             "REVERB_APP_ID=1\nREVERB_APP_KEY=kmgkqlpxlfo\nREVERB_APP_SECRET=short\n",
                             kFresh));
  EXPECT_EQ(got.config.server.port, 6001);
  EXPECT_EQ(got.config.server.host, "0.0.0.0");
  EXPECT_EQ(got.config.settings.apps.at(0).secret, kFresh.app_secret);
  EXPECT_THAT(got.remarks, HasSubstr("mistake: REVERB_SERVER_PORT: "));
  EXPECT_THAT(got.remarks, HasSubstr("mistake: REVERB_SERVER_HOST: "));
  EXPECT_THAT(got.remarks, HasSubstr("mistake: line 3: "));
  EXPECT_THAT(got.remarks, HasSubstr("mistake: secret: it cannot be used"));
}

TEST(SetupImport, NoApplicationMakesOne) {
  const auto got = taken(import_variables("PUSHER_APP_KEY=only\n", kFresh));
  EXPECT_EQ(got.config.settings.apps.at(0).key, kFresh.app_key);
}

TEST(SetupImport, ASoketiJson) {
  const auto got = of_soketi(R"({
    "debug": true, "port": 6002, "pathPrefix": "/ws", "shutdownGracePeriod": 3000,
    "appManager": {"driver": "array", "array": {"apps": [
      {"id": "1", "key": "the-key-of-one", "secret": "the-secret-of-one-is-long", "maxConnections": 100,
       "enableClientMessages": true, "maxReadRequestsPerSecond": 100,
       "webhooks": [{"url": "https://x.test/hook", "event_types": ["channel_occupied"]}]},
      {"id": "2", "key": "the-key-of-two", "secret": "the-secret-of-two-is-long", "enableClientMessages": false}]}},
    "eventLimits": {"maxChannelsAtOnce": 50},
    "metrics": {"enabled": true, "port": 9602}, "adapter": {"driver": "redis"}, "surprise": 1})");
  EXPECT_EQ(got.config.server.port, 6002);
  EXPECT_EQ(got.config.server.path_prefix, "/ws");
  EXPECT_EQ(got.config.server.drain, std::chrono::seconds(3));
  EXPECT_EQ(got.config.metrics.port, 9602);
  EXPECT_EQ(got.config.log.level, LogLevel::debug);
  ASSERT_EQ(got.config.settings.apps.size(), 2U);
  EXPECT_EQ(got.config.settings.apps[0].limits.connections_max, 100U);
  EXPECT_EQ(got.config.settings.apps[1].key, "the-key-of-two");
  EXPECT_FALSE(got.config.settings.apps[1].client_events);
  EXPECT_EQ(got.config.settings.apps[1].limits.channels_per_publish_max, 50U);
  EXPECT_THAT(got.remarks, HasSubstr("taken over: pathPrefix: server.path_prefix"));
  EXPECT_THAT(got.remarks, HasSubstr("left out: adapter.driver: one node"));
  EXPECT_THAT(got.remarks, HasSubstr("webhooks.0.url: write a [[webhooks]] table"));
  EXPECT_THAT(got.remarks, HasSubstr("left out: surprise: it has no counterpart"));
}

TEST(SetupImport, FilesAreToldApart) {
  EXPECT_TRUE(*looks_like_soketi(R"({"appManager": {"driver": "array"}})"));
  EXPECT_FALSE(*looks_like_soketi(R"({"authHost": "http://localhost", "port": "6001"})"));
  EXPECT_FALSE(looks_like_soketi("[]"));
  EXPECT_FALSE(looks_like_soketi("{"));
}

}  // namespace
}  // namespace parley::server
