#pragma once
// One accepted socket, plain or TLS, in reactor style: attempts that never block, and a wait until the
// next attempt can succeed. Knows no protocol. Belongs to a Link, on its I/O thread.

#include "core/result.h"
#include "net/socket/tls.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <sys/uio.h>

namespace parley::net {

using Executor = boost::asio::io_context::executor_type;

enum class WaitFor : std::uint8_t { read, write };

struct IoResult {
  enum class State : std::uint8_t { done, blocked, ended, failed } state = State::done;
  std::size_t bytes = 0;
  WaitFor wait = WaitFor::read;  // blocked: what to wait for
};

class Transport {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

  Transport(Socket socket, SslPtr ssl) : socket_(std::move(socket)), ssl_(std::move(ssl)) {}

  [[nodiscard]] bool tls() const { return ssl_ != nullptr; }
  [[nodiscard]] Executor executor() { return socket_.get_executor(); }

  // TLS only; done when the handshake is over.
  IoResult handshake();
  IoResult read(char* to, std::size_t size);
  IoResult write(const struct iovec* pieces, int count);
  // Bytes that were read from the socket but not yet handed out: a wait would not see them.
  [[nodiscard]] bool has_buffered() const;

  template <class Handler>
  void wait(WaitFor what, Handler&& handler) {
    socket_.async_wait(what == WaitFor::read ? Socket::wait_read : Socket::wait_write, std::forward<Handler>(handler));
  }

  // For another I/O thread: the socket without its executor. Nothing may be waiting on it.
  struct Detached {
    int fd = -1;
    bool ipv6 = false;
    SslPtr ssl;
  };
  Detached detach();
  static Result<Transport> attach(Detached socket, boost::asio::io_context& context);

  void shutdown_write();
  void close();

 private:
  IoResult tls_result(int outcome);

  Socket socket_;
  SslPtr ssl_;
};

}  // namespace parley::net
