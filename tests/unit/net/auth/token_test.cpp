// Which tokens are believed, and what is said about the others.

#include "net/auth/token.h"

#include "keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <thread>

namespace parley::net::auth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Claims some_claims() {
  Claims claims;
  claims.user_id = "42";
  claims.user_info = R"({"name":"Ann \u00e9", "n": 1.50})";
  claims.domains = {"7", "8"};
  claims.admin = {"1"};
  claims.channels = {"orders.*", "presence-room.*"};
  claims.watchlist = {"5", "6"};
  claims.issued_at = kNow;
  claims.expires = kNow + seconds(3'600);
  claims.token_id = "t-1";
  return claims;
}

App app_with(const KeyPair& pair, std::string name = "idp") {
  auto app = an_app();
  app.tokens.public_keys = {{std::move(name), pair.public_pem}};
  return app;
}

Result<Claims> verified(const App& app, std::string_view token, WallTime now = kNow) {
  return TokenVerifier(app).verify(token, now);
}

std::string reason(const Result<Claims>& result) {
  if (result) return "accepted";
  EXPECT_EQ(result.error().code, Errc::token_invalid);
  return result.error().message;
}

// Signed with the app's secret; `more` goes behind sub and exp.
std::string token_with(std::string_view more) {
  return hand_made(kHs256, fmt::format(R"({{"sub":"42","exp":{}{}}})", kNowSeconds + 60, more), kSecret);
}
std::string reason_for(std::string_view more) { return reason(verified(an_app(), token_with(more))); }
std::string reason_for_payload(std::string_view payload) {
  return reason(verified(an_app(), hand_made(kHs256, payload, kSecret)));
}

TEST(Token, WhatIsMadeIsAcceptedWithAllItsClaims) {
  const auto claims = some_claims();
  const auto by_secret = verified(an_app(), make_token(claims, {}, kSecret));
  ASSERT_TRUE(by_secret) << by_secret.error().message;
  EXPECT_EQ(*by_secret, claims);

  const Envelope envelope{.key_id = "idp", .issuer = "https://id.example.com", .audience = {"shop"}};
  for (const auto* pair : {&an_rsa_pair(), &an_ed25519_pair()}) {
    const auto by_key = verified(app_with(*pair), make_token(claims, envelope, private_key(*pair)));
    ASSERT_TRUE(by_key) << by_key.error().message;
    EXPECT_EQ(*by_key, claims);
  }
}

TEST(Token, TheHs256ExampleOfRfc7515HasThisSignature) {
  // Appendix A.1: foreign bytes, so that maker and checker cannot be wrong in the same way.
  const auto secret =
      decode_base64url("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  ASSERT_TRUE(secret);
  auto app = an_app();
  app.tokens.hs256_secrets = {*secret};
  const auto token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmN"
      "vbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  EXPECT_EQ(reason(verified(app, token)), "`sub` is missing: the user's id") << "the signature was believed";
  EXPECT_THAT(reason(verified(an_app(), token)), HasSubstr("signature"));
}

TEST(Token, TheEdDsaExampleOfRfc8037IsVerified) {
  // Appendix A.4; the public key of A.2 in the fixed DER frame of an Ed25519 key.
  const auto key = decode_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
  ASSERT_TRUE(key);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> raw(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(key->data()),
                                  key->size()),
      EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
  ASSERT_EQ(PEM_write_bio_PUBKEY(bio.get(), raw.get()), 1);
  const auto parsed = PublicKey::from_pem(detail::text_of(bio.get()));
  ASSERT_TRUE(parsed);
  const auto signature =
      decode_base64url("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
  ASSERT_TRUE(signature);
  EXPECT_TRUE(parsed->verifies("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", *signature));
  EXPECT_FALSE(parsed->verifies("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmd", *signature));
}

TEST(Token, ByAWrongKeyIsRefused) {
  EXPECT_EQ(reason(verified(an_app(), make_token(some_claims(), {}, "another-secret-of-length"))),
            "the token's signature (HS256) is not by a key of this application");
  const auto other = make_ed25519();
  const Envelope envelope{.audience = {"shop"}};
  EXPECT_EQ(reason(verified(app_with(an_ed25519_pair()), make_token(some_claims(), envelope, private_key(other)))),
            "the token's signature (EdDSA) is not by a key of this application");
}

TEST(Token, NoneIsNoAlgorithmHoweverItIsWritten) {
  const auto payload = fmt::format(R"({{"sub":"42","exp":{}}})", kNowSeconds + 60);
  for (const char* name : {"none", "None", "NONE", "nOnE", "", "HS256 ", "hs256", "HS384", "HS512", "RS512", "PS256",
                           "ES256", "Ed25519", "RSA-OAEP"}) {
    const auto header = base64url(fmt::format(R"({{"alg":"{}"}})", name));
    EXPECT_THAT(reason(verified(an_app(), header + '.' + base64url(payload) + '.')),
                HasSubstr(fmt::format("the algorithm `{}` is not accepted", name)));
    EXPECT_THAT(reason(verified(an_app(), hand_made(fmt::format(R"({{"alg":"{}"}})", name), payload, kSecret))),
                HasSubstr("is not accepted"));
  }
  EXPECT_THAT(reason(verified(an_app(), base64url(kHs256) + '.' + base64url(payload) + '.')), HasSubstr("signature"));
}

TEST(Token, APublicKeyIsNoSecret) {
  // The old trick: the public key's file is known to all; use it as the secret of an HMAC.
  const auto payload = fmt::format(R"({{"sub":"42","aud":"shop","exp":{}}})", kNowSeconds + 60);
  const auto& pem = an_rsa_pair().public_pem;
  auto app = app_with(an_rsa_pair());
  EXPECT_THAT(reason(verified(app, hand_made(kHs256, payload, pem))), HasSubstr("signature (HS256) is not by"));
  EXPECT_THAT(reason(verified(app, hand_made(kHs256, payload, pem.substr(0, pem.size() - 1)))),
              HasSubstr("signature (HS256) is not by"));
  app.secret.clear();
  EXPECT_THAT(reason(verified(app, hand_made(kHs256, payload, pem))), HasSubstr("no key of that kind"));
  EXPECT_THAT(reason(verified(app, hand_made(R"({"alg":"RS256"})", payload, pem))), HasSubstr("signature"));
}

TEST(Token, AKeyChecksOnlyItsOwnAlgorithm) {
  const auto payload = fmt::format(R"({{"sub":"42","aud":"shop","exp":{}}})", kNowSeconds + 60);
  const auto rsa = private_key(an_rsa_pair());
  const auto edwards = private_key(an_ed25519_pair());
  auto app = app_with(an_rsa_pair());
  EXPECT_EQ(reason(verified(app, hand_made(R"({"alg":"RS256"})", payload, rsa))), "accepted");
  EXPECT_THAT(reason(verified(app, hand_made(R"({"alg":"EdDSA"})", payload, rsa))), HasSubstr("no key of that kind"));
  EXPECT_THAT(reason(verified(app, hand_made(R"({"alg":"EdDSA"})", payload, edwards))),
              HasSubstr("no key of that kind"));
  app.tokens.public_keys.push_back({"second", an_ed25519_pair().public_pem});
  EXPECT_EQ(reason(verified(app, hand_made(R"({"alg":"EdDSA"})", payload, edwards))), "accepted");
  EXPECT_THAT(reason(verified(app, hand_made(R"({"alg":"RS256"})", payload, edwards))), HasSubstr("signature"));
  EXPECT_THAT(reason(verified(app, hand_made(R"({"alg":"EdDSA"})", payload, rsa))), HasSubstr("signature"));
}

TEST(Token, AnAppWithoutSecretIsNobodys) {
  auto app = an_app();
  app.secret.clear();
  EXPECT_THAT(reason(verified(app, make_token(some_claims(), {}, "x"))), HasSubstr("no key of that kind"));
}

TEST(Token, MayBeSwitchedOff) {
  auto app = an_app();
  app.tokens.enabled = false;
  EXPECT_THAT(reason(verified(app, make_token(some_claims(), {}, kSecret))), HasSubstr("not enabled"));
}

TEST(Token, SecretsRotate) {
  auto app = an_app();
  app.secret = "the-new-secret-of-length";
  const auto old = make_token(some_claims(), {}, kSecret);
  EXPECT_FALSE(verified(app, old));
  app.secret_previous = kSecret;
  EXPECT_TRUE(verified(app, old));
  EXPECT_TRUE(verified(app, make_token(some_claims(), {}, "the-new-secret-of-length")));

  app.tokens.hs256_secrets = {"only-for-tokens-one", "only-for-tokens-two"};
  EXPECT_FALSE(verified(app, old)) << "with secrets of their own, the app's sign no tokens";
  EXPECT_TRUE(verified(app, make_token(some_claims(), {}, "only-for-tokens-one")));
  EXPECT_TRUE(verified(app, make_token(some_claims(), {}, "only-for-tokens-two")));
}

TEST(Token, PublicKeysRotateAndTheirNamesExcludeNothing) {
  const auto first = make_ed25519();
  const auto second = make_ed25519();
  auto app = app_with(first, "2024");
  app.tokens.public_keys.push_back({"2025", second.public_pem});
  for (const char* name : {"", "2024", "2025", "unknown", "../../etc/passwd"}) {
    const Envelope envelope{.key_id = name, .audience = {"shop"}};
    EXPECT_TRUE(verified(app, make_token(some_claims(), envelope, private_key(first)))) << name;
    EXPECT_TRUE(verified(app, make_token(some_claims(), envelope, private_key(second)))) << name;
    EXPECT_FALSE(verified(app, make_token(some_claims(), envelope, private_key(make_ed25519())))) << name;
  }
  app.tokens.public_keys.erase(app.tokens.public_keys.begin());
  EXPECT_FALSE(verified(app, make_token(some_claims(), {.key_id = "2024", .audience = {"shop"}}, private_key(first))));
}

TEST(Token, TimesAreCheckedWithALeeway) {
  const auto claims = some_claims();
  const auto token = make_token(claims, {}, kSecret);
  const auto leeway = seconds(30);
  EXPECT_TRUE(verified(an_app(), token, claims.expires + leeway));
  EXPECT_EQ(reason(verified(an_app(), token, claims.expires + leeway + milliseconds(1))), "the token expired 31 s ago");
  EXPECT_EQ(reason(verified(an_app(), token, claims.expires + seconds(42))), "the token expired 42 s ago");

  EXPECT_TRUE(verified(an_app(), token, claims.issued_at - leeway));
  EXPECT_THAT(reason(verified(an_app(), token, claims.issued_at - seconds(31))),
              HasSubstr("issued 31 s in the future"));

  EXPECT_EQ(reason_for(fmt::format(R"(,"nbf":{})", kNowSeconds + 30)), "accepted");
  EXPECT_EQ(reason_for(fmt::format(R"(,"nbf":{})", kNowSeconds + 31)),
            "the token is not valid yet, not for 31 s (`nbf`)");

  auto strict = an_app();
  strict.tokens.leeway = seconds(0);
  EXPECT_TRUE(verified(strict, token, claims.expires));
  EXPECT_EQ(reason(verified(strict, token, claims.expires + milliseconds(1))), "the token expired 1 s ago");
}

TEST(Token, LivesNoLongerThanAllowed) {
  auto claims = some_claims();
  claims.expires = claims.issued_at + seconds(86'400);
  EXPECT_TRUE(verified(an_app(), make_token(claims, {}, kSecret)));
  claims.expires = claims.issued_at + seconds(86'401);
  EXPECT_EQ(reason(verified(an_app(), make_token(claims, {}, kSecret))),
            "the token lives for 86401 s, longer than tokens.lifetime_max_seconds = 86400");
  EXPECT_THAT(reason(verified(an_app(), make_token(claims, {}, kSecret), claims.expires - seconds(60))),
              HasSubstr("lives for 86401 s"))
      << "what counts is its whole life, not what is left";
  claims.issued_at = {};
  EXPECT_THAT(reason(verified(an_app(), make_token(claims, {}, kSecret))), HasSubstr("lives for 86401 s"));
  EXPECT_TRUE(verified(an_app(), make_token(claims, {}, kSecret), kNow + seconds(10))) << "without iat: what is left";
  auto app = an_app();
  app.tokens.lifetime_max = seconds(0);
  claims.expires = kNow + seconds(10 * 366 * 86'400);
  EXPECT_TRUE(verified(app, make_token(claims, {}, kSecret)));
}

TEST(Token, ExpiryIsRequiredAndAllTimesAreNumbers) {
  EXPECT_THAT(reason_for_payload(R"({"sub":"42"})"), HasSubstr("`exp` is missing"));
  for (const char* time : {"\"1760000060\"", "-1", "true", "[]", "{}", "1e300", "253402300800"}) {
    EXPECT_THAT(reason_for_payload(fmt::format(R"({{"sub":"42","exp":{}}})", time)), HasSubstr("`exp` is not a time"))
        << time;
    EXPECT_THAT(reason_for(fmt::format(R"(,"iat":{})", time)), HasSubstr("`iat` is not a time")) << time;
    EXPECT_THAT(reason_for(fmt::format(R"(,"nbf":{})", time)), HasSubstr("`nbf` is not a time")) << time;
  }
  const auto fraction = verified(an_app(), hand_made(kHs256, R"({"sub":"42","exp":1760000000.25})", kSecret));
  ASSERT_TRUE(fraction);
  EXPECT_EQ(fraction->expires.ms, 1'760'000'000'250);
}

TEST(Token, IsForTheIssuersAndAudiencesThatAreConfigured) {
  EXPECT_EQ(reason_for(R"(,"aud":"shop")"), "accepted") << "the app's id";
  EXPECT_EQ(reason_for(R"(,"aud":"4f0c8a1d2b7e9c63")"), "accepted") << "its key";
  EXPECT_EQ(reason_for(R"(,"aud":["x","shop"])"), "accepted");
  EXPECT_THAT(reason_for(R"(,"aud":"other")"), HasSubstr("for another audience"));
  EXPECT_THAT(reason_for(R"(,"aud":["Shop","shop "])"), HasSubstr("for another audience"));
  EXPECT_THAT(reason_for(R"(,"aud":"")"), HasSubstr("for another audience")) << "an unset audience is no audience";
  EXPECT_THAT(reason_for(R"(,"aud":{"a":"shop"})"), HasSubstr("`aud` is not a list"));
  EXPECT_EQ(reason_for(R"(,"iss":"anyone")"), "accepted");

  auto app = an_app();
  app.tokens.issuer = "https://id.example.com";
  app.tokens.audience = "https://ws.example.com";
  EXPECT_THAT(reason(verified(app, token_with(""))), HasSubstr("names no issuer"));
  EXPECT_THAT(reason(verified(app, token_with(R"(,"iss":"https://id.example.org")"))), HasSubstr("another issuer"));
  EXPECT_EQ(reason(verified(app, token_with(R"(,"iss":"https://id.example.com","aud":"https://ws.example.com")"))),
            "accepted");
  EXPECT_EQ(reason(verified(app, token_with(R"(,"iss":"https://id.example.com","aud":"shop")"))), "accepted");
}

TEST(Token, OfAnIdentityProviderMustNameItsAudience) {
  for (const auto* pair : {&an_rsa_pair(), &an_ed25519_pair()}) {
    const auto app = app_with(*pair);
    const auto key = private_key(*pair);
    EXPECT_THAT(reason(verified(app, make_token(some_claims(), {}, key))), HasSubstr("has no `aud`"));
    EXPECT_THAT(reason(verified(app, make_token(some_claims(), {.audience = {"another-app"}}, key))),
                HasSubstr("another audience"));
    EXPECT_EQ(reason(verified(app, make_token(some_claims(), {.audience = {"another-app", "shop"}}, key))), "accepted");
  }
}

TEST(Token, OfAnotherAppIsRefused) {
  auto other = an_app();
  other.id = "blog";
  other.key = "another-key";
  other.secret = "another-secret-of-length";
  EXPECT_TRUE(verified(other, make_token(some_claims(), {}, other.secret)));
  EXPECT_THAT(reason(verified(an_app(), make_token(some_claims(), {}, other.secret))), HasSubstr("signature"));
  // The same identity provider for both.
  auto shop = app_with(an_ed25519_pair());
  other.tokens = shop.tokens;
  const auto token = make_token(some_claims(), {.audience = {"blog"}}, private_key(an_ed25519_pair()));
  EXPECT_TRUE(verified(other, token));
  EXPECT_THAT(reason(verified(shop, token)), HasSubstr("another audience"));
}

TEST(Token, OversizedIsRefusedBeforeAnythingElse) {
  auto claims = some_claims();
  claims.channels.assign(40, std::string(190, 'c'));
  EXPECT_EQ(reason(verified(an_app(), make_token(claims, {}, kSecret))), "the token is larger than 8192 bytes");
  EXPECT_EQ(reason(verified(an_app(), std::string(10'000'000, '.'))), "the token is larger than 8192 bytes");
  const auto header = fmt::format(R"({{"alg":"HS256","kid":"{}"}})", std::string(1'000, 'k'));
  EXPECT_THAT(reason(verified(an_app(), hand_made(header, "{}", kSecret))), HasSubstr("header is larger"));
  EXPECT_THAT(reason(verified(an_app(), base64url(kHs256) + ".e30." + std::string(1'400, 'A'))),
              HasSubstr("signature is too long"));
  auto small = an_app();
  small.limits.token_bytes_max = 512;
  EXPECT_EQ(reason(verified(small, token_with(R"(,"jti":"x")"))), "accepted");
  EXPECT_EQ(reason(verified(small, std::string(513, 'x'))), "the token is larger than 512 bytes");
}

TEST(Token, GarbageOfManyShapesIsRefused) {
  const auto good = make_token(some_claims(), {}, kSecret);
  const auto first = good.find('.');
  const auto last = good.rfind('.');
  const std::string header = good.substr(0, first);
  const std::string payload = good.substr(first + 1, last - first - 1);
  const std::string signature = good.substr(last + 1);
  const std::vector<std::string> garbage{
      "",
      ".",
      "..",
      "...",
      "a",
      "a.b",
      "a.b.c",
      "null",
      "{}",
      std::string("\0.\0.\0", 5),
      "\xff\xfe.\xff.\xff",
      good + ".",
      good + ".x",
      good + "=",
      good + " ",
      good + "\n",
      " " + good,
      "Bearer " + good,
      header + payload + signature,
      header + '.' + payload,
      header + '.' + payload + '.',
      '.' + payload + '.' + signature,
      header + ".." + signature,
      payload + '.' + header + '.' + signature,
      header + ".." + payload + '.' + signature,
      header + "=." + payload + '.' + signature,
      header + '.' + payload + "=." + signature,
      header + '\n' + '.' + payload + '.' + signature,
      good + good,
  };
  for (const auto& text : garbage) EXPECT_NE(reason(verified(an_app(), text)), "accepted") << text;

  // Signed garbage: nobody but the issuer makes it, and it must not be half understood.
  for (const char* text :
       {"", "null", "[]", "\"text\"", "7", "{", "{}x", "{\"sub\":\"4\",}", "{\"a\":\"\xff\"}", "\x01", "{/**/}"}) {
    EXPECT_THAT(reason_for_payload(text), HasSubstr("payload is not")) << text;
    EXPECT_THAT(reason(verified(an_app(), hand_made(text, "{}", kSecret))), HasSubstr("header is not")) << text;
  }
  EXPECT_THAT(reason_for_payload(std::string(3'000, '[')), HasSubstr("not JSON"));
  EXPECT_THAT(reason_for_payload(R"({"sub":"1","sub":"2","exp":1760000060})"), HasSubstr("a member twice"));
  EXPECT_THAT(reason_for_payload(R"({"sub":"1","s\u0075b":"2","exp":1760000060})"), HasSubstr("a member twice"));
}

TEST(Token, HeadersWithDemandsOrOddTypesAreRefused) {
  const auto with_header = [](std::string_view header) {
    return reason(
        verified(an_app(), hand_made(header, fmt::format(R"({{"sub":"4","exp":{}}})", kNowSeconds + 60), kSecret)));
  };
  EXPECT_EQ(with_header(R"({"alg":"HS256"})"), "accepted");
  EXPECT_EQ(with_header(R"( { "x" : [ "}" , {"alg":"none"} ] , "alg" : "HS256" } )"), "accepted");
  EXPECT_THAT(with_header(R"({"alg":"HS256","crit":["exp"]})"), HasSubstr("`crit`"));
  EXPECT_THAT(with_header(R"({"alg":"HS256","crit":null})"), HasSubstr("`crit`"));
  EXPECT_THAT(with_header(R"({"alg":["HS256"]})"), HasSubstr("names no algorithm"));
  EXPECT_THAT(with_header(R"({"typ":"JWT"})"), HasSubstr("names no algorithm"));
  EXPECT_THAT(with_header(R"({"alg":"none","alg":"HS256"})"), HasSubstr("a member twice"));
  EXPECT_THAT(with_header(R"({"alg":"HS256","kid":7})"), HasSubstr("`kid` is not a string"));
  // Places to fetch keys from, and keys of their own, are not even looked at.
  EXPECT_EQ(
      with_header(R"({"alg":"HS256","jku":"https://evil.example","x5u":"https://evil.example","jwk":{"k":"QQ"}})"),
      "accepted");
}

TEST(Token, NoPrefixOfATokenIsOne) {
  const auto good = make_token(some_claims(), {}, kSecret);
  ASSERT_TRUE(verified(an_app(), good));
  const TokenVerifier verifier(an_app());
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(verifier.verify(std::string_view(good).substr(0, size), kNow)) << size;
  }
}

TEST(Token, NoTokenWithABitFlippedIsOne) {
  const auto rsa = private_key(an_rsa_pair());
  const auto edwards = private_key(an_ed25519_pair());
  auto app = app_with(an_rsa_pair());
  app.tokens.public_keys.push_back({"second", an_ed25519_pair().public_pem});
  const TokenVerifier verifier(app);
  auto claims = some_claims();
  claims.channels.clear();
  for (const auto& good : {make_token(claims, {}, kSecret), make_token(claims, {.audience = {"shop"}}, edwards),
                           make_token(claims, {.audience = {"shop"}}, rsa)}) {
    ASSERT_TRUE(verifier.verify(good, kNow));
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        auto bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 1U << bit);
        EXPECT_FALSE(verifier.verify(bad, kNow)) << at << ' ' << bit;
      }
    }
  }
}

TEST(Claims, IdsMayBeNumbersAndAreBounded) {
  const auto with_number = verified(
      an_app(),
      hand_made(kHs256, R"({"sub":42,"domains":[7,"8",18446744073709551615],"admin":true,"exp":1760000060})", kSecret));
  ASSERT_TRUE(with_number) << with_number.error().message;
  EXPECT_EQ(with_number->user_id, "42");
  EXPECT_THAT(with_number->domains, ElementsAre("7", "8", "18446744073709551615"));
  EXPECT_TRUE(with_number->admin_all);

  const auto user = [](std::string_view json) {
    return reason_for_payload(fmt::format(R"({{"sub":{},"exp":1760000060}})", json));
  };
  EXPECT_THAT(user("\"\""), HasSubstr("`sub` is empty"));
  EXPECT_THAT(user("null"), HasSubstr("`sub` is missing"));
  EXPECT_THAT(user("1.5"), HasSubstr("neither text nor a whole number"));
  EXPECT_THAT(user("[\"4\"]"), HasSubstr("neither text nor a whole number"));
  EXPECT_THAT(user("\"a\\u0000b\""), HasSubstr("control characters"));
  EXPECT_THAT(user("\"a\\nb\""), HasSubstr("control characters"));
  EXPECT_EQ(user('"' + std::string(128, 'u') + '"'), "accepted");
  EXPECT_THAT(user('"' + std::string(129, 'u') + '"'), HasSubstr("longer than 128"));
}

TEST(Claims, ListsAreListsOfTexts) {
  for (const char* name : {"domains", "admin", "channels", "watchlist"}) {
    const auto claim = [&](std::string_view json) { return reason_for(fmt::format(R"(,"{}":{})", name, json)); };
    EXPECT_EQ(claim("[]"), "accepted");
    EXPECT_EQ(claim("null"), "accepted");
    EXPECT_THAT(claim("\"7\""), testing::AnyOf(HasSubstr("is not a list"), HasSubstr("neither true nor a list")));
    EXPECT_THAT(claim("{}"), testing::AnyOf(HasSubstr("is not a list"), HasSubstr("neither true nor a list")));
    EXPECT_THAT(claim("[\"\"]"), HasSubstr("an empty text"));
    EXPECT_THAT(claim("[null]"), HasSubstr("neither text nor a whole number"));
    EXPECT_THAT(claim("[\"a\\u0007\"]"), HasSubstr("control characters"));
    EXPECT_THAT(claim("[\"" + std::string(250, 'x') + "\"]"), HasSubstr("holds more than"));
  }
  EXPECT_EQ(reason_for(R"(,"admin":false)"), "accepted");
  std::string many;
  for (int i = 0; i < 101; ++i) many += fmt::format("{}{}", i == 0 ? "" : ",", i);
  EXPECT_THAT(reason_for(fmt::format(R"(,"watchlist":[{}])", many)), HasSubstr("`watchlist` has 101 users"));
}

TEST(Claims, IdsMayBeNumbersAndHalvesOfSurrogatePairsAreNoReasonToRefuse) {
  auto claims = verified(an_app(), token_with(R"(,"watchlist":[9,"7"],"info":{"name":"\ud83d"},"jti":"\ud83d")"));
  ASSERT_TRUE(claims) << claims.error().message;
  EXPECT_EQ(claims->watchlist, (std::vector<std::string>{"9", "7"}));
  EXPECT_EQ(claims->watchlist_numbers, (std::vector<std::string>{"9"}));
  EXPECT_EQ(claims->user_info, R"({"name":"\ud83d"})");
  EXPECT_EQ(claims->token_id, "\uFFFD");

  auto said = some_claims();
  said.user_id = "42";
  said.id_form = IdForm::number;
  const auto again = verified(an_app(), make_token(said, {}, kSecret));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, said);
}

TEST(Claims, InfoGoesOutAsItCameIn) {
  for (const char* info : {R"({"n": 12345678901234567890123, "e":1.0e2,"s":"\u00e9\"},{"})", "[1, 2]", "\"text\"", "7",
                           R"({ "deep":[{"a":{}},"]"] })"}) {
    for (const auto* more : {"", R"(,"jti":"behind")"}) {
      const auto claims = verified(an_app(), token_with(fmt::format(R"(, "info" :  {}  {})", info, more)));
      ASSERT_TRUE(claims) << claims.error().message;
      EXPECT_EQ(claims->user_info, info);
    }
  }
  const auto none = verified(an_app(), token_with(R"(,"info":null)"));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->user_info, "");
  EXPECT_THAT(reason_for(fmt::format(R"(,"info":"{}")", std::string(2'047, 'i'))), HasSubstr("larger than 2048"));
  const auto escaped = verified(an_app(), token_with(R"(,"\u0069nfo":{"a":1})"));
  ASSERT_TRUE(escaped);
  EXPECT_EQ(escaped->user_info, R"({"a":1})") << "the same name";
}

TEST(Keys, WeakForeignAndMisplacedOnesAreRefusedWithTheReason) {
  const auto why = [](std::string_view pem) {
    const auto key = PublicKey::from_pem(pem);
    return key ? std::string("accepted") : key.error().message;
  };
  EXPECT_EQ(why(an_rsa_pair().public_pem), "accepted");
  EXPECT_EQ(why(an_ed25519_pair().public_pem), "accepted");
  EXPECT_EQ(why("a comment\n" + an_rsa_pair().public_pem), "accepted");
  EXPECT_THAT(why(make_rsa(1'024).public_pem), HasSubstr("1024 bits is too weak"));
  EXPECT_THAT(why(make_p256().public_pem), HasSubstr("neither RSA nor Ed25519"));
  EXPECT_THAT(why(an_rsa_pair().private_pem), HasSubstr("this is a private key"));
  EXPECT_THAT(why("-----BEGIN CERTIFICATE-----\n"), HasSubstr("this is a certificate"));
  EXPECT_THAT(why(""), HasSubstr("no PEM file"));
  const auto& pem = an_rsa_pair().public_pem;
  for (std::size_t size = 0; size + 2 < pem.size(); size += 7) EXPECT_NE(why(pem.substr(0, size)), "accepted") << size;
  EXPECT_FALSE(PrivateKey::from_pem(pem));
  EXPECT_FALSE(PrivateKey::from_pem(make_p256().private_pem));
}

TEST(Keys, RefusalsLeaveNoErrorsForTheNextTlsCallOfTheThread) {
  ERR_clear_error();
  EXPECT_FALSE(PublicKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"));
  EXPECT_FALSE(PrivateKey::from_pem("nothing"));
  const auto key = PublicKey::from_pem(an_rsa_pair().public_pem);
  ASSERT_TRUE(key);
  EXPECT_FALSE(key->verifies("text", std::string(256, 'x')));
  EXPECT_FALSE(key->verifies("text", ""));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(TokenVerifier, LeavesOutKeysThatCannotBeUsed) {
  auto app = app_with({.private_pem = "", .public_pem = "broken"}, "broken");
  app.tokens.public_keys.push_back({"good", an_ed25519_pair().public_pem});
  EXPECT_TRUE(verified(app, make_token(some_claims(), {.audience = {"shop"}}, private_key(an_ed25519_pair()))));
}

TEST(TokenVerifier, IsAskedByManyThreadsAtOnce) {
  auto app = app_with(an_rsa_pair());
  app.tokens.public_keys.push_back({"second", an_ed25519_pair().public_pem});
  const TokenVerifier verifier(app);
  const std::vector<std::string> good{
      make_token(some_claims(), {}, kSecret),
      make_token(some_claims(), {.audience = {"shop"}}, private_key(an_rsa_pair())),
      make_token(some_claims(), {.audience = {"shop"}}, private_key(an_ed25519_pair()))};
  std::atomic<int> accepted{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 60; ++n)
        accepted += verifier.verify(good[static_cast<std::size_t>(n) % 3], kNow).ok() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(accepted.load(), 240);
}

TEST(TokenVerifiers, FollowTheSettings) {
  auto first = std::make_shared<Settings>();
  first->apps = {an_app()};
  auto second = std::make_shared<Settings>(*first);
  second->apps[0].secret = "the-new-secret-of-length";
  TokenVerifiers verifiers;
  const auto token = make_token(some_claims(), {}, kSecret);
  EXPECT_TRUE(verifiers.of(first, first->apps[0]).verify(token, kNow));
  EXPECT_TRUE(verifiers.of(first, first->apps[0]).verify(token, kNow));
  EXPECT_FALSE(verifiers.of(second, second->apps[0]).verify(token, kNow));
  EXPECT_TRUE(verifiers.of(first, first->apps[0]).verify(token, kNow))
      << "who holds the old settings finishes with them";
}

TEST(Base64Url, IsExact) {
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i * 37 + 200));
    EXPECT_EQ(decode_base64url(base64url(bytes)), bytes);
  }
  EXPECT_EQ(base64url("\xfb\xff\xfe"), "-__-");
  EXPECT_EQ(decode_base64url("QQ"), "A");
  for (const char* bad : {"Q", "QR", "QQ==", "QQ=", "Q Q", "QQQQQ", "+/+/", "QUJ", "Q\n"}) {
    EXPECT_EQ(decode_base64url(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace parley::net::auth
