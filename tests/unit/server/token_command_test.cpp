// `parley token`, without its printing.

#include "server/commands/token_command.h"

#include "tests/unit/net/auth/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::server {
namespace {

using net::auth::an_app;
using net::auth::an_ed25519_pair;
using net::auth::kNow;
using net::auth::kSecret;
using testing::HasSubstr;

TokenOptions for_user(std::string id) {
  TokenOptions options;
  options.user_id = std::move(id);
  return options;
}

TEST(TokenCommand, WhatItMakesItDescribes) {
  auto options = for_user("42");
  options.domains = {"7", "8"};
  options.admin = {"1"};
  options.channels = {"orders.*"};
  options.watchlist = {"5", "6"};
  options.info = R"({"name": "Ann"})";
  options.ttl = "5m";
  const auto made = make_app_token(an_app(), options, {}, kNow);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->refusal, "");
  EXPECT_EQ(made->expires, kNow + seconds(300));
  const auto text = describe_token(an_app(), made->text, false, kNow);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text,
            "user       42\n"
            "info       {\"name\": \"Ann\"}\n"
            "domains    7, 8\n"
            "admin      1\n"
            "channels   orders.*\n"
            "watchlist  5, 6\n"
            "issued     2025-10-09T08:53:20.000Z\n"
            "expires    2025-10-09T08:58:20.000Z, in 300 s");
  const auto json = describe_token(an_app(), made->text, true, kNow);
  ASSERT_TRUE(json);
  EXPECT_EQ(*json, R"({"sub":"42","domains":["7","8"],"admin":["1"],"channels":["orders.*"],"watchlist":["5","6"],)"
                   R"("iat":1760000000,"exp":1760000300,"info":{"name": "Ann"}})");
}

TEST(TokenCommand, TellsWhyATokenIsRefused) {
  const auto made = make_app_token(an_app(), for_user("42"), {}, kNow);
  ASSERT_TRUE(made);
  const auto late = describe_token(an_app(), made->text, false, kNow + seconds(4'000));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::token_invalid);
  EXPECT_EQ(late.error().message, "the token expired 400 s ago");
}

TEST(TokenCommand, MakesWhatTheConfigurationOfTheAppAsksFor) {
  auto app = an_app();
  app.tokens.issuer = "https://id.example.com";
  app.tokens.hs256_secrets = {"only-for-tokens-one", "only-for-tokens-two"};
  const auto made = make_app_token(app, for_user("42"), {}, kNow);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->refusal, "");
  EXPECT_FALSE(describe_token(an_app(), made->text, false, kNow)) << "the app's own secret signs no tokens now";
}

TEST(TokenCommand, SignsWithAPrivateKey) {
  auto options = for_user("42");
  options.private_key_file = "key.pem";
  options.key_id = "idp";
  auto app = an_app();
  const auto unknown = make_app_token(app, options, an_ed25519_pair().private_pem, kNow);
  ASSERT_TRUE(unknown);
  EXPECT_THAT(unknown->refusal, HasSubstr("no key of that kind")) << "made all the same: the node may be elsewhere";
  app.tokens.public_keys = {{"idp", an_ed25519_pair().public_pem}};
  const auto known = make_app_token(app, options, an_ed25519_pair().private_pem, kNow);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->refusal, "");
  EXPECT_TRUE(describe_token(app, known->text, false, kNow));
  const auto not_one = make_app_token(app, options, an_ed25519_pair().public_pem, kNow);
  ASSERT_FALSE(not_one);
  EXPECT_THAT(not_one.error().message, HasSubstr("--private-key key.pem: this is no PEM file with a private key"));
}

TEST(TokenCommand, NamesTheOptionThatIsWrong) {
  const auto reason = [](const TokenOptions& options) {
    const auto made = make_app_token(an_app(), options, {}, kNow);
    return made ? "made; " + made->refusal : made.error().message;
  };
  EXPECT_THAT(reason({}), HasSubstr("--user"));
  auto options = for_user("42");
  options.info = "{";
  EXPECT_THAT(reason(options), HasSubstr("--info is not JSON"));
  options = for_user("42");
  options.info = "{} , \"sub\":\"1\"";
  EXPECT_THAT(reason(options), HasSubstr("--info is not JSON")) << "no claims through the back door";
  options = for_user("42");
  options.ttl = "soon";
  EXPECT_THAT(reason(options), HasSubstr("--ttl"));
  options.ttl = "30d";
  EXPECT_THAT(reason(options), HasSubstr("made; the token lives for 2592000 s"));
  EXPECT_THAT(reason(for_user(std::string(200, 'u'))), HasSubstr("made; `sub` is longer"));
}

TEST(FindApp, IsTheConfiguredOneWithWhatWasTyped) {
  CommandLine dev;
  dev.config_file = "/nowhere/parley.toml";  // not one that lies about
  dev.dev = true;
  const auto demo = find_app({}, dev);
  ASSERT_TRUE(demo) << demo.error().message;
  EXPECT_EQ(demo->id, "4711");
  ClientOptionsGiven given;
  given.secret = "typed";
  const auto typed = find_app(given, dev);
  ASSERT_TRUE(typed);
  EXPECT_EQ(typed->id, "4711");
  EXPECT_EQ(typed->secret, "typed");
  given.app_id = "elsewhere";
  given.key = "key";
  const auto elsewhere = find_app(given, dev);
  ASSERT_TRUE(elsewhere);
  EXPECT_EQ(elsewhere->id, "elsewhere");
  EXPECT_EQ(elsewhere->key, "key");
  given = {};
  given.app_id = "elsewhere";
  EXPECT_FALSE(find_app(given, dev)) << "its key and secret are unknown";
}

}  // namespace
}  // namespace parley::server
