#include "net/auth/pusher_signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>

namespace parley::net::auth {
namespace {

constexpr std::size_t kMd5Bytes = 16;

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

std::string hex(std::span<const std::byte> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    out.push_back(digits[std::to_integer<unsigned>(byte) >> 4]);
    out.push_back(digits[std::to_integer<unsigned>(byte) & 0xF]);
  }
  return out;
}

std::string channel_text(std::string_view socket, std::string_view channel,
                         std::optional<std::string_view> channel_data) {
  auto text = fmt::format("{}:{}", socket, channel);
  if (channel_data) text.append(":").append(*channel_data);
  return text;
}

std::string user_text(std::string_view socket, std::string_view user_data) {
  return fmt::format("{}::user::{}", socket, user_data);
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
  // HMAC pads a key with zeros: a zero byte is the empty key, which OpenSSL would take for the last one.
  const auto sum = auth::hmac_sha256(secret.empty() ? std::string_view("\0", 1) : secret, text);
  return hex(std::as_bytes(std::span(sum)));
}

std::string md5_hex(std::string_view text) {
  thread_local const std::unique_ptr<EVP_MD, FreeWith<EVP_MD_free>> md5(EVP_MD_fetch(nullptr, "MD5", nullptr));
  CHECK(md5 != nullptr);
  std::array<unsigned char, kMd5Bytes> out{};
  unsigned int length = 0;
  CHECK(EVP_Digest(text.data(), text.size(), out.data(), &length, md5.get(), nullptr) == 1 && length == out.size());
  return hex(std::as_bytes(std::span(out)));
}

bool signature_matches(const App& app, std::string_view text, std::string_view signature_hex) {
  // An app without a secret can sign nothing; an empty one would make everybody able to.
  bool matches = !app.secret.empty() && equal_in_constant_time(hmac_sha256_hex(app.secret, text), signature_hex);
  if (!matches && !app.secret_previous.empty()) {
    matches = equal_in_constant_time(hmac_sha256_hex(app.secret_previous, text), signature_hex);
  }
  return matches;
}

std::string sign_channel(std::string_view key, std::string_view secret, std::string_view socket,
                         std::string_view channel, std::optional<std::string_view> channel_data) {
  return fmt::format("{}:{}", key, hmac_sha256_hex(secret, channel_text(socket, channel, channel_data)));
}

std::string sign_user(std::string_view key, std::string_view secret, std::string_view socket,
                      std::string_view user_data) {
  return fmt::format("{}:{}", key, hmac_sha256_hex(secret, user_text(socket, user_data)));
}

Status check_channel_auth(const App& app, std::string_view socket, std::string_view channel,
                          std::optional<std::string_view> channel_data, std::string_view auth) {
  return check_auth(app, auth, channel_text(socket, channel, channel_data));
}

Status check_user_auth(const App& app, std::string_view socket, std::string_view user_data, std::string_view auth) {
  return check_auth(app, auth, user_text(socket, user_data));
}

}  // namespace parley::net::auth
