#pragma once
// One Pusher connection, from the judged handshake to its end: net makes it here and then knows only
// net::Protocol. Without I/O; on the connection's I/O thread.

#include "net/protocol.h"
#include "net/pusher/context.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley::net::pusher {

struct PusherSession {
  PusherContext* context = nullptr;
  SettingsPtr settings;                // in force at the handshake
  const App* app = nullptr;            // in `settings`
  std::string client_id;               // `/r/{client-id}/…`: a stock client that resumes. Empty: none
  std::optional<auth::Claims> claims;  // of a connection token that was checked
  ConnectionAbout about;
  std::vector<std::pair<std::string, std::string>> forwarded;  // headers for asking the application
  SocketId socket;
  ConnectionSlot slot;
};

std::unique_ptr<Protocol> make_pusher_protocol(PusherSession session);

}  // namespace parley::net::pusher
