#pragma once
// RFC 4648 base64 in both alphabets: the standard one, in which polling carries binary messages, and that of URLs
// without padding, in which tokens are written. Pure.

#include "core/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace parley::net {

std::string base64_encode(std::string_view bytes);  // padded
void append_base64(std::string& out, std::string_view bytes);
void append_base64url(std::string& out, std::string_view bytes);

// Padding may be missing. Line breaks may stand anywhere: the Java client wraps its lines at 76 characters. Everything
// else is Errc::bad_frame, also what JavaScript decoders pass over in silence (a foreign character, half a padding, a
// last character whose spare bits are not zero): a message that arrives changed is worse than one that is refused.
Result<std::string> base64_decode(std::string_view text);

// Nothing: a foreign character, padding, an impossible length, or spare bits that are not zero. The last
// matters: otherwise several texts would be one token.
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace parley::net
