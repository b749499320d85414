#include "net/auth/signature.h"

#include "core/check.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>

#include <climits>

namespace parley::net::auth {
namespace {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using Key = std::shared_ptr<EVP_PKEY>;

// What a refused signature leaves in the thread's queue of errors would be taken by the next TLS call
// on this thread for a failure of its own.
class ErrorQueueMark {
 public:
  ErrorQueueMark() { ERR_set_mark(); }
  ~ErrorQueueMark() { ERR_pop_to_mark(); }
  ErrorQueueMark(const ErrorQueueMark&) = delete;
  ErrorQueueMark& operator=(const ErrorQueueMark&) = delete;
};

// OpenSSL 3 looks algorithms up by name, which costs more than the sum of a short text: once a thread.
class HmacContext {
 public:
  HmacContext() {
    mac_.reset(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    CHECK(mac_ != nullptr);
    context_.reset(EVP_MAC_CTX_new(mac_.get()));
    CHECK(context_ != nullptr);
    std::string digest = "SHA256";
    const std::array<OSSL_PARAM, 2> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
        OSSL_PARAM_construct_end()};
    CHECK(EVP_MAC_CTX_set_params(context_.get(), parameters.data()) == 1);
  }

  std::string sum(std::string_view secret, std::string_view text) {
    std::array<unsigned char, 32> out{};
    std::size_t length = 0;
    CHECK(!secret.empty());  // OpenSSL would take it for "the key of the last time"
    CHECK(EVP_MAC_init(context_.get(), reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), nullptr) ==
          1);
    CHECK(EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    CHECK(EVP_MAC_final(context_.get(), out.data(), &length, out.size()) == 1 && length == out.size());
    return {reinterpret_cast<const char*>(out.data()), out.size()};
  }

 private:
  std::unique_ptr<EVP_MAC, FreeWith<EVP_MAC_free>> mac_;
  std::unique_ptr<EVP_MAC_CTX, FreeWith<EVP_MAC_CTX_free>> context_;
};

const EVP_MD* sha256() {
  static const std::unique_ptr<EVP_MD, FreeWith<EVP_MD_free>> digest(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  CHECK(digest != nullptr);
  return digest.get();
}

// EdDSA hashes by itself.
const EVP_MD* digest_of(Algorithm algorithm) { return algorithm == Algorithm::rs256 ? sha256() : nullptr; }

// OpenSSL would ask on the terminal.
int no_password(char*, int, int, void*) { return -1; }

Bio read_only(std::string_view pem) {
  CHECK(pem.size() < INT_MAX);
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CHECK(bio != nullptr);
  return bio;
}

Error unfit(std::string message) { return make_error(Errc::config_invalid, std::move(message)); }

Result<Algorithm> algorithm_of(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
      return Algorithm::eddsa;
    case EVP_PKEY_RSA:
      break;
    default:
      return unfit("the key is neither RSA nor Ed25519");
  }
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kRsaBitsMin)
    return unfit(fmt::format("an RSA key of {} bits is too weak: at least {}", bits, kRsaBitsMin));
  if (bits > kRsaBitsMax) return unfit(fmt::format("an RSA key of {} bits is too slow: at most {}", bits, kRsaBitsMax));
  return Algorithm::rs256;
}

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

const char* to_text(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::hs256:
      return "HS256";
    case Algorithm::rs256:
      return "RS256";
    case Algorithm::eddsa:
      break;
  }
  return "EdDSA";
}

std::string hmac_sha256(std::string_view secret, std::string_view text) {
  thread_local HmacContext context;
  return context.sum(secret, text);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  const ErrorQueueMark mark;
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos) {
    return unfit("this is a private key; the server needs the public one (`openssl pkey -in FILE -pubout`)");
  }
  if (pem.find("-----BEGIN CERTIFICATE") != std::string_view::npos) {
    return unfit("this is a certificate; take its key (`openssl x509 -in FILE -noout -pubkey`)");
  }
  const auto bio = read_only(pem);
  const Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr), EVP_PKEY_free);
  if (key == nullptr) return unfit("this is no PEM file with a public key");
  const auto algorithm = algorithm_of(key.get());
  if (!algorithm) return algorithm.error();
  return PublicKey(key, *algorithm);
}

bool PublicKey::verifies(std::string_view text, std::string_view signature) const {
  const ErrorQueueMark mark;
  const DigestContext context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  return EVP_DigestVerifyInit(context.get(), nullptr, digest_of(algorithm_), nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(text), text.size()) == 1;
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  const ErrorQueueMark mark;
  const auto bio = read_only(pem);
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr), EVP_PKEY_free);
  if (key == nullptr) return unfit("this is no PEM file with a private key that needs no password");
  const auto algorithm = algorithm_of(key.get());
  if (!algorithm) return algorithm.error();
  return PrivateKey(key, *algorithm);
}

std::string PrivateKey::sign(std::string_view text) const {
  const DigestContext context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  CHECK(EVP_DigestSignInit(context.get(), nullptr, digest_of(algorithm_), nullptr, key_.get()) == 1);
  std::size_t length = 0;
  CHECK(EVP_DigestSign(context.get(), nullptr, &length, bytes(text), text.size()) == 1);
  std::string signature(length, '\0');
  CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, bytes(text),
                       text.size()) == 1);
  signature.resize(length);
  return signature;
}

}  // namespace parley::net::auth
