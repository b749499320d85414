#pragma once
// The text of an HTTP/1.1 response's head. Pure.

#include "net/http/handler.h"

#include <string>
#include <string_view>

namespace parley::net {

std::string_view reason_phrase(int status);

struct ResponseHead {
  const HttpResponse& response;
  std::string_view date;
  bool keep_alive = true;
  bool http_10 = false;
};
void append_response_head(std::string& out, const ResponseHead& head);

}  // namespace parley::net
