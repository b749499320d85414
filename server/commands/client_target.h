#pragma once
// Which server and which application a client command speaks to: from its options, else from the same
// configuration and environment that `serve` reads.

#include "net/client/client.h"
#include "server/commands/command_line.h"

#include <string>

namespace parley::server {

struct ClientOptionsGiven {  // empty: not given
  std::string url;
  std::string app_id;
  std::string key;
  std::string secret;
  std::string admin_key;
  std::string ca_file;
  bool insecure = false;
};

struct ClientTarget {
  std::string url;  // http or https, without a slash at its end
  std::string app_id;
  net::ApiKey key;
  net::ClientOptions options;

  // `ws` address of the application's WebSocket.
  [[nodiscard]] std::string websocket_url() const;
  [[nodiscard]] std::string channel_path(std::string_view channel, std::string_view rest) const;
};

// The application alone, with what else is configured for it: `parley token` speaks to no server.
Result<App> find_app(const ClientOptionsGiven& given, const CommandLine& line);

// For the admin API: no secret of an application is needed.
struct AdminTarget {
  std::string url;     // as above
  std::string app_id;  // empty: none was named, and none is configured here
  std::string key;
  net::ClientOptions options;
};

Result<ClientTarget> find_target(const ClientOptionsGiven& given, const CommandLine& line);
Result<AdminTarget> find_admin_target(const ClientOptionsGiven& given, const CommandLine& line);

}  // namespace parley::server
