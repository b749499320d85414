#pragma once
// HTTP/1.1 on one socket: reads requests one after the other, asks the handlers, answers, keeps the
// connection; or hands the socket to a WebSocket connection. Later requests wait in the buffer until
// the present one is answered, so answers cannot overtake each other; and while answers wait to be taken nothing is
// read or parsed. What it holds is counted (net/address/address_shares.h).

#include "net/address/address.h"
#include "net/address/address_shares.h"
#include "net/address/paced.h"
#include "net/http/handler.h"
#include "net/http/reader.h"
#include "net/hub/link.h"
#include "net/websocket/connection.h"
#include "net/websocket/session_factory.h"

#include "core/random.h"

#include <memory>
#include <string>
#include <vector>

namespace parley::net {

// What all connections of one listener share. Immutable but for the shares; outlives the hubs' threads.
struct HttpService {
  std::vector<std::shared_ptr<HttpHandler>> handlers;
  std::vector<std::shared_ptr<SessionFactory>> sessions;
  TrustedProxies proxies;
  std::string path_prefix;
  bool conformance = false;
  Random* random = nullptr;
  AddressShares shares;
  Paced upgrade_warning;
};

class HttpConnection final : public Link {
 public:
  HttpConnection(Hub& hub, Transport transport, std::shared_ptr<HttpService> service, std::string peer,
                 AddressShares::Place place);
  ~HttpConnection() override;

  void start();

  [[nodiscard]] bool drains_at_once() const override { return true; }
  void drain() override;

 private:
  friend class HttpExchange;
  enum class Phase : std::uint8_t { handshake, idle, reading, answering, ending };

  void on_readable() override;
  void on_written() override;
  void on_lost() override;
  MonoTime on_deadline(MonoTime now) override;

  void set_deadline(MonoTime when);
  void process();
  bool read_request();  // true: a whole one is there
  void begin_request();
  void body_goes_on(const NodeLimits& limits);
  bool tell_of_body();  // false: it is too large
  [[nodiscard]] std::size_t held() const { return reader_.held() + outbox().size(); }
  void refuse(int status, Errc code, std::string_view message);
  void refuse(int status, std::string body = {});
  void serve();
  void tell_who_asks(HttpRequest& request) const;
  [[nodiscard]] bool for_websockets(std::string_view path) const;
  void not_upgraded(std::string_view missing);
  HttpResponse not_taken(const HttpRequest& request);
  void upgrade(const HttpRequest& request, const UpgradeHead& head);
  void answer(std::uint64_t number, HttpResponse&& response);
  void watch(std::uint64_t number, std::function<void()> gone);
  void move_to(Hub& home, const UpgradeHead& head, Accepted accepted, SocketId socket, AddressShares::Place place,
               AddressShares::Bytes bytes);
  void write_response(HttpResponse&& response);

  std::shared_ptr<HttpService> service_;
  std::string peer_;
  AddressShares::Place place_;
  AddressShares::Bytes bytes_;
  HttpReader reader_;
  std::uint64_t request_bytes_due_ = 0;  // when so many have come, it has as long again for more
  std::size_t outbox_seen_ = 0;
  std::shared_ptr<void> body_coming_;
  std::function<void()> gone_;  // who waits for an answer to be given hears that the client went
  MonoTime deadline_ = MonoTime::max();
  MonoTime request_started_;
  std::uint64_t request_number_ = 0;
  Phase phase_ = Phase::handshake;
  bool full_ = false;  // answers wait: nothing is read until they are taken
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool http_10_ = false;
  bool continue_told_ = false;
  bool processing_ = false;
  bool draining_ = false;
};

}  // namespace parley::net
