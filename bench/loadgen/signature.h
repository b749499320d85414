#pragma once
// The two digests of the Pusher protocol, in lower-case hex.

#include <string>
#include <string_view>

namespace loadgen {

std::string hmac_sha256_hex(std::string_view secret, std::string_view text);
std::string md5_hex(std::string_view text);

}  // namespace loadgen
