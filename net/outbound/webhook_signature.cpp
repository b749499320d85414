#include "net/outbound/webhook_signature.h"

#include "net/auth/pusher_signature.h"

namespace parley::net {

std::vector<std::pair<std::string, std::string>> webhook_headers(std::string_view key, std::string_view secret,
                                                                 std::string_view body) {
  return {{"Content-Type", "application/json"},
          {"X-Pusher-Key", std::string(key)},
          {"X-Pusher-Signature", auth::hmac_sha256_hex(secret, body)}};
}

}  // namespace parley::net
