#pragma once
// One Pusher connection, from the judged handshake to its end: net makes it here and then knows only
// net::Protocol. Without I/O; on the connection's I/O thread.

#include "net/protocol.h"
#include "net/session/handshake.h"

#include <memory>

namespace parley::net::pusher {

std::unique_ptr<Protocol> make_pusher_protocol(Admitted session);

}  // namespace parley::net::pusher
