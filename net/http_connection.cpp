#include "net/http_connection.h"

#include "core/check.h"
#include "core/log.h"
#include "net/echo_connection.h"
#include "net/http_text.h"

#include <fmt/format.h>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <algorithm>
#include <utility>

#include <unistd.h>

namespace parley::net {

namespace http = boost::beast::http;

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return out;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string error_body(Errc code, std::string_view message) {
  // Messages here are ours and need no escaping.
  return fmt::format(R"({{"error":"{}","message":"{}"}})", info(code).name, message);
}

std::string_view last_value(std::string_view list) {
  const auto comma = list.rfind(',');
  if (comma != std::string_view::npos) list.remove_prefix(comma + 1);
  while (!list.empty() && list.front() == ' ') list.remove_prefix(1);
  while (!list.empty() && list.back() == ' ') list.remove_suffix(1);
  return list;
}

}  // namespace

// One request's way back. Handlers may keep it; the connection may be gone by then.
class HttpExchange final : public Exchange {
 public:
  HttpExchange(std::weak_ptr<Link> connection, HttpConnection& link, Hub& hub, std::uint64_t number)
      : connection_(std::move(connection)), link_(link), hub_(hub), number_(number) {}
  ~HttpExchange() override {
    // A handler that took the request and forgot it: the client shall not wait for ever.
    if (!answered_) respond({.status = 500, .body = error_body(Errc::internal, info(Errc::internal).sentence)});
  }

  void respond(HttpResponse response) override {
    CHECK(!answered_);
    answered_ = true;
    if (const auto alive = connection_.lock()) link_.answer(number_, std::move(response));
  }
  void request(Request request, std::function<void(Reply&)> done) override {
    hub_.ask(std::move(request), std::move(done));
  }
  void watch(std::function<void()> gone) override {
    if (const auto alive = connection_.lock()) link_.watch(number_, std::move(gone));
  }
  [[nodiscard]] Hub* hub() override { return &hub_; }
  ConnectionCounts::Place take_place(std::string_view address) override {
    const auto alive = connection_.lock();
    if (!alive) return {};
    return link_.service_->counts.take(address, hub_.settings()->limits);
  }
  [[nodiscard]] MonoTime now() const override { return hub_.now(); }
  [[nodiscard]] WallTime wall() const override { return hub_.world().clock.wall(); }
  [[nodiscard]] SettingsPtr settings() const override { return hub_.world().settings.current(); }

 private:
  std::weak_ptr<Link> connection_;
  HttpConnection& link_;  // alive while connection_ is
  Hub& hub_;
  std::uint64_t number_;
  bool answered_ = false;
};

HttpConnection::HttpConnection(Hub& hub, Transport transport, std::shared_ptr<HttpService> service, std::string peer)
    : Link(hub, std::move(transport)), service_(std::move(service)), peer_(std::move(peer)) {
  this->hub().world().metrics.connections_http.add(1);
}

HttpConnection::~HttpConnection() { hub().world().metrics.connections_http.add(-1); }

void HttpConnection::start() {
  set_deadline(hub().now() + hub().settings()->limits.handshake_timeout);
  if (!tls()) {
    phase_ = Phase::idle;
    return wait_readable();
  }
  on_readable();
}

void HttpConnection::set_deadline(MonoTime when) {
  deadline_ = when;
  schedule(when);
}

MonoTime HttpConnection::on_deadline(MonoTime now) {
  if (now < deadline_) return deadline_;
  if (phase_ == Phase::reading && parser_ && parser_->is_header_done()) {
    refuse(408, Errc::timeout, "the request's body did not arrive in time");
    return MonoTime::max();
  }
  if (phase_ == Phase::handshake || phase_ == Phase::reading) {
    hub().world().metrics.handshakes_refused(info(Errc::timeout).name).add();
  }
  abort();
  return MonoTime::max();
}

void HttpConnection::drain() {
  draining_ = true;
  if (phase_ == Phase::idle || phase_ == Phase::handshake) finish();
}

void HttpConnection::on_lost() {
  phase_ = Phase::ending;
  body_coming_.reset();
  if (const auto gone = std::exchange(gone_, nullptr)) gone();
}

// While an answer is waited for, the socket is read only to notice its end: what comes behind the request stays in
// the buffer, and then the end is noticed later.
void HttpConnection::watch(std::uint64_t number, std::function<void()> gone) {
  if (phase_ != Phase::answering || number != request_number_) return;
  gone_ = std::move(gone);
  if (buffer_.empty()) wait_readable();
}

// ---- reading ----

void HttpConnection::on_readable() {
  if (phase_ == Phase::handshake) {
    const IoResult result = handshake();
    if (result.state == IoResult::State::blocked) return wait_again(result.wait);
    if (result.state != IoResult::State::done) {
      hub().world().metrics.handshakes_refused("tls").add();
      return abort();
    }
    phase_ = Phase::idle;
    return wait_readable();
  }
  const auto scratch = hub().scratch();
  const IoResult result = read(scratch.data(), scratch.size());
  switch (result.state) {
    case IoResult::State::blocked:
      return wait_again(result.wait);
    case IoResult::State::ended:
      return phase_ == Phase::idle ? finish() : abort();
    case IoResult::State::failed:
      return abort();
    case IoResult::State::done:
      break;
  }
  buffer_.append(scratch.data(), result.bytes);
  if (phase_ == Phase::answering) return;
  process();
}

void HttpConnection::process() {
  if (processing_) return;
  processing_ = true;
  while (!gone() && !finishing() && (phase_ == Phase::idle || phase_ == Phase::reading)) {
    if (!parse()) break;
    serve();
  }
  processing_ = false;
  if (gone() || finishing()) return;
  if (phase_ == Phase::idle || phase_ == Phase::reading) wait_readable();
}

bool HttpConnection::parse() {
  if (buffer_.empty()) {
    if (phase_ == Phase::idle) std::string().swap(buffer_);
    return false;
  }
  const NodeLimits& limits = hub().settings()->limits;
  if (!parser_) {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(limits.http_header_bytes_max));
    parser_->body_limit(limits.http_body_bytes_max);
    parser_->eager(true);
    phase_ = Phase::reading;
    continue_told_ = false;
    request_started_ = hub().now();
    // A request that trickles in is cut off like a handshake that does.
    deadline_ = request_started_ + limits.handshake_timeout;
    schedule(deadline_);
  }
  boost::system::error_code error;
  const bool header_before = parser_->is_header_done();
  const std::size_t used = parser_->put(boost::asio::const_buffer(buffer_.data(), buffer_.size()), error);
  buffer_.erase(0, used);
  if (error == http::error::need_more) error = {};
  if (error == http::error::header_limit ||
      (!error && !parser_->is_header_done() && buffer_.size() > limits.http_header_bytes_max)) {
    refuse(431, Errc::too_large, "the request's headers are too large");
    return false;
  }
  if (error == http::error::body_limit) {
    refuse(413, Errc::too_large, "the request's body is too large");
    return false;
  }
  if (error) {
    refuse(400, Errc::bad_request, "this is not a valid HTTP request");
    return false;
  }
  if (!parser_->is_header_done()) return false;
  if (parser_->is_done()) return true;
  if (!header_before && !tell_of_body()) {
    refuse(413);
    return false;
  }
  if (used > 0 || !header_before) set_deadline(hub().now() + limits.handshake_timeout);
  if (!continue_told_) {
    continue_told_ = true;
    if (lower(view(parser_->get()[http::field::expect])) == "100-continue")
      write(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  return false;
}

void HttpConnection::refuse(int status, Errc code, std::string_view message) {
  refuse(status, error_body(code, message));
}

void HttpConnection::refuse(int status, std::string body) {
  keep_alive_ = false;
  head_only_ = false;
  http_10_ = false;
  request_started_ = hub().now();
  write_response({.status = status, .body = std::move(body), .route = "refused"});
}

// ---- serving ----

HttpConnection::Target HttpConnection::target_of(std::string_view target) const {
  // The absolute form is for proxies, but every server must understand it.
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!lower(target.substr(0, scheme.size())).starts_with(scheme)) continue;
    const auto slash = target.find('/', scheme.size());
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  const auto question = target.find('?');
  std::string_view path = target.substr(0, question);
  const std::string_view prefix = service_->path_prefix;
  if (!prefix.empty() && path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/')) {
    path.remove_prefix(prefix.size());
    if (path.empty()) path = "/";
  }
  return {path, question == std::string_view::npos ? std::string_view() : target.substr(question + 1)};
}

bool HttpConnection::tell_of_body() {
  const auto target = target_of(view(parser_->get().target()));
  const std::uint64_t bytes = parser_->content_length().value_or(0);
  for (const auto& handler : service_->handlers) {
    auto begins = handler->body_begins(target.path, target.query, bytes);
    if (begins.token == nullptr) continue;
    body_coming_ = std::move(begins.token);
    return !begins.too_large;
  }
  return true;
}

HttpRequest HttpConnection::take_request() {
  body_coming_.reset();
  auto message = parser_->release();
  parser_.reset();
  keep_alive_ = message.keep_alive() && !draining_ && !hub().draining();
  http_10_ = message.version() < 11;
  head_only_ = message.method() == http::verb::head;

  HttpRequest request;
  request.method = std::string(view(message.method_string()));
  const auto target = target_of(view(message.target()));
  request.path = std::string(target.path);
  request.query = std::string(target.query);
  for (const auto& field : message) {
    request.headers.emplace_back(lower(view(field.name_string())), std::string(view(field.value())));
  }
  request.body = std::move(message.body());
  request.client_address = peer_;
  request.tls = tls();
  if (service_->proxies.trusts(peer_)) {
    std::string forwarded;  // several headers are one list
    for (const auto& [name, value] : request.headers) {
      if (name == "x-forwarded-for") forwarded += (forwarded.empty() ? "" : ",") + value;
    }
    request.client_address = service_->proxies.client(peer_, forwarded);
    const auto protocol = lower(last_value(request.header("x-forwarded-proto")));
    if (!protocol.empty()) request.tls = protocol == "https" || protocol == "wss";
  }
  return request;
}

void HttpConnection::serve() {
  const bool wants_websocket = boost::beast::websocket::is_upgrade(parser_->get());
  if (wants_websocket && (!service_->sessions.empty() || service_->conformance)) {
    UpgradeHead head = parser_->get();
    const HttpRequest request = take_request();
    if (service_->conformance && request.path == "/conformance/echo") {
      if (!outbox().empty()) flush();
      if (gone() || !outbox().empty()) return abort();
      Hub& to = hub();
      auto next = std::make_shared<EchoConnection>(to, release_transport(), std::move(buffer_));
      to.add_link(next);
      return next->start(head);
    }
    return upgrade(request, head);
  }
  const HttpRequest request = take_request();
  phase_ = Phase::answering;
  deadline_ = MonoTime::max();  // from here the request's own timeout counts
  const std::uint64_t number = ++request_number_;
  {
    const auto exchange = std::make_shared<HttpExchange>(weak_from_this(), *this, hub(), number);
    bool taken = false;
    for (const auto& handler : service_->handlers) {
      taken = handler->handle(request, exchange);
      if (taken) break;
    }
    if (!taken)
      exchange->respond({.status = 404, .body = error_body(Errc::not_found, "nothing is served under this path")});
  }
}

void HttpConnection::upgrade(const HttpRequest& request, const UpgradeHead& head) {
  const auto factory = std::find_if(service_->sessions.begin(), service_->sessions.end(),
                                    [&](const auto& candidate) { return candidate->serves(request.path); });
  SocketId socket{service_->random->next()};
  if (!socket.exists()) socket.value = 1;
  ConnectionCounts::Place place = service_->counts.take(request.client_address, hub().settings()->limits);
  std::variant<Accepted, HttpRefusal> outcome = HttpRefusal{404, make_error(Errc::path_not_found)};
  if (factory != service_->sessions.end()) {
    outcome = (*factory)->accept({.path = request.path,
                                  .query = request.query,
                                  .origin = request.header("origin"),
                                  .client_address = request.client_address,
                                  .headers = request.headers,
                                  .tls = request.tls,
                                  .wall = hub().world().clock.wall(),
                                  .socket = socket,
                                  .over_capacity = !place.granted(),
                                  .draining = draining_ || hub().draining(),
                                  .hub = &hub()});
  }
  if (const auto* refusal = std::get_if<HttpRefusal>(&outcome)) {
    phase_ = Phase::answering;
    keep_alive_ = false;
    const bool own_words = !refusal->body.empty();
    return write_response(
        {.status = refusal->status,
         .body = own_words ? refusal->body : error_body(refusal->error.code, info(refusal->error.code).sentence),
         .content_type = std::string(refusal->content_type),
         .route = "upgrade"});
  }
  // Answers to earlier requests on this socket go first.
  if (!outbox().empty()) flush();
  if (gone() || !outbox().empty() || reading()) return abort();
  auto& accepted = std::get<Accepted>(outcome);
  if (accepted.home != nullptr && accepted.home != &hub()) {
    return move_to(*accepted.home, head, std::move(accepted), socket, std::move(place));
  }
  Hub& to = hub();
  auto next = std::make_shared<WebSocketConnection>(to, release_transport(), std::move(buffer_), std::move(accepted),
                                                    socket, std::move(place));
  to.add_link(next);
  next->start(head);
}

// The session that this WebSocket belongs to lives on another I/O thread.
void HttpConnection::move_to(Hub& home, const UpgradeHead& head, Accepted accepted, SocketId socket,
                             ConnectionCounts::Place place) {
  struct Luggage {
    Transport::Detached transport;
    std::string buffer;
    Accepted accepted;
    std::shared_ptr<HttpService> service;  // has the counts that the place is given back to
    ConnectionCounts::Place place;
    ~Luggage() {
      if (transport.fd >= 0) ::close(transport.fd);  // the other thread has ended
    }
  };
  auto transport = release_transport();
  const auto luggage = std::shared_ptr<Luggage>(
      new Luggage{transport.detach(), std::move(buffer_), std::move(accepted), service_, std::move(place)});
  home.post([&home, head, luggage, socket] {
    auto arrived = Transport::attach(std::exchange(luggage->transport, {}), home.context());
    if (!arrived || home.draining()) return;
    auto next = std::make_shared<WebSocketConnection>(home, std::move(*arrived), std::move(luggage->buffer),
                                                      std::move(luggage->accepted), socket, std::move(luggage->place));
    home.add_link(next);
    next->start(head);
  });
}

// ---- answering ----

void HttpConnection::answer(std::uint64_t number, HttpResponse&& response) {
  if (gone() || finishing() || phase_ != Phase::answering || number != request_number_) return;
  write_response(std::move(response));
  process();
}

void HttpConnection::write_response(HttpResponse&& response) {
  gone_ = nullptr;
  hub().http_requests(response.route, response.status).add();
  hub().world().metrics.http_request_seconds.observe(
      std::chrono::duration<double>(hub().now() - request_started_).count());
  if (draining_ || hub().draining()) keep_alive_ = false;
  std::string head;
  append_response_head(
      head, {.response = response, .date = hub().http_date(), .keep_alive = keep_alive_, .http_10 = http_10_});
  const bool body = !head_only_ && response.status != 204 && response.status != 304;
  if (body && response.body.size() < Outbox::kShareFrom) head += response.body;
  write(make_bytes(std::move(head)));
  if (body && response.body.size() >= Outbox::kShareFrom) {
    const auto large = std::make_shared<std::string>();
    large->swap(response.body);
    write(Bytes(large));
  }
  parser_.reset();
  if (!keep_alive_) {
    phase_ = Phase::ending;
    return finish();
  }
  phase_ = Phase::idle;
  set_deadline(hub().now() + hub().settings()->limits.http_idle_timeout);
}

}  // namespace parley::net
