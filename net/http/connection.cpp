#include "net/http/connection.h"

#include "core/check.h"
#include "core/log.h"
#include "net/address/client_origin.h"
#include "net/http/request_head.h"
#include "net/http/text.h"
#include "net/websocket/echo_connection.h"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

#include <unistd.h>

namespace parley::net {

namespace {

// Answers that wait to be taken: from here on no further request is looked at.
constexpr std::size_t kAnswersMax = 16 * 1024;
// Who sends a body more slowly does not mean to end it.
constexpr std::uint64_t kBodyBytesPerSecondMin = 1'024;
constexpr std::string_view kUpgradeRemedy =
    "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection 'upgrade';";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return out;
}

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
  AddressShares::Place take_place(std::string_view address) override {
    const auto alive = connection_.lock();
    if (!alive) return {};
    return link_.service_->shares.take(AddressShares::Kind::opening, address, hub_.settings()->limits, hub_.now());
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

HttpConnection::HttpConnection(Hub& hub, Transport transport, std::shared_ptr<HttpService> service, std::string peer,
                               AddressShares::Place place)
    : Link(hub, std::move(transport)),
      service_(std::move(service)),
      peer_(std::move(peer)),
      place_(std::move(place)),
      // A trusted proxy's connections carry other people's requests.
      bytes_(service_->shares, service_->proxies.trusts(peer_) ? std::string_view() : std::string_view(peer_)),
      reader_(service_->path_prefix) {
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
  if (phase_ == Phase::reading && reader_.has_head()) {
    refuse(408, Errc::timeout, "the request's body did not arrive in time");
    return MonoTime::max();
  }
  // Somebody takes a long answer slowly.
  if (phase_ == Phase::idle && !outbox().empty() && outbox().size() != outbox_seen_) {
    outbox_seen_ = outbox().size();
    return deadline_ = now + hub().settings()->limits.http_idle_timeout;
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
  if (reader_.rest().empty()) wait_readable();
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
  reader_.append({scratch.data(), result.bytes});
  if (phase_ == Phase::answering) return bytes_.hold(held());
  if (!bytes_.ask(held(), hub().settings()->limits, hub().now())) {
    return refuse(503, Errc::over_capacity, "too much is being sent at once: retry after a second");
  }
  process();
}

void HttpConnection::on_written() {
  bytes_.hold(held());
  if (!std::exchange(full_, false)) return;
  boost::asio::post(executor(), [self = shared_from_this(), this] { process(); });
}

void HttpConnection::process() {
  if (processing_) return;
  processing_ = true;
  full_ = outbox().size() >= kAnswersMax;
  while (!gone() && !finishing() && !full_ && (phase_ == Phase::idle || phase_ == Phase::reading)) {
    if (!read_request()) break;
    serve();
    full_ = outbox().size() >= kAnswersMax;
  }
  processing_ = false;
  if (gone() || finishing()) return;
  bytes_.hold(held());
  if (!full_ && (phase_ == Phase::idle || phase_ == Phase::reading)) wait_readable();
}

void HttpConnection::begin_request() {
  const NodeLimits& limits = hub().settings()->limits;
  phase_ = Phase::reading;
  continue_told_ = false;
  request_bytes_due_ = 0;
  request_started_ = hub().now();
  // A request that trickles in is cut off like a handshake that does.
  set_deadline(request_started_ + limits.handshake_timeout);
}

bool HttpConnection::read_request() {
  const NodeLimits& limits = hub().settings()->limits;
  const bool begun = reader_.begun();
  const auto outcome = reader_.read(limits);
  if (!begun && outcome != HttpReader::Outcome::nothing) begin_request();
  switch (outcome) {
    case HttpReader::Outcome::nothing:
      return false;
    case HttpReader::Outcome::whole:
      return true;
    case HttpReader::Outcome::refused: {
      const auto& fault = reader_.fault();
      refuse(fault.status, fault.code, fault.message);
      return false;
    }
    case HttpReader::Outcome::head:
      if (!tell_of_body()) {
        refuse(413);
        return false;
      }
      [[fallthrough]];
    case HttpReader::Outcome::more:
      if (reader_.has_head()) body_goes_on(limits);
      return false;
  }
  return false;
}

void HttpConnection::body_goes_on(const NodeLimits& limits) {
  if (reader_.bytes() >= request_bytes_due_) {
    request_bytes_due_ =
        reader_.bytes() + kBodyBytesPerSecondMin * static_cast<std::uint64_t>(limits.handshake_timeout.count());
    set_deadline(hub().now() + limits.handshake_timeout);
  }
  if (std::exchange(continue_told_, true)) return;
  if (lower(reader_.head().header("expect")) == "100-continue") {
    write(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
  }
}

void HttpConnection::refuse(int status, Errc code, std::string_view message) {
  refuse(status, error_body(code, message));
}

void HttpConnection::refuse(int status, std::string body) {
  keep_alive_ = false;
  head_only_ = false;
  http_10_ = false;
  request_started_ = hub().now();
  body_coming_.reset();
  reader_.clear();
  HttpResponse response{.status = status, .body = std::move(body), .route = "refused"};
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  write_response(std::move(response));
}

// ---- serving ----

bool HttpConnection::tell_of_body() {
  for (const auto& handler : service_->handlers) {
    auto begins = handler->body_begins(reader_.head().path, reader_.head().query, reader_.content_length());
    if (begins.token == nullptr) continue;
    body_coming_ = std::move(begins.token);
    return !begins.too_large;
  }
  return true;
}

void HttpConnection::tell_who_asks(HttpRequest& request) const {
  request.path_prefix = service_->path_prefix;
  request.client_address = peer_;
  request.tls = tls();
  if (!service_->proxies.trusts(peer_)) return;
  std::string forwarded;  // several headers are one list
  for (const auto& [name, value] : request.headers) {
    if (name == "x-forwarded-for") forwarded += (forwarded.empty() ? "" : ",") + value;
  }
  request.client_address = service_->proxies.client(peer_, forwarded);
  const auto protocol = lower(last_value(request.header("x-forwarded-proto")));
  if (!protocol.empty()) request.tls = protocol == "https" || protocol == "wss";
}

void HttpConnection::serve() {
  body_coming_.reset();
  const bool websocket = reader_.asks_for_websocket();
  auto [request, head, keep_alive, http_10] = reader_.take();
  tell_who_asks(request);
  keep_alive_ = keep_alive && !draining_ && !hub().draining();
  http_10_ = http_10;
  head_only_ = request.method == "HEAD";
  if (websocket && service_->conformance && request.path == "/conformance/echo") {
    if (!outbox().empty()) flush();
    if (gone() || !outbox().empty()) return abort();
    Hub& to = hub();
    auto next = std::make_shared<EchoConnection>(to, release_transport(), std::string(reader_.rest()));
    to.add_link(next);
    return next->start(head);
  }
  if (websocket && (!service_->sessions.empty() || service_->conformance)) return upgrade(request, head);
  if (request.query.find("transport=websocket") != std::string::npos && for_websockets(request.path)) {
    not_upgraded(missing_for_websocket(request, http_10_));
  }
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
    if (!taken) exchange->respond(not_taken(request));
  }
}

bool HttpConnection::for_websockets(std::string_view path) const {
  return std::any_of(service_->sessions.begin(), service_->sessions.end(),
                     [&](const auto& one) { return one->serves(path); });
}

// The commonest mistake of all: a proxy that passes the request on as plain HTTP.
void HttpConnection::not_upgraded(std::string_view missing) {
  hub().world().metrics.handshakes_refused("not_upgraded").add();
  if (!service_->upgrade_warning.due(hub().now())) return;
  log_warn("a request for a WebSocket came as plain HTTP", {{"missing", missing}, {"remedy", kUpgradeRemedy}});
}

HttpResponse HttpConnection::not_taken(const HttpRequest& request) {
  if (!for_websockets(request.path)) {
    return {.status = 404, .body = error_body(Errc::not_found, "nothing is served under this path")};
  }
  const auto missing = missing_for_websocket(request, http_10_);
  not_upgraded(missing);
  return {
      .status = 426,
      .body = error_body(Errc::bad_request,
                         fmt::format("this path is for WebSockets, and the request lacks {}. Behind a proxy, let it "
                                     "pass the upgrade on. {}",
                                     missing, kUpgradeRemedy)),
      .headers = {{"Upgrade", "websocket"}},
      .route = "upgrade"};
}

void HttpConnection::upgrade(const HttpRequest& request, const UpgradeHead& head) {
  const auto factory = std::find_if(service_->sessions.begin(), service_->sessions.end(),
                                    [&](const auto& candidate) { return candidate->serves(request.path); });
  if (!is_websocket_key(request.header("sec-websocket-key"))) {
    hub().world().metrics.handshakes_refused("bad_upgrade").add();
    return refuse(400, Errc::bad_request, "Sec-WebSocket-Key is not 16 bytes in base64");
  }
  SocketId socket{service_->random->next()};
  if (!socket.exists()) socket.value = 1;
  const bool joins = factory != service_->sessions.end() && (*factory)->joins(request.query);
  AddressShares::Place place;
  if (!joins) {
    place = service_->shares.take(AddressShares::Kind::client, request.client_address, hub().settings()->limits,
                                  hub().now());
  }
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
                                  .over_capacity = !joins && !place.granted(),
                                  .draining = draining_ || hub().draining(),
                                  .hub = &hub()});
  }
  if (const auto* refusal = std::get_if<HttpRefusal>(&outcome)) {
    phase_ = Phase::answering;
    keep_alive_ = false;
    const bool own_words = !refusal->body.empty();
    return write_response({.status = refusal->status,
                           .body = own_words ? refusal->body : error_body(refusal->error.code, refusal->error.message),
                           .content_type = std::string(refusal->content_type),
                           .route = "upgrade"});
  }
  // Answers to earlier requests on this socket go first.
  if (!outbox().empty()) flush();
  if (gone() || !outbox().empty() || reading()) return abort();
  auto& accepted = std::get<Accepted>(outcome);
  accepted.origin = origin_of(request.client_address);
  if (accepted.home != nullptr && accepted.home != &hub()) {
    return move_to(*accepted.home, head, std::move(accepted), socket, std::move(place),
                   {service_->shares, request.client_address});
  }
  Hub& to = hub();
  auto next = std::make_shared<WebSocketConnection>(to, release_transport(), std::string(reader_.rest()),
                                                    std::move(accepted), socket, std::move(place),
                                                    AddressShares::Bytes(service_->shares, request.client_address));
  to.add_link(next);
  next->start(head);
}

// The session that this WebSocket belongs to lives on another I/O thread.
void HttpConnection::move_to(Hub& home, const UpgradeHead& head, Accepted accepted, SocketId socket,
                             AddressShares::Place place, AddressShares::Bytes bytes) {
  struct Luggage {
    Transport::Detached transport;
    std::string buffer;
    Accepted accepted;
    std::shared_ptr<HttpService> service;  // has the shares that the place is given back to
    AddressShares::Place place;
    AddressShares::Bytes bytes;
    ~Luggage() {
      if (transport.fd >= 0) ::close(transport.fd);  // the other thread has ended
    }
  };
  auto transport = release_transport();
  const auto luggage =
      std::shared_ptr<Luggage>(new Luggage{transport.detach(), std::string(reader_.rest()), std::move(accepted),
                                           service_, std::move(place), std::move(bytes)});
  home.post([&home, head, luggage, socket] {
    auto arrived = Transport::attach(std::exchange(luggage->transport, {}), home.context());
    if (!arrived || home.draining()) return;
    auto next = std::make_shared<WebSocketConnection>(home, std::move(*arrived), std::move(luggage->buffer),
                                                      std::move(luggage->accepted), socket, std::move(luggage->place),
                                                      std::move(luggage->bytes));
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
  bytes_.hold(held());
  outbox_seen_ = 0;
  if (!keep_alive_) {
    phase_ = Phase::ending;
    return finish();
  }
  phase_ = Phase::idle;
  set_deadline(hub().now() + hub().settings()->limits.http_idle_timeout);
}

}  // namespace parley::net
