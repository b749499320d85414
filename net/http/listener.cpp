#include "net/http/listener.h"

#include "core/limits.h"
#include "core/log.h"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

namespace parley::net {

namespace asio = boost::asio;

namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTurn = 64;
constexpr milliseconds kPause{100};

// A new socket speaks HTTP first.
class HttpGreeter final : public Greeter {
 public:
  HttpGreeter(std::shared_ptr<HttpService> service, std::string peer, AddressShares::Place place)
      : service_(std::move(service)), peer_(std::move(peer)), place_(std::move(place)) {}
  void greet(Hub& hub, Transport transport) override {
    auto connection = std::make_shared<HttpConnection>(hub, std::move(transport), std::move(service_), std::move(peer_),
                                                       std::move(place_));
    hub.add_link(connection);
    connection->start();
  }

 private:
  std::shared_ptr<HttpService> service_;
  std::string peer_;
  AddressShares::Place place_;  // of the service's shares
};

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
      inet_ntop(AF_INET, six.sin6_addr.s6_addr + 12, text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
    }
  } else {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  }
  return text;
}

Error listen_error(const ListenerConfig& config, const boost::system::error_code& error) {
  const char* remedy = "";
  if (error == asio::error::address_in_use) remedy = ": another program listens there; stop it or choose another port";
  if (error == asio::error::access_denied) remedy = ": ports below 1024 need the capability CAP_NET_BIND_SERVICE";
  if (error.value() == EADDRNOTAVAIL) remedy = ": this machine does not have that address";
  return make_error(Errc::io, fmt::format("cannot listen on {}:{} ({}): {}{}", config.host, config.port,
                                          config.key_of_port, error.message(), remedy));
}

}  // namespace

Listener::Listener(IoThread& home, std::vector<IoThread*> threads, std::shared_ptr<HttpService> service, TlsSource tls)
    : home_(home),
      threads_(std::move(threads)),
      service_(std::move(service)),
      tls_(std::move(tls)),
      acceptor_(home.context()),
      pause_(home.context()) {}

Listener::~Listener() = default;

Result<std::shared_ptr<Listener>> Listener::open(const ListenerConfig& config, IoThread& home,
                                                 std::vector<IoThread*> threads, std::shared_ptr<HttpService> service,
                                                 TlsSource tls) {
  std::shared_ptr<Listener> listener(new Listener(home, std::move(threads), std::move(service), std::move(tls)));
  boost::system::error_code error;
  asio::ip::tcp::resolver resolver(home.context());
  const auto found =
      resolver.resolve(config.host, std::to_string(config.port),
                       asio::ip::tcp::resolver::passive | asio::ip::tcp::resolver::numeric_service, error);
  if (error || found.empty()) {
    return make_error(Errc::io,
                      fmt::format("cannot listen on {}:{}: the host name is not known", config.host, config.port));
  }
  const asio::ip::tcp::endpoint endpoint = found.begin()->endpoint();
  auto& acceptor = listener->acceptor_;
  acceptor.open(endpoint.protocol(), error);
  // Allows a restart while old connections linger; a port that someone listens on stays an error.
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (!error) acceptor.non_blocking(true, error);
  if (error) return listen_error(config, error);
  rlimit files{};
  listener->descriptors_ = ::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY
                               ? static_cast<std::size_t>(files.rlim_cur)
                               : std::numeric_limits<std::size_t>::max();
  listener->port_ = acceptor.local_endpoint(error).port();
  if (error) return listen_error(config, error);
  return listener;
}

void Listener::start() {
  home_.post([self = shared_from_this()] { self->wait(); });
}

void Listener::close() {
  closed_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

void Listener::wait() {
  if (closed_) return;
  acceptor_.async_wait(asio::socket_base::wait_read, [self = shared_from_this()](boost::system::error_code error) {
    if (!error && !self->closed_) self->accept_ready();
  });
}

std::size_t Listener::open_links() const {
  std::size_t links = 0;
  for (const IoThread* thread : threads_) links += thread->links();
  return links;
}

void Listener::accept_ready() {
  const NodeLimits& limits = home_.hub().settings()->limits;
  const std::size_t room = capacity(limits);
  const bool full = open_links() >= room;
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    const int fd = ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&address), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
      return pause(errno);
    }
    pauses_ = 0;
    std::string peer = address_text(address);
    // Behind a trusted proxy are many clients, who have their shares when they have said who they are.
    const bool proxy = service_->proxies.trusts(peer);
    auto place = full ? AddressShares::Place()
                      : service_->shares.take_http(proxy ? std::string_view() : peer, limits, room, home_.hub().now());
    if (!place.granted()) {
      home_.hub().world().metrics.handshakes_refused("over_capacity").add();
      turn_away(fd);
      continue;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    threads_[next_]->adopt({fd, address.ss_family == AF_INET6, tls_ ? tls_() : nullptr,
                            std::make_unique<HttpGreeter>(service_, std::move(peer), std::move(place))});
    next_ = (next_ + 1) % threads_.size();
  }
  wait();
}

// Told without waiting for the request, if it can be told in plain text; who is not reading yet may miss it.
void Listener::turn_away(int fd) {
  constexpr std::string_view kBody = R"({"error":"over_capacity","message":"too many connections: retry later"})";
  static const std::string answer = fmt::format(
      "HTTP/1.1 503 Service Unavailable\r\nServer: parley\r\nContent-Length: {}\r\nContent-Type: "
      "application/json\r\nRetry-After: 1\r\nConnection: close\r\n\r\n{}",
      kBody.size(), kBody);
  if (!tls_ || tls_() == nullptr) ::send(fd, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::close(fd);
}

std::size_t Listener::capacity(const NodeLimits& limits) const {
  return std::min(limits.connections_max + kHttpConnectionsBeside, descriptors_);
}

void Listener::pause(int error_number) {
  // Out of file descriptors or memory: the connection stays in the kernel's queue. Trying again at once
  // would spin until someone leaves.
  home_.hub().world().metrics.handshakes_refused("out_of_descriptors").add();
  if (pauses_++ % 100 == 0) {
    log_error("cannot accept connections", {{"reason", std::strerror(error_number)},
                                            {"remedy", "raise the limit of open files (ulimit -n, LimitNOFILE)"}});
  }
  pause_.expires_after(kPause);
  pause_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error && !self->closed_) self->accept_ready();
  });
}

}  // namespace parley::net
