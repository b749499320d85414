#pragma once
// Keys made anew in each run, and tokens put together by hand, with whatever a stranger might put in.

#include "net/auth/token.h"
#include "net/text/base64.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>
#include <string_view>

namespace parley::net::auth {

struct KeyPair {
  std::string private_pem;
  std::string public_pem;
};

namespace detail {
inline std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}
}  // namespace detail

inline KeyPair pems_of(EVP_PKEY* raw) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(raw, EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> secret(BIO_new(BIO_s_mem()), BIO_free_all);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> open(BIO_new(BIO_s_mem()), BIO_free_all);
  CHECK(PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  CHECK(PEM_write_bio_PUBKEY(open.get(), key.get()) == 1);
  return {detail::text_of(secret.get()), detail::text_of(open.get())};
}
inline KeyPair make_rsa(unsigned bits) { return pems_of(EVP_RSA_gen(bits)); }
inline KeyPair make_ed25519() { return pems_of(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }
inline KeyPair make_p256() { return pems_of(EVP_EC_gen("P-256")); }

// Making one takes a while.
inline const KeyPair& an_rsa_pair() {
  static const auto pair = make_rsa(2'048);
  return pair;
}
inline const KeyPair& an_ed25519_pair() {
  static const auto pair = make_ed25519();
  return pair;
}

inline PrivateKey private_key(const KeyPair& pair) {
  auto key = PrivateKey::from_pem(pair.private_pem);
  CHECK(key.ok());
  return *key;
}

inline std::string base64url(std::string_view text) {
  std::string out;
  append_base64url(out, text);
  return out;
}

inline std::string hand_made(std::string_view header, std::string_view payload, std::string_view secret) {
  const auto text = base64url(header) + '.' + base64url(payload);
  return text + '.' + base64url(hmac_sha256(secret, text));
}

inline std::string hand_made(std::string_view header, std::string_view payload, const PrivateKey& key) {
  const auto text = base64url(header) + '.' + base64url(payload);
  return text + '.' + base64url(key.sign(text));
}

inline constexpr std::string_view kHs256 = R"({"alg":"HS256","typ":"JWT"})";
inline constexpr std::string_view kSecret = "a-secret-of-good-length";
inline constexpr WallTime kNow{1'760'000'000'000};
inline constexpr std::int64_t kNowSeconds = kNow.ms / 1'000;

inline App an_app() {
  App app;
  app.id = "shop";
  app.key = "4f0c8a1d2b7e9c63";
  app.secret = kSecret;
  return app;
}

}  // namespace parley::net::auth
