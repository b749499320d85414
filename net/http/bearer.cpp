#include "net/http/bearer.h"

#include "net/auth/pusher_signature.h"

namespace parley::net {

std::string_view bearer_token(const HttpRequest& request) {
  const auto header = request.header("authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() <= kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = header[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kScheme[i]) return {};
  }
  const auto token = header.substr(kScheme.size());
  const auto first = token.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view() : token.substr(first);
}

bool same_key(std::string_view key, std::string_view token) {
  constexpr std::string_view kWhat = "key";  // any text: the digests are compared
  return !key.empty() &&
         auth::equal_in_constant_time(auth::hmac_sha256_hex(key, kWhat), auth::hmac_sha256_hex(token, kWhat));
}

}  // namespace parley::net
