#include "net/http/request_head.h"

#include "net/text/base64.h"

#include <algorithm>

namespace parley::net {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

struct Named {
  std::string_view value;
  std::size_t count = 0;
};
Named named(const HttpRequest& request, std::string_view name) {
  Named found;
  for (const auto& [key, value] : request.headers) {
    if (key == name && found.count++ == 0) found.value = value;
  }
  return found;
}

// `host`, `host:port`, `[::1]:port`. Names are not judged, but what could split a log line, a URL or a header is.
bool is_host(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           std::string_view("-._~:[]%!$&'()*+,;=").find(c) != std::string_view::npos;
  });
}

}  // namespace

std::optional<HeadFault> fault_of(const HttpRequest& request, bool http_10) {
  const auto encoding = named(request, "transfer-encoding");
  const auto length = named(request, "content-length");
  if (encoding.count > 0) {
    if (http_10) return HeadFault{400, Errc::bad_request, "HTTP/1.0 knows no Transfer-Encoding"};
    if (length.count > 0) {
      return HeadFault{400, Errc::bad_request, "a request has Content-Length or Transfer-Encoding, not both"};
    }
    if (encoding.count > 1 || encoding.value.find(',') != std::string_view::npos) {
      return HeadFault{400, Errc::bad_request, "only one Transfer-Encoding is understood: chunked"};
    }
    if (!same(trimmed(encoding.value), "chunked")) {
      return HeadFault{501, Errc::bad_request, "only one Transfer-Encoding is understood: chunked"};
    }
  }
  if (length.count > 1) return HeadFault{400, Errc::bad_request, "more than one Content-Length"};
  const auto host = named(request, "host");
  if (host.count > 1) return HeadFault{400, Errc::bad_request, "more than one Host"};
  if (host.count == 0 && !http_10) return HeadFault{400, Errc::bad_request, "the header Host is missing"};
  if (host.count == 1 && !is_host(host.value)) return HeadFault{400, Errc::bad_request, "Host is no host"};
  const auto coding = named(request, "content-encoding");
  if (coding.count > 0 && (coding.count > 1 || !(coding.value.empty() || same(coding.value, "identity")))) {
    return HeadFault{415, Errc::bad_request, "bodies with a Content-Encoding are not read: send it uncompressed"};
  }
  return {};
}

bool lists(std::string_view header, std::string_view word) {
  while (!header.empty()) {
    const auto comma = header.find(',');
    if (same(trimmed(header.substr(0, comma)), word)) return true;
    header = comma == std::string_view::npos ? std::string_view() : header.substr(comma + 1);
  }
  return false;
}

std::string missing_for_websocket(const HttpRequest& request, bool http_10) {
  const auto any = [&](std::string_view name, std::string_view word) {
    return std::any_of(request.headers.begin(), request.headers.end(),
                       [&](const auto& header) { return header.first == name && lists(header.second, word); });
  };
  std::string missing;
  const auto add = [&](std::string_view what) { missing.append(missing.empty() ? "" : " and ").append(what); };
  if (request.method != "GET") add("the method GET");
  if (http_10) add("HTTP/1.1");
  if (!any("upgrade", "websocket")) add("the header `Upgrade: websocket`");
  if (!any("connection", "upgrade")) add("the header `Connection: Upgrade`");
  return missing;
}

bool is_websocket_key(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  const auto bytes = base64_decode(key);
  return bytes && bytes->size() == 16;
}

}  // namespace parley::net
