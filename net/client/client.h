#pragma once
// A small blocking client for our own commands and tests: HTTP calls, signed ones too, and WebSocket
// messages. One call at a time; an object belongs to one thread.

#include "core/random.h"
#include "net/client/socket.h"
#include "net/socket/websocket_frame.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::net {

using ClientHeaders = std::vector<std::pair<std::string, std::string>>;

struct ClientResponse {
  int status = 0;
  ClientHeaders headers;  // names in lower case
  std::string body;
  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;
};

// One connection that is kept for several calls.
class HttpClient {
 public:
  static Result<HttpClient> connect(const Url& url, ClientOptions options = {});
  Result<ClientResponse> call(std::string_view method, std::string_view target, std::string_view body = {},
                              const ClientHeaders& headers = {});
  // For tests of what no proper client does.
  Status send_raw(std::string_view bytes) { return socket_.write_all(bytes, options_.timeout); }
  Result<ClientResponse> read_response(bool head_only = false);
  ClientSocket& socket() { return socket_; }

 private:
  HttpClient(ClientSocket socket, Url url, ClientOptions options)
      : socket_(std::move(socket)), url_(std::move(url)), options_(std::move(options)) {}
  ClientSocket socket_;
  Url url_;
  ClientOptions options_;
  std::string buffer_;
};

// Connects, calls, closes.
Result<ClientResponse> http_call(std::string_view method, std::string_view url, std::string_view body = {},
                                 const ClientHeaders& headers = {}, const ClientOptions& options = {});

struct ApiKey {
  std::string key;
  std::string secret;
};
// Signed for Pusher's HTTP API. `url` is the server's, a path in it is a deployment prefix that is not
// signed; `path` starts with `/apps/`; the parameters are not encoded.
Result<ClientResponse> signed_call(const ApiKey& key, std::string_view method, std::string_view url,
                                   std::string_view path,
                                   std::vector<std::pair<std::string, std::string>> parameters = {},
                                   std::string_view body = {}, const ClientHeaders& headers = {},
                                   const ClientOptions& options = {});

class WebSocketClient {
 public:
  struct Message {
    Opcode opcode = Opcode::text;
    std::string payload;           // whole; of a close frame: the reason
    std::uint16_t close_code = 0;  // close: 1005 when the frame had none, 1006 when the connection just ended
  };

  // An answer other than 101 is an error that names the status.
  static Result<WebSocketClient> connect(std::string_view url, ClientOptions options = {},
                                         const ClientHeaders& headers = {});

  Status send_text(std::string_view payload) { return send_frame(Opcode::text, payload); }
  Status send_frame(Opcode opcode, std::string_view payload, bool final = true);
  Status send_raw(std::string_view bytes) { return socket_.write_all(bytes, options_.timeout); }
  // The next text or binary message, pong or close. Pings are answered. Errc::timeout: none came.
  Result<Message> receive(milliseconds timeout);
  void close(std::uint16_t code = 1000, std::string_view reason = {});
  ClientSocket& socket() { return socket_; }

 private:
  WebSocketClient(ClientSocket socket, ClientOptions options, std::string buffer)
      : socket_(std::move(socket)), options_(std::move(options)), buffer_(std::move(buffer)) {}
  // Nothing: more bytes are needed.
  Result<std::optional<Message>> take_frame();

  ClientSocket socket_;
  ClientOptions options_;
  OsRandom random_;  // masks
  std::string buffer_;
  std::string partial_;
  Opcode partial_opcode_ = Opcode::text;
};

}  // namespace parley::net
