#pragma once
// The three signatures that connection tokens may have, and their keys. A key's kind pins its algorithm:
// an RSA key never checks anything but RS256, an Ed25519 key nothing but EdDSA. Immutable once made;
// any thread may use one at the same time as others.

#include "core/result.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace parley::net::auth {

enum class Algorithm : std::uint8_t { hs256, rs256, eddsa };
const char* to_text(Algorithm algorithm);  // as in a token's header: `HS256`, …

inline constexpr int kRsaBitsMin = 2'048;
inline constexpr int kRsaBitsMax = 8'192;  // beyond, one check costs milliseconds

std::string hmac_sha256(std::string_view secret, std::string_view text);  // 32 bytes
// Takes as long for any two texts of these lengths.
bool equal_in_constant_time(std::string_view a, std::string_view b);

class PublicKey {
 public:
  // The error says what is wrong with the file and never quotes it.
  static Result<PublicKey> from_pem(std::string_view pem);

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] bool verifies(std::string_view text, std::string_view signature) const;

 private:
  PublicKey(std::shared_ptr<evp_pkey_st> key, Algorithm algorithm) : key_(std::move(key)), algorithm_(algorithm) {}

  std::shared_ptr<evp_pkey_st> key_;
  Algorithm algorithm_;
};

class PrivateKey {
 public:
  static Result<PrivateKey> from_pem(std::string_view pem);

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] std::string sign(std::string_view text) const;

 private:
  PrivateKey(std::shared_ptr<evp_pkey_st> key, Algorithm algorithm) : key_(std::move(key)), algorithm_(algorithm) {}

  std::shared_ptr<evp_pkey_st> key_;
  Algorithm algorithm_;
};

}  // namespace parley::net::auth
