#pragma once
// The alphabet of tokens: RFC 4648 base64url without padding. Pure.

#include <optional>
#include <string>
#include <string_view>

namespace parley::net::auth {

void append_base64url(std::string& out, std::string_view bytes);

// Nothing: a foreign character, padding, an impossible length, or spare bits that are not zero. The last
// matters: otherwise several texts would be one token.
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace parley::net::auth
