// parley_token_bench: what checking a connection token costs, by the library that the server uses. Prints
// one JSON line, microseconds of one core for each algorithm.

#include "net/auth/token.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace parley;
using namespace parley::net;

constexpr WallTime kNow{1'760'000'000'000};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "parley_token_bench: %s\n", what);
  std::exit(1);
}

struct Pair {
  std::string public_pem;
  std::string private_pem;
};

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

Pair pair_of(EVP_PKEY* key) {
  if (key == nullptr) fail("no key");
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> owner(key, EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out_public(BIO_new(BIO_s_mem()), BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out_private(BIO_new(BIO_s_mem()), BIO_free);
  if (PEM_write_bio_PUBKEY(out_public.get(), key) != 1 ||
      PEM_write_bio_PrivateKey(out_private.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    fail("no PEM");
  }
  return {text_of(out_public.get()), text_of(out_private.get())};
}

App an_app() {
  App app;
  app.id = "4711";
  app.key = "app-key-demo";
  app.secret = "app-secret-demo";
  return app;
}

// As an application would make it: a user in three domains with a name.
auth::Claims some_claims() {
  auth::Claims claims;
  claims.user_id = "42";
  claims.user_info = R"({"name":"Ann","avatar":"https://example.com/avatars/42.png"})";
  claims.domains = {"7", "8", "9"};
  claims.channels = {"orders.*"};
  claims.issued_at = kNow;
  claims.expires = WallTime{kNow.ms + 3'600'000};
  return claims;
}

// The median of many short batches: a batch during which something else ran does not count.
double microseconds(const auth::TokenVerifier& verifier, const std::string& token, int per_batch) {
  constexpr int kBatches = 101;
  std::vector<double> batches;
  for (int batch = 0; batch < kBatches; ++batch) {
    const auto from = std::chrono::steady_clock::now();
    for (int i = 0; i < per_batch; ++i) {
      if (!verifier.verify(token, kNow)) fail("a token was refused");
    }
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - from;
    batches.push_back(took.count() / per_batch);
  }
  std::nth_element(batches.begin(), batches.begin() + kBatches / 2, batches.end());
  return batches[kBatches / 2];
}

double by_key(const Pair& pair, int per_batch) {
  auto app = an_app();
  app.tokens.public_keys.push_back({"bench", pair.public_pem});
  const auto key = auth::PrivateKey::from_pem(pair.private_pem);
  if (!key) fail("the private key is not understood");
  auth::Envelope envelope;
  envelope.audience = {app.id};
  return microseconds(auth::TokenVerifier(app), auth::make_token(some_claims(), envelope, *key), per_batch);
}

}  // namespace

int main() {
  const auto app = an_app();
  const auto token = auth::make_token(some_claims(), {}, app.secret);
  const auto hs256 = microseconds(auth::TokenVerifier(app), token, 200);
  const auto rs256 = by_key(pair_of(EVP_RSA_gen(2048)), 50);
  const auto eddsa = by_key(pair_of(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")), 50);
  std::fprintf(stderr, "tokens  hs256_us=%.2f  rs256_us=%.2f  eddsa_us=%.2f  bytes=%zu\n", hs256, rs256, eddsa,
               token.size());
  std::printf("{\"scenario\":\"tokens\",\"hs256_us\":%.3f,\"rs256_us\":%.3f,\"eddsa_us\":%.3f,\"bytes\":%zu}\n", hs256,
              rs256, eddsa, token.size());
  return 0;
}
