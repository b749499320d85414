#pragma once
// A Pusher client in the small, for our own commands: connects, subscribes, gives frames. Blocking;
// belongs to one thread.

#include "core/ids.h"
#include "net/client/client.h"
#include "server/commands/client_target.h"

#include <optional>
#include <string>
#include <string_view>

namespace parley::server {

struct PusherFrame {
  std::string event;
  std::string channel;
  std::string data;  // unwrapped if it was a string; JSON text otherwise
  std::optional<Position> position;
};

class PusherConnection {
 public:
  static Result<PusherConnection> connect(const ClientTarget& target);

  // Signs where the channel needs it. `data_fields`: more fields of `data`, each with a comma in front.
  Status subscribe(std::string_view channel, std::string_view user_id, std::string_view data_fields = {});
  // Pings are answered here and not shown. Errc::timeout: nothing came. A close or an error that the
  // server sent is an Error with its code in the message.
  Result<PusherFrame> next(milliseconds timeout);
  [[nodiscard]] int fd() { return socket_.socket().fd(); }

 private:
  PusherConnection(net::WebSocketClient socket, net::ApiKey key) : socket_(std::move(socket)), key_(std::move(key)) {}

  net::WebSocketClient socket_;
  net::ApiKey key_;
  SocketId id_;
};

Result<PusherFrame> decode_pusher_frame(std::string_view text);

}  // namespace parley::server
