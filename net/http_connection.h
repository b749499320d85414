#pragma once
// HTTP/1.1 on one socket: reads requests one after the other, asks the handlers, answers, keeps the
// connection; or hands the socket to a WebSocket connection. Later requests wait in the buffer until
// the present one is answered, so answers cannot overtake each other.

#include "net/address.h"
#include "net/connection_counts.h"
#include "net/http_handler.h"
#include "net/link.h"
#include "net/session_factory.h"
#include "net/websocket_connection.h"

#include "core/random.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace parley::net {

// What all connections of one listener share. Immutable but for the counts; outlives the hubs' threads.
struct HttpService {
  std::vector<std::shared_ptr<HttpHandler>> handlers;
  std::vector<std::shared_ptr<SessionFactory>> sessions;
  TrustedProxies proxies;
  std::string path_prefix;
  bool conformance = false;
  Random* random = nullptr;
  ConnectionCounts counts;
};

class HttpConnection final : public Link {
 public:
  HttpConnection(Hub& hub, Transport transport, std::shared_ptr<HttpService> service, std::string peer);
  ~HttpConnection() override;

  void start();

  [[nodiscard]] bool drains_at_once() const override { return true; }
  void drain() override;

 private:
  friend class HttpExchange;
  enum class Phase : std::uint8_t { handshake, idle, reading, answering, ending };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void on_readable() override;
  void on_lost() override;
  MonoTime on_deadline(MonoTime now) override;

  void set_deadline(MonoTime when);
  void process();
  bool parse();         // true: a whole request is there
  bool tell_of_body();  // false: it is too large
  struct Target {
    std::string_view path;  // without the configured prefix
    std::string_view query;
  };
  [[nodiscard]] Target target_of(std::string_view target) const;
  void refuse(int status, Errc code, std::string_view message);
  void refuse(int status, std::string body = {});
  void serve();
  HttpRequest take_request();
  void upgrade(const HttpRequest& request, const UpgradeHead& head);
  void answer(std::uint64_t number, HttpResponse&& response);
  void watch(std::uint64_t number, std::function<void()> gone);
  void move_to(Hub& home, const UpgradeHead& head, Accepted accepted, SocketId socket, ConnectionCounts::Place place);
  void write_response(HttpResponse&& response);

  std::shared_ptr<HttpService> service_;
  std::string peer_;
  std::string buffer_;  // read, not parsed
  std::optional<Parser> parser_;
  std::shared_ptr<void> body_coming_;
  std::function<void()> gone_;  // who waits for an answer to be given hears that the client went
  MonoTime deadline_ = MonoTime::max();
  MonoTime request_started_;
  std::uint64_t request_number_ = 0;
  Phase phase_ = Phase::handshake;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool http_10_ = false;
  bool continue_told_ = false;
  bool processing_ = false;
  bool draining_ = false;
};

}  // namespace parley::net
