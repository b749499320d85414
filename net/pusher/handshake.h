#pragma once
// May this WebSocket upgrade become a Pusher session? Judged from the request alone, before or after
// the upgrade: net refuses a wrong origin with 403 before it, and tells everything else after it with
// refusal_frame() and a close of the same code, since stock clients retry a failed upgrade for ever.

#include "net/session/handshake.h"

#include <string>
#include <string_view>

namespace parley::net::pusher {

// Is the path one of ours at all? Others may be served by someone else.
bool is_pusher_path(std::string_view path);

// A session to make a protocol of, or the error to refuse with. Counts refusals in the metrics. An
// origin that is not allowed is Errc::origin_refused, and is judged last but for the capacity.
Result<Admitted> judge_handshake(SessionContext& context, const Handshake& handshake);

std::string refusal_frame(const Error& error);  // pusher:error

}  // namespace parley::net::pusher
