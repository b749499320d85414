#include "net/client/socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <utility>

namespace parley::net {

namespace {

const SystemClock kClock;

Error io_error(const std::string& what) { return make_error(Errc::io, what + ": " + std::strerror(errno)); }

Error tls_error(const std::string& what) {
  char text[256] = "the peer closed the connection";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return make_error(Errc::io, what + ": " + text);
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = text;
  if (text.starts_with("https://") || text.starts_with("wss://")) url.tls = true;
  for (const std::string_view scheme : {"http://", "https://", "ws://", "wss://"}) {
    if (text.starts_with(scheme)) rest = text.substr(scheme.size());
  }
  if (rest.size() == text.size())
    return make_error(Errc::bad_request, "a URL starts with http://, https://, ws:// or wss://");
  const auto slash = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) {
    url.target = std::string(rest.substr(slash));
    if (url.target.front() == '?') url.target.insert(0, "/");
  }
  url.port = url.tls ? 443 : 80;
  const auto bracket = authority.rfind(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const auto digits = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (error != std::errc() || end != digits.data() + digits.size() || url.port == 0) {
      return make_error(Errc::bad_request, "the port in the URL is no port");
    }
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
  if (authority.empty()) return make_error(Errc::bad_request, "the URL has no host");
  url.host = std::string(authority);
  return url;
}

ClientSocket::ClientSocket(ClientSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), context_(std::move(other.context_)), ssl_(std::move(other.ssl_)) {}

ClientSocket& ClientSocket::operator=(ClientSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(context_, other.context_);
  std::swap(ssl_, other.ssl_);
  return *this;
}

ClientSocket::~ClientSocket() {
  ssl_.reset();
  if (fd_ >= 0) ::close(fd_);
}

Status ClientSocket::wait(short events, MonoTime until) const {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(until - kClock.now()).count();
    struct pollfd poll_on = {fd_, events, 0};
    const int ready = ::poll(&poll_on, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready > 0) return {};
    if (ready == 0) return make_error(Errc::timeout, "the server did not answer in time");
    if (errno != EINTR) return io_error("poll");
  }
}

Result<ClientSocket> ClientSocket::connect(const Url& url, const ClientOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  const MonoTime until = kClock.now() + options.timeout;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &found); error != 0) {
    return make_error(Errc::io, "the host " + url.host + " is not known: " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  Error last = make_error(Errc::io, "no address");
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    ClientSocket socket(::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const std::string peer = url.host + ":" + std::to_string(url.port);
    if (socket.fd_ < 0) return io_error("a socket cannot be made");
    const int on = 1;
    ::setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket.fd_, at->ai_addr, at->ai_addrlen) != 0 && errno != EINPROGRESS) {
      last = io_error("cannot connect to " + peer);
      continue;
    }
    if (const auto ready = socket.wait(POLLOUT, until); !ready) return ready.error();
    socklen_t size = sizeof errno;
    int error = 0;
    ::getsockopt(socket.fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      errno = error;
      last = io_error("cannot connect to " + peer);
      continue;
    }
    if (!url.tls) return socket;

    socket.context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* context = socket.context_.get();
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (options.verify_certificate) {
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
      const int trusted = options.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                                  : SSL_CTX_load_verify_file(context, options.ca_file.c_str());
      if (trusted != 1) return tls_error("the trusted certificates cannot be read");
    }
    socket.ssl_.reset(SSL_new(context));
    SSL* ssl = socket.ssl_.get();
    SSL_set_tlsext_host_name(ssl, url.host.c_str());
    X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
    if (options.verify_certificate && X509_VERIFY_PARAM_set1_ip_asc(expected, url.host.c_str()) != 1) {
      SSL_set1_host(ssl, url.host.c_str());
    }
    SSL_set_fd(ssl, socket.fd_);
    for (;;) {
      ERR_clear_error();
      const int outcome = SSL_connect(ssl);
      if (outcome == 1) return socket;
      const int want = SSL_get_error(ssl, outcome);
      if (want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE) return tls_error("TLS with " + peer + " failed");
      if (const auto ready = socket.wait(want == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until); !ready)
        return ready.error();
    }
  }
  return last;
}

Status ClientSocket::write_all(std::string_view bytes, milliseconds timeout) {
  const MonoTime until = kClock.now() + timeout;
  while (!bytes.empty()) {
    short want = POLLOUT;
    if (ssl_) {
      ERR_clear_error();
      const int sent =
          SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)));
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
        continue;
      }
      const int error = SSL_get_error(ssl_.get(), sent);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return tls_error("sending failed");
      if (error == SSL_ERROR_WANT_READ) want = POLLIN;
    } else {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
        continue;
      }
      if (errno != EAGAIN && errno != EINTR) return io_error("sending failed");
    }
    if (auto ready = wait(want, until); !ready) return ready;
  }
  return {};
}

Result<std::string> ClientSocket::read_some(milliseconds timeout) {
  const MonoTime until = kClock.now() + timeout;
  std::string bytes(64 * 1024, '\0');
  for (;;) {
    short want = POLLIN;
    if (ssl_) {
      ERR_clear_error();
      const int got = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (got > 0) {
        bytes.resize(static_cast<std::size_t>(got));
        return bytes;
      }
      const int error = SSL_get_error(ssl_.get(), got);
      if (error == SSL_ERROR_ZERO_RETURN) return std::string();
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return tls_error("receiving failed");
      if (error == SSL_ERROR_WANT_WRITE) want = POLLOUT;
    } else {
      const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
      if (got >= 0) {
        bytes.resize(static_cast<std::size_t>(got));
        return bytes;
      }
      if (errno != EAGAIN && errno != EINTR) return io_error("receiving failed");
    }
    if (auto ready = wait(want, until); !ready) return ready.error();
  }
}

}  // namespace parley::net
