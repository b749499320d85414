#pragma once
// RFC 4648 base64 in the standard alphabet: how polling carries binary messages. Pure. (Tokens' alphabet is another:
// net/auth/base64url.h.)

#include "core/result.h"

#include <string>
#include <string_view>

namespace parley::net::socketio {

std::string base64_encode(std::string_view bytes);  // padded
void append_base64(std::string& out, std::string_view bytes);

// Padding may be missing. Line breaks may stand anywhere: the Java client wraps its lines at 76 characters. Everything
// else is Errc::bad_frame, also what JavaScript decoders pass over in silence (a foreign character, half a padding, a
// last character whose spare bits are not zero): a message that arrives changed is worse than one that is refused.
Result<std::string> base64_decode(std::string_view text);

}  // namespace parley::net::socketio
