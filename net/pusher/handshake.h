#pragma once
// May this WebSocket upgrade become a Pusher session? Judged from the request alone, before or after
// the upgrade: net refuses a wrong origin with 403 before it, and tells everything else after it with
// refusal_frame() and a close of the same code, since stock clients retry a failed upgrade for ever.

#include "net/pusher/context.h"
#include "net/pusher/protocol.h"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::net::pusher {

struct PusherHandshake {
  // `/app/{key}`; before it may stand `/r/{client-id}` and `/t/{token}`, since stock clients can set nothing
  // but a path in front (pusher-js: wsPath).
  std::string_view path;
  std::string_view query;                                        // as sent; `token=` is a connection token too
  std::string_view origin;                                       // empty: none was sent
  std::span<const std::pair<std::string, std::string>> headers;  // names in lower case; `authorization: Bearer` too
  WallTime wall;
  bool tls = false;
  SocketId socket;  // new
  std::string_view client_address;
  bool over_capacity = false;  // of the node or the address; the application's own bound is judged here
};

// The same for a client of another protocol, whose application is known: everything but path and version. `token`
// is a connection token that it brought on purpose; empty: none.
struct ClientHandshake {
  SettingsPtr settings;
  const App* app = nullptr;  // in `settings`; null: there is none
  std::string_view token;
  std::string client;  // library and version, for operators
  const PusherHandshake& request;
};
Result<PusherSession> judge_client(PusherContext& context, ClientHandshake client);
// An `authorization: Bearer` that looks like a connection token: others are the application's. Empty: none.
std::string_view bearer_token(const PusherHandshake& handshake);

// Is the path one of ours at all? Others may be served by someone else.
bool is_pusher_path(std::string_view path);

// A session to make a protocol of, or the error to refuse with. Counts refusals in the metrics. An
// origin that is not allowed is Errc::origin_refused, and is judged last but for the capacity.
Result<PusherSession> judge_handshake(PusherContext& context, const PusherHandshake& handshake);

std::string refusal_frame(const Error& error);  // pusher:error
std::uint16_t close_code(Errc code);            // a code that may end a connection: never 43xx

}  // namespace parley::net::pusher
