#include "bench/loadgen/socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace loadgen {

Endpoint Endpoint::parse(const std::string& host, std::uint16_t port) {
  Endpoint endpoint;
  endpoint.address.sin_family = AF_INET;
  endpoint.address.sin_port = htons(port);
  const char* text = host == "localhost" ? "127.0.0.1" : host.c_str();
  if (inet_pton(AF_INET, text, &endpoint.address.sin_addr) != 1) {
    throw std::runtime_error("--host wants an IPv4 address, not '" + host + "'");
  }
  return endpoint;
}

bool Endpoint::is_loopback() const { return ntohl(address.sin_addr.s_addr) >> 24 == 127; }

int start_connect(const Endpoint& server, unsigned source) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (server.is_loopback()) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl((127U << 24) + 2 + source);
    // The port is picked at connect, when the whole four-tuple counts.
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) {
      const int error = errno;
      close(fd);
      throw std::system_error(error, std::generic_category(), "bind to a loopback address");
    }
  }
  const auto* to = reinterpret_cast<const sockaddr*>(&server.address);
  if (connect(fd, to, sizeof server.address) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    close(fd);
    throw std::system_error(error, std::generic_category(), "connect");
  }
  return fd;
}

int connect_result(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void require_open_files(std::uint64_t count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < count) {
    throw std::runtime_error("needs " + std::to_string(count) + " open files, the hard limit is " +
                             std::to_string(limit.rlim_max));
  }
}

}  // namespace loadgen
