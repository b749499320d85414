// Asking the application about subscriptions: what is sent, and what each kind of answer means.

#include "net/outbound/auth_exchange.h"

#include <gtest/gtest.h>

#include <map>

namespace parley::net {
namespace {

using namespace std::chrono_literals;
using Outcome = AuthDecision::Outcome;
using Headers = std::vector<std::pair<std::string, std::string>>;

AuthQuestion question(std::string channel) {
  return {"4711", SocketId::parse("241.880612").value(), std::move(channel), {{"Cookie", "s=1"}}, "192.0.2.1"};
}
std::map<std::string, std::string> map_of(const Headers& headers) { return {headers.begin(), headers.end()}; }

std::string text(const AuthDecision& decision) {
  switch (decision.outcome) {
    case Outcome::allowed:
      return "allowed" + decision.channel_data;
    case Outcome::denied:
      return "denied:" + decision.words;
    case Outcome::unavailable:
      EXPECT_NE(decision.words, "");
      return "unavailable";
  }
  return {};
}
std::string said(int status, std::string body, std::string_view channel = "private-x") {
  return text(decode_auth({.status = status, .body = std::move(body)}, channel));
}
std::vector<std::string> said_of(std::string body, const std::vector<std::string_view>& channels, int status = 200) {
  std::vector<std::string> all;
  for (const auto& one : decode_auth_batch({.status = status, .body = std::move(body)}, channels))
    all.push_back(text(one));
  return all;
}
using Texts = std::vector<std::string>;

TEST(AuthExchange, OneChannelIsAskedForAsLaravelExpectsIt) {
  AuthSettings auth;
  auth.url = "https://example.com/broadcasting/auth";
  auth.timeout = 1'500ms;
  auth.concurrency_max = 9;
  const auto call = auth_call(auth, question("presence-domain.7@a=b;c"));
  EXPECT_EQ(call.method, "POST");
  EXPECT_EQ(call.url, auth.url);
  EXPECT_EQ(call.body, "socket_id=241.880612&channel_name=presence-domain.7%40a%3Db%3Bc");
  EXPECT_EQ(call.timeout, 1'500ms);
  EXPECT_EQ(call.lane, "auth:4711");
  EXPECT_EQ(call.lane_concurrency_max, 9U);
  EXPECT_EQ(map_of(call.headers),
            (std::map<std::string, std::string>{{"Cookie", "s=1"},
                                                {"Content-Type", "application/x-www-form-urlencoded"},
                                                {"Accept", "application/json"},
                                                {"X-Requested-With", "XMLHttpRequest"},
                                                {"X-Forwarded-For", "192.0.2.1"}}));
}

TEST(AuthExchange, SeveralChannelsShareACall) {
  AuthSettings auth;
  auth.batch_url = "https://example.com/batch";
  const auto call = auth_batch_call(auth, {question("private-a"), question("presence-b")});
  EXPECT_EQ(call.url, auth.batch_url);
  EXPECT_EQ(call.body, R"({"socket_id":"241.880612","channels":["private-a","presence-b"]})");
  EXPECT_EQ(map_of(call.headers)["Content-Type"], "application/json");
  EXPECT_EQ(map_of(call.headers)["Cookie"], "s=1");
}

TEST(AuthExchange, AClientCannotSayWhatIsOursToSay) {
  auto asked = question("private-a");
  asked.headers = {{"Host", "evil"}, {"content-length", "1"}, {"X-FORWARDED-FOR", "10.0.0.1"}, {"Accept", "text/html"}};
  const auto call = auth_call({.url = "https://example.com"}, asked);
  EXPECT_EQ(call.headers.size(), 4U);
  EXPECT_EQ(map_of(call.headers)["X-Forwarded-For"], "192.0.2.1");
  EXPECT_EQ(map_of(call.headers).count("Host"), 0U);
}

TEST(AuthExchange, AllTheWaysToSayYes) {
  EXPECT_EQ(said(200, "true"), "allowed");
  EXPECT_EQ(said(200, " true\n"), "allowed");
  EXPECT_EQ(said(200, R"({"auth":"KEY:SIG"})"), "allowed");
  EXPECT_EQ(said(201, R"({"auth":"KEY:SIG","shared_secret":"x"})"), "allowed");
  EXPECT_EQ(said(200, R"({"auth":"KEY:SIG","channel_data":null})"), "allowed");
  EXPECT_EQ(said(200, R"({"auth":"KEY:SIG","channel_data":"{\"user_id\":\"42\"}"})", "presence-x"),
            R"(allowed{"user_id":"42"})");
  EXPECT_EQ(said(200, R"({"channel_data":{"user_id":42,"user_info":{"name":"Ann"}}})", "presence-x"),
            R"(allowed{"user_id":42,"user_info":{"name":"Ann"}})");
  EXPECT_EQ(said(200, R"({"channel_data":"{\"user_id\":42}"})", "presence-cache-x"), R"(allowed{"user_id":42})");
}

TEST(AuthExchange, APrivateChannelHasNoMember) {
  EXPECT_EQ(said(200, R"({"auth":"KEY:SIG","channel_data":"{\"user_id\":\"42\"}"})"), "allowed");
}

TEST(AuthExchange, ARefusalBringsTheApplicationsWords) {
  EXPECT_EQ(said(403, R"({"message":"Not your \"domain\""})"), "denied:Not your \"domain\"");
  EXPECT_EQ(said(401, R"({"message":"Unauthenticated."})"), "denied:Unauthenticated.");
  EXPECT_EQ(said(419, R"({"message":"CSRF token mismatch."})"), "denied:CSRF token mismatch.");
  EXPECT_EQ(said(403, ""), "denied:");
  EXPECT_EQ(said(403, "<html>"), "denied:");
  EXPECT_EQ(said(403, R"({"message":7})"), "denied:");
  EXPECT_EQ(said(403, "[]"), "denied:");
  EXPECT_EQ(said(200, "false"), "denied:");
  std::string umlauts;
  for (int i = 0; i < 150; ++i) umlauts += "ä";
  EXPECT_EQ(said(403, R"({"message":"x)" + umlauts + R"("})"), "denied:x" + umlauts.substr(0, 198));
}

TEST(AuthExchange, AnythingElseIsNoAnswer) {
  for (const int status : {0, 302, 404, 422, 429, 500, 503}) EXPECT_EQ(said(status, "true"), "unavailable") << status;
  for (const auto* body : {"", "null", "1", "\"true\"", "[]", "{}", "<html>", "{\"auth\":7}",
                           "{\"auth\":", "true false", "{\"error\":\"no\"}", "{\"channel_data\":null}"}) {
    EXPECT_EQ(said(200, body), "unavailable") << body;
  }
  const auto failed = decode_auth({.failure = "no answer within 5 ms"}, "private-x");
  EXPECT_EQ(failed.outcome, Outcome::unavailable);
  EXPECT_EQ(failed.words, "no answer within 5 ms");
}

TEST(AuthExchange, APresenceChannelsMemberMayBeLeftToTheSignIn) {
  EXPECT_EQ(said(200, "true", "presence-x"), "allowed");
  EXPECT_EQ(said(200, R"({"auth":"KEY:SIG"})", "presence-x"), "allowed");
}

TEST(AuthExchange, AMemberThatIsNoObjectIsNoAnswer) {
  for (const auto* body : {R"({"channel_data":"no json"})", R"({"channel_data":"7"})", R"({"channel_data":7})",
                           R"({"channel_data":["x"]})", R"({"auth":"KEY:SIG","channel_data":""})"}) {
    EXPECT_EQ(said(200, body, "presence-x"), "unavailable") << body;
  }
}

TEST(AuthExchange, EachChannelOfABatchHasItsAnswer) {
  EXPECT_EQ(said_of(R"({"other":[],"channels":{
      "presence-b":{"status":200,"channel_data":{"user_id":"42"}},
      "private-a":{"status":200},
      "presence-s":{"status":200,"channel_data":"{\"user_id\":1}"},
      "private-c":{"status":403,"message":"no"},
      "private-d":{"status":500},
      "private-e":{},
      "presence-f":{"status":200,"channel_data":null},
      "private-g":true,
      "unasked":{"status":200}}})",
                    {"private-a", "presence-b", "private-c", "private-d", "private-e", "presence-f", "private-g",
                     "private-h", "presence-s"}),
            (Texts{"allowed", R"(allowed{"user_id":"42"})", "denied:no", "unavailable", "unavailable", "allowed",
                   "unavailable", "unavailable", R"(allowed{"user_id":1})"}));
}

TEST(AuthExchange, ABatchThatFailsAsAWholeFailsForEach) {
  const std::vector<std::string_view> two{"private-a", "private-b"};
  EXPECT_EQ(said_of(R"({"message":"log in"})", two, 401), (Texts{"denied:log in", "denied:log in"}));
  EXPECT_EQ(said_of("{}", two, 500), (Texts{"unavailable", "unavailable"}));
  for (const auto* body : {"", "true", "[]", "{}", R"({"channels":[]})"}) {
    EXPECT_EQ(said_of(body, two), (Texts{"unavailable", "unavailable"})) << body;
  }
}

TEST(AuthExchange, CredentialsAreToldApart) {
  const auto hash = credentials_hash({{"Cookie", "a=1"}, {"Authorization", "Bearer x"}});
  ASSERT_TRUE(hash.has_value());
  EXPECT_EQ(hash->size(), 32U);
  EXPECT_EQ(credentials_hash({{"authorization", "Bearer x"}, {"COOKIE", "a=1"}}), hash) << "order and case say nothing";
  for (const Headers& other : {Headers{{"Cookie", "a=2"}, {"Authorization", "Bearer x"}}, Headers{{"Cookie", "a=1"}},
                               Headers{{"Cookie", "a=1Authorization"}, {"Authorization", "Bearer x"}},
                               Headers{{"Cookie", "a=1"}, {"Authorization", "Bearer x"}, {"X-Team", "7"}},
                               Headers{{"Cookie", "a=1"}, {"Authorizatio", "nBearer x"}}}) {
    EXPECT_NE(credentials_hash(other), hash);
    EXPECT_TRUE(credentials_hash(other).has_value());
  }
}

TEST(AuthExchange, WhoBringsNoCredentialsIsNobodyInParticular) {
  EXPECT_FALSE(credentials_hash({}).has_value());
  EXPECT_FALSE(credentials_hash({{"Cookie", ""}}).has_value());
  EXPECT_FALSE(credentials_hash({{"Cookie", " "}, {"User-Agent", "x"}}).has_value());
  EXPECT_FALSE(credentials_hash({{"User-Agent", "x"}, {"Origin", "https://example.com"}}).has_value());
}

}  // namespace
}  // namespace parley::net
