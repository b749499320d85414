#pragma once
// HTTP without sockets: a request that was read whole, and the way to answer it. The handlers (REST
// API, health, demo, console, metrics) see only this; net/http/connection implements Exchange.
// Everything runs on the connection's I/O thread.

#include "core/clock.h"
#include "core/request.h"
#include "core/settings.h"
#include "net/address/address_shares.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::net {

struct HttpRequest {
  std::string method;       // upper case
  std::string path;         // as sent, not decoded, without the query; the configured prefix is cut off
  std::string path_prefix;  // the configured one, whether it was sent or not: clients may have signed it
  std::string query;        // as sent, without `?`
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string client_address;  // of the client, X-Forwarded-For applied when the peer is trusted
  bool tls = false;            // X-Forwarded-Proto applied likewise

  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;  // empty: absent
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view route = "other";  // metric label: a route's name, never a path
};

class Hub;

// Answer exactly once: now, or later from a request's callback. Kept alive by whoever will answer; if
// the client is gone the answer is dropped.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void respond(HttpResponse response) = 0;
  // Submits to the gateway; `done` runs on the same I/O thread with the one answer, or with
  // Refused{timeout} after the node's request timeout.
  virtual void request(Request request, std::function<void(Reply&)> done) = 0;
  // For an answer that is long in coming: `gone` runs once if the client goes before it.
  virtual void watch(std::function<void()> gone) { (void)gone; }
  // The I/O thread on which all of this happens; null where there is none.
  [[nodiscard]] virtual Hub* hub() { return nullptr; }
  // A place for a session that opens and outlives this request, as its client may.
  virtual AddressShares::Place take_place(std::string_view address) {
    (void)address;
    return {};
  }
  [[nodiscard]] virtual MonoTime now() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
  [[nodiscard]] virtual SettingsPtr settings() const = 0;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // A request's head is there and its body, of `bytes` if that was said, is still coming. The token is let go when the
  // body is there, or the client gone: for who must know that somebody is sending.
  struct BodyBegins {
    std::shared_ptr<void> token;  // null: not mine
    bool too_large = false;       // answered with 413, the body is not read
  };
  virtual BodyBegins body_begins(std::string_view path, std::string_view query, std::uint64_t bytes) {
    (void)path, (void)query, (void)bytes;
    return {};
  }
  // False: not mine, ask the next one. Thread-safe: one handler serves all I/O threads.
  virtual bool handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) = 0;
};

}  // namespace parley::net
