// Who wins: defaults, file, earlier names, PARLEY_*, flags. And what is printed of it.

#include "server/config/config_keys.h"
#include "server/config/config_load.h"
#include "server/config/config_print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace parley::server {
namespace {

constexpr const char* kSecret = "a-secret-of-good-length";
constexpr const char* kApp = R"(
[[apps]]
id = "shop"
key = "4f0c8a1d2b7e9c63"
secret = "a-secret-of-good-length"
)";

ConfigSources with(std::map<std::string, std::string> environment, std::string toml = kApp) {
  ConfigSources sources;
  sources.toml = std::move(toml);
  sources.environment = std::move(environment);
  return sources;
}

LoadedConfig good(const ConfigSources& sources) {
  auto loaded = load_config(sources);
  EXPECT_TRUE(loaded.ok()) << mistakes_text(loaded.mistakes);
  return loaded;
}

TEST(ConfigSources, LaterOnesWin) {
  const std::string file = std::string("[server]\nport = 1001\n") + kApp;
  EXPECT_EQ(good(with({})).config.server.port, 6001);
  EXPECT_EQ(good(with({}, file)).config.server.port, 1001);
  EXPECT_EQ(good(with({{"WEBSOCKET_PORT", "1002"}}, file)).config.server.port, 1002);
  EXPECT_EQ(good(with({{"WEBSOCKET_PORT", "1002"}, {"REVERB_SERVER_PORT", "1003"}}, file)).config.server.port, 1003);
  auto sources =
      with({{"WEBSOCKET_PORT", "1002"}, {"REVERB_SERVER_PORT", "1003"}, {"PARLEY_SERVER_PORT", "1004"}}, file);
  EXPECT_EQ(good(sources).config.server.port, 1004);
  sources.flags = {{"server.port", "1005"}, {"server.port", "1006"}};
  const auto loaded = good(sources);
  EXPECT_EQ(loaded.config.server.port, 1006);
  EXPECT_EQ(loaded.origins.at("server.port"), "flag");
}

TEST(ConfigSources, WhatHappensToReplaysIsAWordAndWasAFlag) {
  const auto read = [](const std::string& value) {
    return good(with({}, kApp + fmt::format("refuse_replays = {}", value))).config.settings.apps[0].refuse_replays;
  };
  EXPECT_EQ(good(with({})).config.settings.apps[0].refuse_replays, ReplayRefusal::later);
  EXPECT_EQ(read("\"later\""), ReplayRefusal::later);
  EXPECT_EQ(read("\"always\""), ReplayRefusal::always);
  EXPECT_EQ(read("\"never\""), ReplayRefusal::never);
  EXPECT_EQ(read("true"), ReplayRefusal::always) << "whoever wrote it down got that, and still does";
  EXPECT_EQ(read("false"), ReplayRefusal::never);
  ReplayRefusal text{};
  for (const auto* yes : {"true", "1", "yes", "on", "always"}) {
    ASSERT_TRUE(assign_text(Slot(&text), yes, {}).ok());
    EXPECT_EQ(text, ReplayRefusal::always) << yes;
  }
  ASSERT_TRUE(assign_text(Slot(&text), "off", {}).ok());
  EXPECT_EQ(text, ReplayRefusal::never);
  EXPECT_EQ(slot_toml(Slot(&text)), "\"never\"");
  EXPECT_FALSE(assign_text(Slot(&text), "sometimes", {}).ok());
}

TEST(ConfigSources, OriginsAreRemembered) {
  const auto loaded =
      good(with({{"PARLEY_DATA_DIR", "/x"}, {"AUTO_MIGRATE", "false"}}, std::string("[log]\nlevel = \"warn\"") + kApp));
  EXPECT_EQ(loaded.origins.at("log.level"), "parley.toml:2");
  EXPECT_EQ(loaded.origins.at("data.dir"), "PARLEY_DATA_DIR");
  EXPECT_EQ(loaded.origins.at("data.auto_migrate"), "AUTO_MIGRATE");
  EXPECT_FALSE(loaded.origins.contains("server.port"));
  EXPECT_FALSE(loaded.config.data.auto_migrate);
}

TEST(ConfigSources, EveryKeyOfTheNodeCanBeSetFromTheEnvironmentAndFlags) {
  std::set<std::string> names;
  for (const auto& key : node_keys()) {
    const auto name = environment_name(key.name);
    EXPECT_TRUE(names.insert(name).second) << name << " names two keys";
    Config config;
    const auto text = [&] {  // the default as text: it must be accepted
      const auto toml = slot_toml(key.slot(config));
      return toml.front() == '"' ? toml.substr(1, toml.size() - 2) : toml.front() == '[' ? "" : toml;
    }();
    if (text.empty()) continue;
    EXPECT_EQ(good(with({{name, text}})).origins.at(std::string(key.name)), name);
    auto sources = with({});
    sources.flags = {{std::string(key.name), text}};
    EXPECT_EQ(good(sources).origins.at(std::string(key.name)), "flag");
  }
}

TEST(ConfigSources, RedisOfTheFileAndItsPasswordOfTheEnvironment) {
  const std::string file = std::string("[redis]\nenabled = true\nhost = \"cache\"\nkey_prefix = \"shop_\"") + kApp;
  auto loaded = good(with({{"PARLEY_REDIS_PASSWORD", "a-password"}}, file));
  EXPECT_TRUE(loaded.config.redis.enabled);
  EXPECT_EQ(loaded.config.redis.host, "cache");
  EXPECT_EQ(loaded.config.redis.password, "a-password");
  EXPECT_EQ(config_toml(loaded, Secrets::masked).find("a-password"), std::string::npos);
  auto by_url = good(with({{"PARLEY_REDIS_URL", "redis://:a-password@cache"}}));
  EXPECT_EQ(config_toml(by_url, Secrets::masked).find("a-password"), std::string::npos);
  EXPECT_EQ(good(with({}, config_toml(by_url, Secrets::shown))).config.redis.url, "redis://:a-password@cache")
      << "what is printed is read again";
}

TEST(ConfigSources, VariablesOfLaravelEchoServer) {
  const auto loaded = good(with({{"LARAVEL_ECHO_SERVER_PORT", "1001"},
                                 {"LARAVEL_ECHO_SERVER_HOST", "127.0.0.1"},
                                 {"LARAVEL_ECHO_SERVER_REDIS_HOST", "cache"},
                                 {"LARAVEL_ECHO_SERVER_REDIS_PORT", "7000"},
                                 {"LARAVEL_ECHO_SERVER_REDIS_PASSWORD", "a-password"},
                                 {"LARAVEL_ECHO_SERVER_AUTH_HOST", "https://shop.test"}}));
  EXPECT_EQ(loaded.config.server.port, 1001);
  EXPECT_EQ(loaded.config.server.host, "127.0.0.1");
  EXPECT_EQ(loaded.config.redis.host, "cache");
  EXPECT_EQ(loaded.config.redis.port, 7000);
  EXPECT_EQ(loaded.config.redis.password, "a-password");
  EXPECT_FALSE(loaded.config.redis.enabled);
  EXPECT_THAT(loaded.notes, testing::ElementsAre(testing::HasSubstr("LARAVEL_ECHO_SERVER_AUTH_HOST has no effect")));
  EXPECT_EQ(good(with({{"LARAVEL_ECHO_SERVER_PORT", "1001"}, {"WEBSOCKET_PORT", "1002"}})).config.server.port, 1002);
}

TEST(ConfigSources, ValuesOfEveryType) {
  const auto config = good(with({{"PARLEY_SERVER_TRUSTED_PROXIES", " 10.0.0.0/8 ,::1,"},
                                 {"PARLEY_LIMITS_FRAME_BYTES_MAX", "262_144"},
                                 {"PARLEY_TIMING_CONFIRM_DELAY", "1s"},
                                 {"PARLEY_SERVER_DRAIN_SECONDS", "2m"},
                                 {"PARLEY_LOG_FORMAT", "json"}}))
                          .config;
  EXPECT_THAT(config.server.trusted_proxies, testing::ElementsAre("10.0.0.0/8", "::1"));
  EXPECT_EQ(config.settings.limits.frame_bytes_max, 262'144U);
  EXPECT_EQ(config.settings.timing.confirm_delay, std::chrono::milliseconds(1'000));
  EXPECT_EQ(config.server.drain, std::chrono::seconds(120));
  EXPECT_EQ(config.log.format, LogFormat::json);
}

TEST(ConfigSources, AppsAndRulesOfTheFile) {
  const auto config = good(with({}, R"(
[[apps]]
id = "one"
name = "One"
key = "k1"
secret = "a-secret-of-good-length"
secret_previous = "the-secret-of-last-month"
enabled = false
tls_only = true
client_events = false
subscription_count = true
allowed_origins = ["https://example.com"]
authorization_timeout_seconds = "10s"
[apps.limits]
connections_max = 7
[[apps]]
id = "two"
key = "k2"
secret = "a-secret-of-good-length"
limits = { event_data_bytes_max = 10_240 }
[[channels]]
match = "domain.secret.*"
durability = "none"
[[channels]]
match = "orders.*"
durability = "async"
presence_grace_ms = 5000
presence_linger_ms = "1s"
keep_client_events = true
cache_ttl_seconds = "1h"
retention = { age_seconds = "7d", count = 5, bytes = 0 }
)"))
                          .config;
  ASSERT_EQ(config.settings.apps.size(), 2U);
  const auto& one = config.settings.apps[0];
  EXPECT_EQ(one.name, "One");
  EXPECT_EQ(one.secret_previous, "the-secret-of-last-month");
  EXPECT_FALSE(one.enabled);
  EXPECT_TRUE(one.tls_only);
  EXPECT_FALSE(one.client_events);
  EXPECT_TRUE(one.subscription_count);
  EXPECT_EQ(one.authorization_timeout, std::chrono::seconds(10));
  EXPECT_EQ(one.limits.connections_max, 7U);
  EXPECT_EQ(config.settings.apps[1].limits.event_data_bytes_max, 10'240U);
  EXPECT_EQ(config.settings.rule_for("private-domain.secret.1").durability, Durability::none);
  EXPECT_EQ(config.settings.rule_for("domain.1").durability, Durability::quorum)
      << "built-in rules hold behind the file's";
  const auto& orders = config.settings.rule_for("orders.9");
  EXPECT_EQ(orders.durability, Durability::async);
  EXPECT_EQ(orders.presence_grace, std::chrono::milliseconds(5'000));
  EXPECT_EQ(orders.presence_linger, std::chrono::milliseconds(1'000));
  EXPECT_TRUE(orders.keep_client_events);
  EXPECT_EQ(orders.cache_ttl, std::chrono::seconds(3'600));
  EXPECT_EQ(orders.retention.age, std::chrono::seconds(7 * 86'400));
  EXPECT_EQ(orders.retention.count, 5U);
  EXPECT_EQ(orders.retention.bytes, 0U);
}

TEST(ConfigSources, PeopleAndWebhooksOfTheFile) {
  const auto loaded = good(with({}, std::string(R"(
[admin]
key = "an-admin-key-of-length"
key_previous = "the-key-of-last-month"
[outbound]
allowed_hosts = ["*.example.com"]
[timing]
restart_grace = "20s"
[limits]
webhook_waiting_max = 5
webhook_dead_letters_max = 6
)") + kApp + R"(webhook_hold_ms = "4s"
allowed_origins = ["https://shop.example.com"]
auth = { url = "https://shop.example.com/auth", batch_url = "https://shop.example.com/many", timeout_ms = "2s", concurrency_max = 3, waiting_max = 4, waiting_per_connection_max = 8, address_share_percent = 50, channels_per_call_max = 5, cache_seconds = 6, cache_refusal_seconds = 7, forward_headers = ["cookie"] }
status = { channels = ["private-user.{user}"], away_after_seconds = "5m" }
limits = { domains_per_user_max = 1, sessions_per_user_max = 2, blocks_per_user_max = 3, users_per_call_max = 4 }
[[webhooks]]
name = "hook"
url = "https://hooks.example.com/x"
enabled = false
events = ["pusher", "user_offline"]
channels = ["domain.*"]
headers = ["Authorization: Bearer x"]
timeout_ms = "1s"
concurrency_max = 2
batch_events_max = 3
batch_bytes_max = 4096
retry_pause_max_seconds = 5
retry_for_seconds = "2h"
)"));
  const auto& settings = loaded.config.settings;
  EXPECT_EQ(settings.admin.key, "an-admin-key-of-length");
  EXPECT_EQ(settings.admin.key_previous, "the-key-of-last-month");
  EXPECT_THAT(settings.outbound_hosts, testing::ElementsAre("*.example.com"));
  EXPECT_EQ(settings.timing.restart_grace, milliseconds(20'000));
  EXPECT_EQ(settings.limits.webhook_waiting_max, 5U);
  EXPECT_EQ(settings.limits.webhook_dead_letters_max, 6U);
  const auto& app = settings.apps[0];
  EXPECT_EQ(app.webhook_hold, milliseconds(4'000));
  EXPECT_EQ(app.auth.url, "https://shop.example.com/auth");
  EXPECT_EQ(app.auth.batch_url, "https://shop.example.com/many");
  EXPECT_EQ(app.auth.timeout, milliseconds(2'000));
  EXPECT_EQ(app.auth.concurrency_max, 3U);
  EXPECT_EQ(app.auth.waiting_max, 4U);
  EXPECT_EQ(app.auth.waiting_per_connection_max, 8U);
  EXPECT_EQ(app.auth.address_share_percent, 50U);
  EXPECT_EQ(app.auth.channels_per_call_max, 5U);
  EXPECT_EQ(app.auth.cache, seconds(6));
  EXPECT_EQ(app.auth.cache_refusal, seconds(7));
  EXPECT_THAT(app.auth.forward_headers, testing::ElementsAre("cookie"));
  EXPECT_THAT(app.status.channels, testing::ElementsAre("private-user.{user}"));
  EXPECT_EQ(app.status.away_after, seconds(300));
  EXPECT_EQ(app.limits.domains_per_user_max, 1U);
  EXPECT_EQ(app.limits.sessions_per_user_max, 2U);
  EXPECT_EQ(app.limits.blocks_per_user_max, 3U);
  EXPECT_EQ(app.limits.users_per_call_max, 4U);
  ASSERT_EQ(settings.webhooks.size(), 1U);
  const auto& hook = settings.webhooks[0];
  EXPECT_EQ(hook.app, "shop") << "the only one";
  EXPECT_EQ(hook.kinds, kPusherNotices | mask_of(NoticeKind::user_offline));
  EXPECT_FALSE(hook.enabled);
  EXPECT_TRUE(hook.wants_channel("presence-domain.1"));
  EXPECT_FALSE(hook.wants_channel("news"));
  EXPECT_THAT(hook.headers, testing::ElementsAre("Authorization: Bearer x"));
  EXPECT_EQ(hook.timeout, milliseconds(1'000));
  EXPECT_EQ(hook.concurrency_max, 2U);
  EXPECT_EQ(hook.batch_events_max, 3U);
  EXPECT_EQ(hook.batch_bytes_max, 4'096U);
  EXPECT_EQ(hook.retry_pause_max, seconds(5));
  EXPECT_EQ(hook.retry_for, seconds(7'200));
}

TEST(ConfigSources, OneWebhookOfTheEnvironment) {
  const auto loaded = good(with({{"PARLEY_APP_ID", "9"},
                                 {"PARLEY_APP_KEY", "k9"},
                                 {"PARLEY_APP_SECRET", kSecret},
                                 {"PARLEY_ADMIN_KEY", "an-admin-key-of-length"},
                                 {"PARLEY_WEBHOOK_URL", "http://backend:8080/events"},
                                 {"PARLEY_WEBHOOK_EVENTS", "user_online, user_offline"}},
                                ""));
  EXPECT_TRUE(loaded.notes.empty()) << testing::PrintToString(loaded.notes);
  EXPECT_EQ(loaded.config.settings.admin.key, "an-admin-key-of-length");
  ASSERT_EQ(loaded.config.settings.webhooks.size(), 1U);
  const auto& hook = loaded.config.settings.webhooks[0];
  EXPECT_EQ(hook.name, "environment");
  EXPECT_EQ(hook.app, "9");
  EXPECT_EQ(hook.url, "http://backend:8080/events");
  EXPECT_EQ(hook.kinds, mask_of(NoticeKind::user_online) | mask_of(NoticeKind::user_offline));
  EXPECT_EQ(loaded.origins.at("webhooks[0].events"), "PARLEY_WEBHOOK_EVENTS");

  const auto renewed = good(with({{"PARLEY_WEBHOOK_URL", "http://backend/new"}}, std::string(kApp) + R"(
[[apps]]
id = "second"
key = "k2"
secret = "a-secret-of-good-length"
[[webhooks]]
name = "environment"
app = "second"
url = "http://backend/old"
events = ["pusher"]
)"));
  ASSERT_EQ(renewed.config.settings.webhooks.size(), 1U);
  EXPECT_EQ(renewed.config.settings.webhooks[0].url, "http://backend/new");
  EXPECT_EQ(renewed.config.settings.webhooks[0].app, "second");
  EXPECT_EQ(renewed.config.settings.webhooks[0].kinds, kPusherNotices);

  const auto alone = load_config(with({{"PARLEY_WEBHOOK_EVENTS", "*"}}));
  ASSERT_EQ(alone.mistakes.size(), 1U);
  EXPECT_EQ(alone.mistakes[0].where, "PARLEY_WEBHOOK_EVENTS");
  const auto wrong = load_config(with({{"PARLEY_WEBHOOK_URL", "backend"}}));
  ASSERT_EQ(wrong.mistakes.size(), 1U);
  EXPECT_EQ(wrong.mistakes[0].where, "PARLEY_WEBHOOK_URL");
}

TEST(EarlierNames, AnAppOfThree) {
  for (const std::string prefix : {"PARLEY_APP_", "REVERB_APP_", "PUSHER_APP_"}) {
    const auto config =
        good(with({{prefix + "ID", "9"}, {prefix + "KEY", "k9"}, {prefix + "SECRET", kSecret}}, "")).config;
    ASSERT_EQ(config.settings.apps.size(), 1U);
    EXPECT_EQ(config.settings.apps[0].id, "9");
    EXPECT_EQ(config.settings.apps[0].key, "k9");
    EXPECT_EQ(config.settings.apps[0].secret, kSecret);
  }
}

TEST(EarlierNames, TwoOfThreeAreAMistake) {
  const auto loaded = load_config(with({{"PUSHER_APP_ID", "9"}, {"PUSHER_APP_KEY", "k9"}}));
  ASSERT_EQ(loaded.mistakes.size(), 1U);
  EXPECT_EQ(loaded.mistakes[0].where, "PUSHER_APP_SECRET");
  EXPECT_EQ(loaded.mistakes[0].remedy, "set PUSHER_APP_SECRET too");
}

TEST(EarlierNames, TheEnvironmentRenewsAnAppOfTheFile) {
  const auto loaded = good(
      with({{"PARLEY_APP_ID", "shop"}, {"PARLEY_APP_KEY", "new"}, {"PARLEY_APP_SECRET", "another-secret-of-length"}}));
  ASSERT_EQ(loaded.config.settings.apps.size(), 1U);
  EXPECT_EQ(loaded.config.settings.apps[0].key, "new");
  EXPECT_EQ(loaded.config.settings.apps[0].secret, "another-secret-of-length");
  EXPECT_EQ(loaded.origins.at("apps[0].secret"), "PARLEY_APP_SECRET");
}

TEST(EarlierNames, TheSameAppFromTwoNamesIsOneAndOurNameWins) {
  const auto config = good(with({{"PARLEY_APP_ID", "9"},
                                 {"PARLEY_APP_KEY", "ours"},
                                 {"PARLEY_APP_SECRET", kSecret},
                                 {"PUSHER_APP_ID", "9"},
                                 {"PUSHER_APP_KEY", "theirs"},
                                 {"PUSHER_APP_SECRET", kSecret},
                                 {"REVERB_APP_ID", "10"},
                                 {"REVERB_APP_KEY", "other"},
                                 {"REVERB_APP_SECRET", kSecret}},
                                ""))
                          .config;
  ASSERT_EQ(config.settings.apps.size(), 2U);
  EXPECT_EQ(config.settings.app_by_id("9")->key, "ours");
  EXPECT_EQ(config.settings.app_by_id("10")->key, "other");
}

TEST(EarlierNames, HostSchemeAndSwitch) {
  EXPECT_EQ(good(with({{"WEBSOCKET_HOST", "10.1.2.3"}})).config.server.host, "10.1.2.3");
  EXPECT_EQ(good(with({{"REVERB_SERVER_HOST", "0.0.0.0"}})).config.server.host, "0.0.0.0");
  const auto named = good(with({{"WEBSOCKET_HOST", "ws.example.com"}, {"WEBSOCKET_SCHEME", "https"}}));
  EXPECT_EQ(named.config.server.host, Config{}.server.host);
  EXPECT_EQ(named.notes.size(), 2U);
  EXPECT_FALSE(good(with({{"ENABLE_WEBSOCKET", "false"}})).config.server.enabled);
  EXPECT_FALSE(load_config(with({{"WEBSOCKET_SCHEME", "gopher"}})).ok());
  EXPECT_FALSE(load_config(with({{"ENABLE_WEBSOCKET", "maybe"}})).ok());
}

TEST(ConfigSources, MistakesInTheEnvironmentNameTheVariable) {
  const auto loaded = load_config(with({{"PARLEY_SERVER_PORT", "tcp://10.0.0.1:80"}}));
  ASSERT_EQ(loaded.mistakes.size(), 1U);
  EXPECT_EQ(loaded.mistakes[0].where, "PARLEY_SERVER_PORT");
  EXPECT_EQ(loaded.mistakes[0].key, "server.port");
  EXPECT_NE(loaded.mistakes[0].remedy.find("enableServiceLinks"), std::string::npos);
}

TEST(ConfigSources, UnknownVariablesAreNotedAndEmptyOnesAreNotSet) {
  const auto loaded =
      good(with({{"PARLEY_SERVER_PROT", "1"}, {"PARLEY_SERVER_PORT", ""}, {"PARLEY_CONFIG", "x"}, {"OTHER", "x"}}));
  ASSERT_EQ(loaded.notes.size(), 1U);
  EXPECT_EQ(loaded.notes[0], "PARLEY_SERVER_PROT is not known and has no effect; did you mean PARLEY_SERVER_PORT?");
  EXPECT_EQ(loaded.config.server.port, 6001);
}

TEST(ConfigSources, UnknownFlagKeysAreMistakes) {
  auto sources = with({});
  sources.flags = {{"server.prot", "1"}, {"server.port", "x"}};
  const auto loaded = load_config(sources);
  ASSERT_EQ(loaded.mistakes.size(), 2U);
  EXPECT_EQ(loaded.mistakes[0].remedy, "did you mean `server.port`?");
  EXPECT_EQ(loaded.mistakes[1].what, "`x` is not a whole number");
}

TEST(Dev, AddsTheDemoAppAndStaysOnThisMachine) {
  auto sources = with({}, "");
  sources.dev = true;
  const auto config = good(sources).config;
  EXPECT_TRUE(config.dev);
  EXPECT_EQ(config.server.host, "127.0.0.1");
  ASSERT_EQ(config.settings.apps.size(), 1U);
  EXPECT_EQ(config.settings.apps[0].id, "4711");
  EXPECT_EQ(config.settings.apps[0].key, "app-key-demo");
  EXPECT_EQ(config.settings.apps[0].secret, "app-secret-demo");
  EXPECT_TRUE(config.settings.apps[0].client_events);
  EXPECT_EQ(config.settings.admin.key, "admin-key-demo");
  sources.environment = {{"PARLEY_ADMIN_KEY", "of-my-own"}};
  EXPECT_EQ(good(sources).config.settings.admin.key, "of-my-own");
  sources.flags = {{"server.host", "0.0.0.0"}};
  EXPECT_EQ(good(sources).config.server.host, "0.0.0.0") << "unless told otherwise";
}

TEST(Conformance, IsNeverOnByAFile) {
  EXPECT_FALSE(good(with({})).config.conformance.enabled);
  EXPECT_FALSE(load_config(with({}, std::string("[conformance]\nenabled = true") + kApp)).ok());
  auto sources = with({{"PARLEY_CONFORMANCE_ENABLED", "true"}});
  EXPECT_FALSE(good(sources).config.conformance.enabled);
  sources.conformance = true;
  EXPECT_TRUE(good(sources).config.conformance.enabled);
}

TEST(ConfigPrint, MasksSecretsAndNamesOrigins) {
  auto loaded = good(with({{"PARLEY_SERVER_PORT", "7001"}},
                          std::string(kApp) + "secret_previous = \"the-secret-of-last-month\"\n" +
                              "tokens.hs256_secrets = [\"of-tokens-hush-one\", \"of-tokens-hush-two\"]" + R"(
[admin]
key = "a-secret-of-an-admin"
[[webhooks]]
name = "hook"
url = "https://a/"
headers = ["Authorization: hush"]
)"));
  const auto text = config_toml(loaded, Secrets::masked);
  EXPECT_EQ(text.find(kSecret), std::string::npos);
  EXPECT_EQ(text.find("last-month"), std::string::npos);
  EXPECT_EQ(text.find("an-admin"), std::string::npos);
  EXPECT_EQ(text.find("hush"), std::string::npos);
  EXPECT_THAT(text, testing::HasSubstr("hs256_secrets = [\"********\", \"********\"] "));
  EXPECT_THAT(text, testing::ContainsRegex("port = 7001 +# PARLEY_SERVER_PORT\n"));
  EXPECT_THAT(text, testing::ContainsRegex("id = \"shop\" +# parley.toml:3\n"));
  EXPECT_THAT(text, testing::ContainsRegex("io_threads = 0 +# default\n"));
}

TEST(ConfigPrint, WhatIsPrintedLoadsAsTheSame) {
  auto sources = with({{"PARLEY_SERVER_TRUSTED_PROXIES", "::1,10.0.0.0/8"}, {"PARLEY_TIMING_CONFIRM_DELAY", "777"}},
                      std::string(kApp) + R"(name = "a \"quoted\" \\ name"
limits = { connections_max = 5 }
tokens = { hs256_secrets = ["of-tokens-one-one", "of-tokens-two-two"], issuer = "https://id", leeway_seconds = "1m" }
[[channels]]
match = "orders.*"
durability = "async"
retention = { age_seconds = "7d", count = 5 }
[[channels]]
match = "passed.on.*"
[[webhooks]]
name = "hook"
url = "https://hooks.example.com/x"
events = ["pusher", "user_offline"]
headers = ["Authorization: Bearer \"x\""]
)");
  auto first = good(sources);
  const auto printed = config_toml(first, Secrets::shown);
  auto second = good(with({}, printed));
  // Origins differ, values do not: print both without their comments.
  const auto values = [](const std::string& text) {
    std::string out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) out += line.substr(0, line.find(" # ")) + '\n';
    return out;
  };
  const auto reprinted = values(config_toml(second, Secrets::shown));
  EXPECT_EQ(reprinted.substr(reprinted.find('\n')), values(printed).substr(values(printed).find('\n')));
}

TEST(ConfigPrint, TheReferenceIsThatOfTheTable) {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../../docs/configuration.md";
  if (std::getenv("UPDATE") != nullptr) std::ofstream(path) << config_reference();
  std::ifstream file(path);
  ASSERT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), config_reference()) << "run `parley config-reference > docs/configuration.md`";
}

TEST(Reload, NamesWhatNeedsARestart) {
  Config running;
  Config wanted;
  wanted.server.port = 1;
  wanted.server.drain = std::chrono::seconds(1);
  wanted.data.dir = "/elsewhere";
  EXPECT_THAT(keys_that_need_restart(running, wanted), testing::ElementsAre("server.port", "data.dir"));
}

TEST(Closest, FindsSlipsAndNothingElse) {
  const std::vector<std::string_view> names{"port", "host", "io_threads"};
  EXPECT_EQ(closest("prot", names), "port");
  EXPECT_EQ(closest("io_thread", names), "io_threads");
  EXPECT_EQ(closest("quantum", names), "");
  EXPECT_EQ(closest(std::string(10'000, 'x'), names), "");
  EXPECT_EQ(closest("", names), "");
}

}  // namespace
}  // namespace parley::server
