#pragma once
// Signed fields and tokens in the lines of a transcript, made for the application `demo`:
// $private(CHANNEL), $presence(CHANNEL,CHANNEL_DATA) and $user(USER_DATA) stand for the fields of a subscribe and of a
// sign-in that `socket` may use, $token({…}) for a connection token. Pure.

#include "core/ids.h"

#include <string>
#include <string_view>

namespace parley::scenarios {

std::string expand(std::string_view line, SocketId socket);

}  // namespace parley::scenarios
