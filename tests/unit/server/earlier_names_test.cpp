// What variables of other servers do here, from the environment and from a `.env`.

#include "server/config/earlier_names.h"

#include "server/config/config_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::server {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Environment = std::map<std::string, std::string>;

constexpr const char* kApp = R"(
[[apps]]
id = "1"
key = "4f0c8a1d2b7e9c63"
secret = "a-secret-of-good-length"
)";

LoadedConfig load(const Environment& environment, std::optional<std::string> dotenv = {}, std::string toml = kApp) {
  ConfigSources sources;
  sources.toml = std::move(toml);
  sources.environment = environment;
  sources.dotenv = std::move(dotenv);
  return load_config(sources);
}

LoadedConfig good(const Environment& environment, std::optional<std::string> dotenv = {}, std::string toml = kApp) {
  auto loaded = load(environment, std::move(dotenv), std::move(toml));
  EXPECT_TRUE(loaded.ok()) << mistakes_text(loaded.mistakes);
  return loaded;
}

// A row does one thing, and the keys that it names are there.
TEST(EarlierNames, EveryRowMeansSomethingThatExists) {
  for (const auto& row : earlier_names()) {
    EXPECT_EQ((row.key.empty() ? 0 : 1) + (row.app_key.empty() ? 0 : 1) + (row.text.empty() ? 0 : 1), 1)
        << row.variable;
    if (!row.key.empty()) { EXPECT_NE(find_key(node_keys(), row.key), nullptr) << row.variable; }
    if (!row.app_key.empty()) { EXPECT_NE(find_key(app_keys(), row.app_key), nullptr) << row.variable; }
    if (row.variable.ends_with('*')) {
      EXPECT_FALSE(row.text.empty()) << row.variable;
    } else {
      EXPECT_EQ(find_earlier_name(row.variable)->variable, row.variable) << "a row before it takes it";
    }
    EXPECT_TRUE(of_earlier_family(row.variable)) << row.variable;
  }
}

// Nothing that was meant for a server is passed over in silence: it changes a key, or something is said.
TEST(EarlierNames, NoneIsIgnoredInSilence) {
  for (const auto& row : earlier_names()) {
    auto variable = std::string(row.variable);
    if (variable.ends_with('*')) variable.back() = 'X';
    auto value = std::string("7");
    if (row.turn == Turn::debug) value = "true";
    if (row.turn == Turn::none_is_off) value = "none";
    if (row.turn == Turn::path_prefix) value = "ws/";
    if (row.key == "server.host" || row.key == "metrics.host") value = "127.0.0.1";
    const auto loaded = load({{variable, value}});
    const bool changed = std::any_of(loaded.origins.begin(), loaded.origins.end(),
                                     [&](const auto& origin) { return origin.second == variable; });
    const auto& said = row.for_clients ? loaded.hints : loaded.notes;
    EXPECT_TRUE(changed ||
                std::any_of(said.begin(), said.end(), [&](const auto& note) { return note.starts_with(variable); }))
        << variable;
  }
}

TEST(EarlierNames, ReverbsPathIsAPrefix) {
  for (const auto* path : {"ws", "/ws", "/ws/"}) {
    const auto loaded = good({{"REVERB_SERVER_PATH", path}});
    EXPECT_EQ(loaded.config.server.path_prefix, "/ws");
    EXPECT_EQ(loaded.origins.at("server.path_prefix"), "REVERB_SERVER_PATH");
  }
  EXPECT_EQ(good({{"REVERB_SERVER_PATH", "/"}}).config.server.path_prefix, "");
}

TEST(EarlierNames, AllOfSoketi) {
  const auto loaded = good({{"SOKETI_PORT", "6002"},
                            {"SOKETI_PATH_PREFIX", "/ws"},
                            {"SOKETI_DEBUG", "1"},
                            {"SOKETI_METRICS_SERVER_PORT", "9602"},
                            {"SOKETI_SHUTDOWN_GRACE_PERIOD", "2500"},
                            {"SOKETI_DEFAULT_APP_ID", "7"},
                            {"SOKETI_DEFAULT_APP_KEY", "the-key-of-seven"},
                            {"SOKETI_DEFAULT_APP_SECRET", "the-secret-of-seven-is-long"},
                            {"SOKETI_DEFAULT_APP_MAX_CONNS", "-1"},
                            {"SOKETI_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC", "100"},
                            {"SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES", "false"},
                            {"SOKETI_EVENT_MAX_SIZE_IN_KB", "50"},
                            {"SOKETI_PRESENCE_MAX_MEMBERS", "99"},
                            {"SOKETI_ADAPTER_DRIVER", "redis"},
                            {"SOKETI_SOMETHING_NEW", "1"}});
  EXPECT_EQ(loaded.config.server.port, 6002);
  EXPECT_EQ(loaded.config.server.path_prefix, "/ws");
  EXPECT_EQ(loaded.config.log.level, LogLevel::debug);
  EXPECT_EQ(loaded.config.metrics.port, 9602);
  EXPECT_EQ(loaded.config.server.drain, std::chrono::seconds(3));
  ASSERT_EQ(loaded.config.settings.apps.size(), 2U);
  const auto& [of_file, seven] = std::tie(loaded.config.settings.apps[0], loaded.config.settings.apps[1]);
  EXPECT_EQ(seven.id, "7");
  EXPECT_EQ(seven.limits.connections_max, 0U);
  EXPECT_EQ(seven.limits.client_events_per_second_max, 100U);
  EXPECT_EQ(of_file.limits.client_events_per_second_max, AppLimits{}.client_events_per_second_max);
  EXPECT_FALSE(seven.client_events);
  EXPECT_TRUE(of_file.client_events);
  EXPECT_EQ(seven.limits.event_data_bytes_max, 51'200U);
  EXPECT_EQ(of_file.limits.presence_members_max, 99U);
  EXPECT_THAT(loaded.notes, Contains(HasSubstr("SOKETI_ADAPTER_DRIVER has no effect here: one node")));
  EXPECT_THAT(loaded.notes, Contains(HasSubstr("SOKETI_SOMETHING_NEW is not known here")));
}

TEST(EarlierNames, WhatIsForClientsIsSaidToWhoAsksOnly) {
  const auto loaded = good({{"REVERB_HOST", "ws.example.com"}, {"PUSHER_SCHEME", "https"}, {"PUSHER_ELSEWHERE", "1"}});
  EXPECT_THAT(loaded.notes, IsEmpty());
  EXPECT_THAT(loaded.hints, Contains(HasSubstr("REVERB_HOST is for clients")));
  EXPECT_THAT(loaded.hints, Not(Contains(HasSubstr("PUSHER_ELSEWHERE"))));
}

// ---- a .env ----

constexpr const char* kDotenv =
    "APP_NAME=Shop\nDB_PASSWORD=secret\nREVERB_APP_ID=7\nREVERB_APP_KEY=the-key-of-seven\n"
    "REVERB_APP_SECRET=the-secret-of-seven-is-long\nREVERB_SERVER_PORT=8080\nREVERB_HOST=localhost\n";

TEST(DotenvSource, MakesTheApplicationWhereNobodyElseDoes) {
  const auto loaded = good({}, kDotenv, "");
  ASSERT_EQ(loaded.config.settings.apps.size(), 1U);
  EXPECT_EQ(loaded.config.settings.apps[0].id, "7");
  EXPECT_EQ(loaded.config.server.port, 8080);
  EXPECT_EQ(loaded.origins.at("server.port"), "REVERB_SERVER_PORT in .env");
  EXPECT_EQ(loaded.origins.at("apps[0].secret"), "REVERB_APP_SECRET in .env");
  EXPECT_THAT(loaded.from_dotenv,
              ElementsAre("REVERB_APP_ID", "REVERB_APP_KEY", "REVERB_APP_SECRET", "REVERB_HOST", "REVERB_SERVER_PORT"));
}

TEST(DotenvSource, TheFileAndTheEnvironmentWin) {
  const auto by_file = good({}, kDotenv, std::string("[server]\nport = 1001\n") + kApp);
  EXPECT_EQ(by_file.config.server.port, 1001);
  ASSERT_EQ(by_file.config.settings.apps.size(), 1U);
  EXPECT_EQ(by_file.config.settings.apps[0].id, "1");
  EXPECT_THAT(by_file.hints, Contains(HasSubstr(".env has apps too")));
  EXPECT_EQ(good({{"REVERB_SERVER_PORT", "1002"}}, kDotenv).config.server.port, 1002);
  EXPECT_EQ(good({{"WEBSOCKET_PORT", "1003"}}, kDotenv).config.server.port, 1003);
  EXPECT_EQ(good({}, std::string(kDotenv) + "PARLEY_SERVER_PORT=1004\n").config.server.port, 1004);
  EXPECT_EQ(good({{"REVERB_SERVER_PORT", ""}}, kDotenv).config.server.port, 6001) << "empty there: meant to be none";
}

TEST(DotenvSource, ItsOtherLinesAreNobodysBusiness) {
  const auto loaded = good({}, std::string("not a line\nPUSHER_APP_KEY=only\nPARLEY_NO_SUCH=1\n"));
  EXPECT_EQ(loaded.config.settings.apps.size(), 1U);
  EXPECT_THAT(loaded.notes, Contains(HasSubstr("PUSHER_APP_SECRET belong together")));
  EXPECT_THAT(loaded.notes, Contains(HasSubstr("PARLEY_NO_SUCH in .env is not known")));
  EXPECT_THAT(loaded.hints, Contains(HasSubstr(".env:1 is no NAME=value")));
}

TEST(DotenvSource, AMistakeSaysWhereItStands) {
  const auto loaded = load({}, std::string("REVERB_SERVER_PORT=many\n"));
  ASSERT_EQ(loaded.mistakes.size(), 1U);
  EXPECT_EQ(loaded.mistakes[0].where, "REVERB_SERVER_PORT in .env");
}

}  // namespace
}  // namespace parley::server
