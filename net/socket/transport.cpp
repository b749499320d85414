#include "net/socket/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>

#include <unistd.h>

namespace parley::net {

namespace {

using State = IoResult::State;

IoResult errno_result(WaitFor wait) {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {State::blocked, 0, wait};
  return {State::failed, 0, wait};
}

}  // namespace

IoResult Transport::tls_result(int outcome) {
  if (outcome > 0) return {State::done, static_cast<std::size_t>(outcome), WaitFor::read};
  const int error = SSL_get_error(ssl_.get(), outcome);
  ERR_clear_error();
  switch (error) {
    case SSL_ERROR_WANT_READ:
      return {State::blocked, 0, WaitFor::read};
    case SSL_ERROR_WANT_WRITE:
      return {State::blocked, 0, WaitFor::write};
    case SSL_ERROR_ZERO_RETURN:
      return {State::ended, 0, WaitFor::read};
    default:
      return {State::failed, 0, WaitFor::read};
  }
}

IoResult Transport::handshake() {
  if (!ssl_) return {};
  ERR_clear_error();
  return tls_result(SSL_do_handshake(ssl_.get()));
}

IoResult Transport::read(char* to, std::size_t size) {
  if (ssl_) {
    ERR_clear_error();
    return tls_result(SSL_read(ssl_.get(), to, static_cast<int>(std::min<std::size_t>(size, 1 << 30))));
  }
  const ssize_t got = ::recv(socket_.native_handle(), to, size, MSG_DONTWAIT);
  if (got > 0) return {State::done, static_cast<std::size_t>(got), WaitFor::read};
  if (got == 0) return {State::ended, 0, WaitFor::read};
  return errno_result(WaitFor::read);
}

IoResult Transport::write(const struct iovec* pieces, int count) {
  if (!ssl_) {
    ssize_t sent;
    if (count == 1) {
      sent = ::send(socket_.native_handle(), pieces[0].iov_base, pieces[0].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
      struct msghdr message = {};
      message.msg_iov = const_cast<struct iovec*>(pieces);
      message.msg_iovlen = static_cast<std::size_t>(count);
      sent = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (sent >= 0) return {State::done, static_cast<std::size_t>(sent), WaitFor::write};
    return errno_result(WaitFor::write);
  }
  // Small pieces go into one TLS record. A blocked write is repeated with the same bytes in front, as
  // OpenSSL wants it: what is gathered only ever grows at its end, up to a record's size.
  constexpr std::size_t kRecord = 16 * 1024;
  char record[kRecord];
  std::size_t filled = 0;
  for (int i = 0; i < count && filled < kRecord; ++i) {
    const std::size_t part = std::min(pieces[i].iov_len, kRecord - filled);
    std::memcpy(record + filled, pieces[i].iov_base, part);
    filled += part;
  }
  ERR_clear_error();
  return tls_result(SSL_write(ssl_.get(), record, static_cast<int>(filled)));
}

bool Transport::has_buffered() const { return ssl_ && SSL_has_pending(ssl_.get()) == 1; }

Transport::Detached Transport::detach() {
  boost::system::error_code failed;
  const auto endpoint = socket_.local_endpoint(failed);
  const bool ipv6 = !failed && endpoint.address().is_v6();
  return {.fd = socket_.release(failed), .ipv6 = ipv6, .ssl = std::move(ssl_)};
}

Result<Transport> Transport::attach(Detached detached, boost::asio::io_context& context) {
  Socket socket(context);
  boost::system::error_code failed;
  socket.assign(detached.ipv6 ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(), detached.fd, failed);
  if (failed) {
    ::close(detached.fd);
    return make_error(Errc::io, failed.message());
  }
  return Transport(std::move(socket), std::move(detached.ssl));
}

void Transport::shutdown_write() {
  if (ssl_ && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void Transport::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace parley::net
