#pragma once
// Which WebSocket upgrade becomes which protocol. The front-end asks its factories in order; the first
// that serves the path decides. Thread-safe: one factory serves all I/O threads.

#include "core/ids.h"
#include "core/result.h"
#include "net/protocol.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace parley::net {

class Hub;
class SessionContext;

struct UpgradeRequest {
  std::string_view path;  // the configured prefix is cut off
  std::string_view query;
  std::string_view origin;
  std::string_view client_address;
  std::span<const std::pair<std::string, std::string>> headers;  // names in lower case
  bool tls = false;
  WallTime wall;
  SocketId socket;             // new, for the session to be
  bool over_capacity = false;  // of the node or the address
  bool draining = false;
  Hub* hub = nullptr;  // of the connection
};

// Answered before the upgrade, for who should not even get a WebSocket.
struct HttpRefusal {
  int status;
  Error error;
  std::string body = {};  // empty: the error as JSON
  std::string_view content_type = "application/json";
};
struct Accepted {
  std::unique_ptr<Protocol> protocol;  // may be one that only tells why not, and closes
  Wire wire;
  Hub* home = nullptr;                // the I/O thread on which it is to live; null: where it is
  std::size_t message_bytes_max = 0;  // 0: frame_bytes_max
  bool in_hub = true;                 // false: the protocol is no session of the hub's
  Origin origin{};                    // where the client is; filled in by who asked
};

class SessionFactory {
 public:
  virtual ~SessionFactory() = default;
  [[nodiscard]] virtual bool serves(std::string_view path) const = 0;
  // The WebSocket is the second transport of a session whose client has its place already.
  [[nodiscard]] virtual bool joins(std::string_view query) const = 0;
  virtual std::variant<Accepted, HttpRefusal> accept(const UpgradeRequest& request) = 0;
};

// `/app/{key}` and `/r/{client-id}/app/{key}`.
std::shared_ptr<SessionFactory> make_pusher_sessions(SessionContext& context);
// Tells a client why it is not served, then closes.
std::unique_ptr<Protocol> make_refusal(std::string frame, std::uint16_t close_code, Error error);

}  // namespace parley::net
