#include "net/http/text.h"

#include <fmt/format.h>
#include <boost/beast/http/status.hpp>

#include <iterator>

namespace parley::net {

std::string_view reason_phrase(int status) {
  const auto text = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {text.data(), text.size()};
}

void append_response_head(std::string& out, const ResponseHead& head) {
  const HttpResponse& response = head.response;
  const auto end = std::back_inserter(out);
  fmt::format_to(end, "HTTP/1.1 {} {}\r\nServer: parley\r\nDate: {}\r\n", response.status,
                 reason_phrase(response.status), head.date);
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) fmt::format_to(end, "Content-Length: {}\r\n", response.body.size());
  if (!bodiless && !response.content_type.empty()) fmt::format_to(end, "Content-Type: {}\r\n", response.content_type);
  for (const auto& [name, value] : response.headers) {
    // A line break in a value would start a header, or a response, of someone else's making.
    if (name.find_first_of("\r\n:") != std::string::npos || value.find_first_of("\r\n") != std::string::npos) continue;
    fmt::format_to(end, "{}: {}\r\n", name, value);
  }
  if (!head.keep_alive) {
    out += "Connection: close\r\n";
  } else if (head.http_10) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
}

}  // namespace parley::net
