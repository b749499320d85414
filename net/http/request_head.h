#pragma once
// What a request's head must say before anybody looks at the request: where its body ends, for which host it is, and
// what a WebSocket needs. Pure.

#include "core/error.h"
#include "net/http/handler.h"

#include <optional>
#include <string>
#include <string_view>

namespace parley::net {

struct HeadFault {
  int status;
  Errc code;
  std::string_view message;
};

// A body whose end two servers see in different places is two requests for one of them: such heads are refused, and the
// connection with them. Bodies that are compressed are not read.
std::optional<HeadFault> fault_of(const HttpRequest& request, bool http_10);

// One of the words of a list, whatever its case.
bool lists(std::string_view header, std::string_view word);

// What keeps a request from becoming a WebSocket, in words; empty: nothing.
std::string missing_for_websocket(const HttpRequest& request, bool http_10);
// 16 bytes in base64, as RFC 6455 wants it.
bool is_websocket_key(std::string_view key);

}  // namespace parley::net
