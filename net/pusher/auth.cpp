#include "net/pusher/auth.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <memory>
#include <span>

namespace parley::net::pusher {
namespace {

constexpr std::size_t kSha256Bytes = 32;
constexpr std::size_t kMd5Bytes = 16;

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

std::string hex(std::span<const unsigned char> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 0xF]);
  }
  return out;
}

// OpenSSL 3 looks algorithms up by name, which costs more than the hash of a short text: once a thread.
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

  std::array<unsigned char, kSha256Bytes> sum(std::string_view secret, std::string_view text) {
    std::array<unsigned char, kSha256Bytes> out{};
    std::size_t length = 0;
    // An empty key would mean "keep the key of the last time".
    static const unsigned char zero = 0;
    const auto* key = secret.empty() ? &zero : reinterpret_cast<const unsigned char*>(secret.data());
    CHECK(EVP_MAC_init(context_.get(), key, secret.empty() ? 1 : secret.size(), nullptr) == 1);
    CHECK(EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    CHECK(EVP_MAC_final(context_.get(), out.data(), &length, out.size()) == 1 && length == out.size());
    return out;
  }

 private:
  std::unique_ptr<EVP_MAC, FreeWith<EVP_MAC_free>> mac_;
  std::unique_ptr<EVP_MAC_CTX, FreeWith<EVP_MAC_CTX_free>> context_;
};

std::string channel_text(SocketId socket, std::string_view channel, std::optional<std::string_view> channel_data) {
  auto text = fmt::format("{}:{}", socket.text(), channel);
  if (channel_data) text.append(":").append(*channel_data);
  return text;
}

std::string user_text(SocketId socket, std::string_view user_data) {
  return fmt::format("{}::user::{}", socket.text(), user_data);
}

Status check_auth(const App& app, std::string_view auth, std::string_view text) {
  if (auth.empty()) return make_error(Errc::unauthorized, "`auth` is missing");
  const auto colon = auth.find(':');
  if (colon == std::string_view::npos) return make_error(Errc::unauthorized, "`auth` must have the form key:signature");
  if (!equal_in_constant_time(auth.substr(0, colon), app.key)) {
    return make_error(Errc::unauthorized, "the key in `auth` is not the key of this connection");
  }
  if (!signature_matches(app, text, auth.substr(colon + 1))) {
    return make_error(Errc::unauthorized, "the signature in `auth` is not valid for this connection");
  }
  return {};
}

}  // namespace

std::string hmac_sha256_hex(std::string_view secret, std::string_view text) {
  thread_local HmacContext context;
  return hex(context.sum(secret, text));
}

std::string md5_hex(std::string_view text) {
  thread_local const std::unique_ptr<EVP_MD, FreeWith<EVP_MD_free>> md5(EVP_MD_fetch(nullptr, "MD5", nullptr));
  CHECK(md5 != nullptr);
  std::array<unsigned char, kMd5Bytes> out{};
  unsigned int length = 0;
  CHECK(EVP_Digest(text.data(), text.size(), out.data(), &length, md5.get(), nullptr) == 1 && length == out.size());
  return hex(out);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool signature_matches(const App& app, std::string_view text, std::string_view signature_hex) {
  // An app without a secret can sign nothing; an empty one would make everybody able to.
  bool matches = !app.secret.empty() && equal_in_constant_time(hmac_sha256_hex(app.secret, text), signature_hex);
  if (!matches && !app.secret_previous.empty()) {
    matches = equal_in_constant_time(hmac_sha256_hex(app.secret_previous, text), signature_hex);
  }
  return matches;
}

std::string sign_channel(std::string_view key, std::string_view secret, SocketId socket, std::string_view channel,
                         std::optional<std::string_view> channel_data) {
  return fmt::format("{}:{}", key, hmac_sha256_hex(secret, channel_text(socket, channel, channel_data)));
}

std::string sign_user(std::string_view key, std::string_view secret, SocketId socket, std::string_view user_data) {
  return fmt::format("{}:{}", key, hmac_sha256_hex(secret, user_text(socket, user_data)));
}

Status check_channel_auth(const App& app, SocketId socket, std::string_view channel,
                          std::optional<std::string_view> channel_data, std::string_view auth) {
  return check_auth(app, auth, channel_text(socket, channel, channel_data));
}

Status check_user_auth(const App& app, SocketId socket, std::string_view user_data, std::string_view auth) {
  return check_auth(app, auth, user_text(socket, user_data));
}

}  // namespace parley::net::pusher
