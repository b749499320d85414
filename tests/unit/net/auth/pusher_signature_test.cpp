// The published vectors: demo credentials, socket_id 241.880612.

#include "net/auth/pusher_signature.h"

#include <gtest/gtest.h>

namespace parley::net::auth {
namespace {

const App kApp{.id = "4711", .name = "demo", .key = "app-key-demo", .secret = "app-secret-demo"};
constexpr std::string_view kSocket = "241.880612";
constexpr std::string_view kPresenceData = R"({"user_id":"42","user_info":{"name":"Ada"}})";
constexpr std::string_view kUserData = R"({"id":"42","user_info":{"name":"Ada"},"watchlist":["7","8"]})";

TEST(Auth, SignsTheVectors) {
  EXPECT_EQ(sign_channel(kApp.key, kApp.secret, kSocket, "private-domain.7"),
            "app-key-demo:c764fe2e2bb05a197a69696cc23e43840dc9bde56a1ec222947469d5fee9c625");
  EXPECT_EQ(sign_channel(kApp.key, kApp.secret, kSocket, "presence-domain.7", kPresenceData),
            "app-key-demo:4c99cf412b098da3eae3ffb4e0d4b89c1e4335a55c69cd7cdbfa4f08b870140c");
  EXPECT_EQ(sign_channel(kApp.key, kApp.secret, kSocket, "private-encrypted-domain.7"),
            "app-key-demo:6ea799135140e5e9f5814d0484cfbee7c8e110b8ec61059ed7ce810758b7ccf7");
  EXPECT_EQ(sign_user(kApp.key, kApp.secret, kSocket, kUserData),
            "app-key-demo:694089b519b9a2519494537eac3f1602625cb23a16cb486dca805e045834a81a");
}

TEST(Auth, AcceptsWhatItSignsAndNothingNear) {
  const auto auth = sign_channel(kApp.key, kApp.secret, kSocket, "private-a");
  EXPECT_TRUE(check_channel_auth(kApp, kSocket, "private-a", std::nullopt, auth));
  EXPECT_FALSE(check_channel_auth(kApp, "241.880613", "private-a", std::nullopt, auth));
  EXPECT_FALSE(check_channel_auth(kApp, kSocket, "private-b", std::nullopt, auth));
  EXPECT_FALSE(check_channel_auth(kApp, kSocket, "private-a", "", auth));
  for (std::size_t i = 0; i < auth.size(); ++i) {
    auto changed = auth;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_EQ(check_channel_auth(kApp, kSocket, "private-a", std::nullopt, changed).error().code, Errc::unauthorized);
    EXPECT_FALSE(check_channel_auth(kApp, kSocket, "private-a", std::nullopt, std::string_view(auth).substr(0, i)));
  }
  EXPECT_FALSE(check_channel_auth(kApp, kSocket, "private-a", std::nullopt, auth + "0"));
}

TEST(Auth, NeverAcceptsAnEmptySecret) {
  App open = kApp;
  open.secret.clear();
  EXPECT_FALSE(
      check_channel_auth(open, kSocket, "private-a", std::nullopt, sign_channel(open.key, "", kSocket, "private-a")));
}

TEST(Auth, AcceptsThePreviousSecretWhileThereIsOne) {
  App rotating = kApp;
  const auto old = sign_user(kApp.key, "old", kSocket, kUserData);
  EXPECT_FALSE(check_user_auth(rotating, kSocket, kUserData, old));
  rotating.secret_previous = "old";
  EXPECT_TRUE(check_user_auth(rotating, kSocket, kUserData, old));
  EXPECT_TRUE(check_user_auth(rotating, kSocket, kUserData, sign_user(kApp.key, kApp.secret, kSocket, kUserData)));
}

TEST(Auth, HashesKnownTexts) {
  EXPECT_EQ(auth::md5_hex("{}"), "99914b932bd37a50b983c5e7c90ae93b");
  EXPECT_EQ(auth::md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(auth::hmac_sha256_hex("Jefe", "what do ya want for nothing?"),  // RFC 4231, case 2
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // The context is used again: one key must leave nothing behind for the next.
  EXPECT_NE(auth::hmac_sha256_hex("other", "what do ya want for nothing?"),
            auth::hmac_sha256_hex("Jefe", "what do ya want for nothing?"));
  EXPECT_EQ(auth::hmac_sha256_hex("Jefe", "what do ya want for nothing?").size(), 64U);
}

}  // namespace
}  // namespace parley::net::auth
