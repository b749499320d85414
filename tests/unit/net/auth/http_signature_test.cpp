#include "net/auth/http_signature.h"

#include "net/auth/pusher_signature.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace parley::net::auth {
namespace {

const App kApp{.id = "4711", .name = "demo", .key = "app-key-demo", .secret = "app-secret-demo"};
constexpr WallTime kNow{1'760'000'000'000};
constexpr std::chrono::seconds kWindow{600};
constexpr std::string_view kBody =
    R"({"name":"message.sent","data":"{\"id\":1,\"text\":\"hi\"}","channel":"private-domain.7","socket_id":"241.880612"})";

Result<RequestSignature> check(const SignedRequest& request, std::string_view query, WallTime now = kNow) {
  return check_request(kApp, request, Query::parse(query), now, kWindow);
}

TEST(HttpSignature, AcceptsTheVectors) {
  ASSERT_EQ(kBody.size(), 113U);
  EXPECT_TRUE(
      check({"POST", "/apps/4711/events", kBody},
            "auth_key=app-key-demo&auth_timestamp=1760000000&auth_version=1.0&body_md5=f7bda4c7be80d115bbda4a64f810efc2"
            "&auth_signature=3a39e05418d0433ea69dee0a23664ca62746ab13cf5eeab27c0bd66d71671a81"));
  EXPECT_TRUE(check(
      {"GET", "/apps/4711/channels", ""},
      "auth_key=app-key-demo&auth_timestamp=1760000000&auth_version=1.0&filter_by_prefix=presence-&info=user_count"
      "&auth_signature=7f0245d4260f756a4df8235a4eca9a9674cbe295895567544cba8502302f4f1f"));
  EXPECT_TRUE(
      check({"POST", "/apps/4711/users/42/terminate_connections", "{}"},
            "auth_key=app-key-demo&auth_timestamp=1760000000&auth_version=1.0&body_md5=99914b932bd37a50b983c5e7c90ae93b"
            "&auth_signature=0925ccfc13bb39ae221e6e0787600dd9c9d9b2b2c80eb598f4f47773884bd03c"));
}

TEST(HttpSignature, SignsAsItChecks) {
  const SignedRequest request{"GET", "/apps/4711/channels/private-a/history", ""};
  const auto query =
      sign_request(kApp.key, kApp.secret, request, {{"since", "000000000000abcd:1"}, {"Limit", "5"}}, kNow);
  const auto checked = check(request, query);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->timestamp_seconds, 1'760'000'000);
  EXPECT_EQ(checked->hex.size(), 64U);
  EXPECT_EQ(Query::parse(query).get("since"), "000000000000abcd:1");
  EXPECT_EQ(Query::parse(query).get("limit"), "5");
}

TEST(HttpSignature, AcceptsThePathWithTheDeploymentsPrefix) {
  const SignedRequest with_prefix{"GET", "/ws/apps/4711/channels/private-%40a", ""};
  const auto query = sign_request(kApp.key, kApp.secret, with_prefix, {}, kNow);
  const SignedRequest arrived{"GET", "/apps/4711/channels/private-%40a", "", "/ws"};
  EXPECT_TRUE(check(arrived, query));
  EXPECT_TRUE(check(arrived, sign_request(kApp.key, kApp.secret, {"GET", arrived.path, ""}, {}, kNow)));
  EXPECT_TRUE(
      check(arrived, sign_request(kApp.key, kApp.secret, {"GET", "/ws/apps/4711/channels/private-@a", ""}, {}, kNow)));
  EXPECT_FALSE(check({"GET", arrived.path, ""}, query)) << "without such a prefix";
  EXPECT_FALSE(check({"GET", arrived.path, "", "/w"}, query));
}

TEST(HttpSignature, ATimestampOutsideTheWindowNamesTheClock) {
  const SignedRequest request{"GET", "/apps/4711/channels", ""};
  const auto query = sign_request(kApp.key, kApp.secret, request, {}, kNow);
  EXPECT_TRUE(check(request, query, kNow + seconds(600)));
  const auto late = check(request, query, kNow + seconds(601));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message,
            "auth_timestamp 1760000000 is 601 s behind this server's clock, which says 1760000601; 600 s are allowed");
  EXPECT_NE(late.error().remedy.find("clock"), std::string_view::npos);
  const auto early = check(request, query, kNow - seconds(601));
  ASSERT_FALSE(early);
  EXPECT_NE(early.error().message.find("is 601 s ahead of this server's clock"), std::string::npos);
  for (const char* stamp : {"9223372036854775807", "-9223372036854775808"}) {
    const auto far =
        check(request, std::string("auth_key=app-key-demo&auth_version=1.0&auth_signature=x&auth_timestamp=") + stamp);
    ASSERT_FALSE(far);
    EXPECT_NE(far.error().message.find("clock"), std::string::npos) << stamp;
  }
}

TEST(HttpSignature, RefusesAnyChange) {
  const SignedRequest request{"POST", "/apps/4711/events", kBody};
  const auto query = sign_request(kApp.key, kApp.secret, request, {}, kNow);
  ASSERT_TRUE(check(request, query));
  EXPECT_FALSE(check({"DELETE", request.path, request.body}, query));
  EXPECT_FALSE(check({request.method, "/apps/4711/batch_events", request.body}, query));
  EXPECT_FALSE(check({request.method, request.path, "{}"}, query));
  EXPECT_FALSE(check({request.method, request.path, ""}, query));
  EXPECT_FALSE(check(request, query + "&extra=1"));
  for (std::size_t i = 0; i < query.size(); ++i) {
    auto changed = query;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_FALSE(check(request, changed)) << changed;
  }
}

TEST(HttpSignature, RefusesOutsideTheWindow) {
  const SignedRequest request{"GET", "/apps/4711/channels", ""};
  const auto query = sign_request(kApp.key, kApp.secret, request, {}, kNow);
  EXPECT_TRUE(check(request, query, kNow + seconds(600)));
  EXPECT_TRUE(check(request, query, kNow - seconds(600)));
  EXPECT_FALSE(check(request, query, kNow + seconds(601)));
  EXPECT_FALSE(check(request, query, kNow - seconds(601)));
}

TEST(HttpSignature, NeedsEveryParameterOnce) {
  const SignedRequest request{"POST", "/apps/4711/events", kBody};
  const auto query = sign_request(kApp.key, kApp.secret, request, {}, kNow);
  for (const std::string_view name : {"auth_key", "auth_timestamp", "auth_version", "auth_signature", "body_md5"}) {
    const auto start = query.find(name);
    ASSERT_NE(start, std::string::npos);
    const auto end = std::min(query.find('&', start), query.size());
    auto without = query;
    without.erase(start, end - start);
    const auto refused = check(request, without);
    ASSERT_FALSE(refused) << name;
    EXPECT_NE(refused.error().message.find(name), std::string::npos) << refused.error().message;
    EXPECT_FALSE(check(request, query + "&" + query.substr(start, end - start))) << name;
  }
  EXPECT_FALSE(check(request, ""));
  EXPECT_FALSE(check(request, "&&&=&=&auth_key"));
}

TEST(HttpSignature, ChecksAnEmptyBodysMd5WhenItIsThere) {
  const SignedRequest request{"GET", "/apps/4711/channels", ""};
  EXPECT_TRUE(check(request, sign_request(kApp.key, kApp.secret, request, {{"body_md5", auth::md5_hex("")}}, kNow)));
  EXPECT_FALSE(check(request, sign_request(kApp.key, kApp.secret, request, {{"body_md5", auth::md5_hex("x")}}, kNow)));
}

TEST(HttpSignature, AcceptsAPathThatWasEncodedAfterSigning) {
  const auto query =
      sign_request(kApp.key, kApp.secret, {"GET", "/apps/4711/channels/#server-to-user-1", ""}, {}, kNow);
  EXPECT_TRUE(check({"GET", "/apps/4711/channels/%23server-to-user-1", ""}, query));
  EXPECT_FALSE(check({"GET", "/apps/4711/channels/%24server-to-user-1", ""}, query));
}

TEST(Query, DecodesSortsAndJoins) {
  const auto query = Query::parse("b=2&A=x%20y+z&c[]=1&c[]=2&empty=&flag&d%5B0%5D=q");
  EXPECT_EQ(string_to_sign("GET", "/p", query), "GET\n/p\na=x y z&b=2&c=1,2&d=q&empty=&flag=");
  EXPECT_TRUE(query.has("flag"));
  EXPECT_FALSE(query.has("nothing"));
  EXPECT_EQ(percent_decode("%4", false), "%4");
  EXPECT_EQ(percent_decode("%zz%41", false), "%zzA");
  EXPECT_EQ(percent_encode("a b/ä"), "a%20b%2F%C3%A4");
}

TEST(Query, TakesManyNamesInShortTime) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += fmt::format("n{}=&", i);
  EXPECT_EQ(Query::parse(text).fields().size(), 100'000U);
}

}  // namespace
}  // namespace parley::net::auth
