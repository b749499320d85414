#pragma once
// May this client have a session? What holds for every protocol; net/pusher/handshake.h and net/socketio/client.h read
// path, version and application before. On the connection's I/O thread.

#include "net/auth/claims.h"
#include "net/protocol.h"
#include "net/session/context.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::net {

// What a session is made of.
struct Admitted {
  SessionContext* context = nullptr;
  SettingsPtr settings;                // in force at the handshake
  const App* app = nullptr;            // in `settings`
  std::string client_id;               // `/r/{client-id}/…`: a stock client that resumes. Empty: none
  std::optional<auth::Claims> claims;  // of a connection token that was checked
  ConnectionAbout about;
  std::vector<std::pair<std::string, std::string>> forwarded;  // headers for asking the application
  SocketId socket;
  ConnectionSlot slot;
};

struct Handshake {
  // Pusher: `/app/{key}`; before it may stand `/r/{client-id}` and `/t/{token}`, since stock clients can set nothing
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

// What a protocol found in the request by its own rules: the application, and a token. `token` is a connection token
// that it brought on purpose; empty: none.
struct ClientHandshake {
  SettingsPtr settings;
  const App* app = nullptr;  // in `settings`; null: there is none
  std::string_view token;
  std::string client;  // library and version, for operators
  const Handshake& request;
};
Result<Admitted> judge_client(SessionContext& context, ClientHandshake client);
// An `authorization: Bearer` that looks like a connection token: others are the application's. Empty: none.
std::string_view header_token(const Handshake& handshake);

std::uint16_t close_code(Errc code);  // a code that may end a connection: never 43xx

}  // namespace parley::net
