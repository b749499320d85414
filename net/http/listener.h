#pragma once
// A listening socket: accepts and hands each connection to the next I/O thread in turn. Without
// SO_REUSEPORT, so that a port that is used by someone else is a clear error. Runs on one I/O thread.

#include "core/result.h"
#include "net/http/connection.h"
#include "net/hub/io_thread.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace parley::net {

struct ListenerConfig {
  std::string host;
  std::uint16_t port = 0;
  std::string key_of_port;  // for the error: `server.port`
};

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  using TlsSource = std::function<std::shared_ptr<const TlsContext>()>;  // asked for each connection; may be null

  static Result<std::shared_ptr<Listener>> open(const ListenerConfig& config, IoThread& home,
                                                std::vector<IoThread*> threads, std::shared_ptr<HttpService> service,
                                                TlsSource tls);
  ~Listener();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  void start();
  void close();  // on the home thread

 private:
  Listener(IoThread& home, std::vector<IoThread*> threads, std::shared_ptr<HttpService> service, TlsSource tls);
  void wait();
  void accept_ready();
  void pause(int error_number);
  void turn_away(int fd);
  [[nodiscard]] std::size_t capacity(const NodeLimits& limits) const;
  [[nodiscard]] std::size_t open_links() const;

  IoThread& home_;
  std::vector<IoThread*> threads_;
  std::shared_ptr<HttpService> service_;
  TlsSource tls_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::uint16_t port_ = 0;
  std::size_t next_ = 0;
  std::size_t pauses_ = 0;
  std::size_t descriptors_ = 0;  // that the process may have
  bool closed_ = false;
};

}  // namespace parley::net
