#pragma once
// Non-blocking TCP to one server, and the process limits that many connections need.

#include <netinet/in.h>

#include <cstdint>
#include <string>

namespace loadgen {

struct Endpoint {
  sockaddr_in address{};

  // An IPv4 address in dotted form, or "localhost".
  static Endpoint parse(const std::string& host, std::uint16_t port);
  bool is_loopback() const;
};

// Starts a connect and returns the socket; it becomes writable when the connect ended. Loopback
// connections leave from 127.0.0.<2 + source>: each such address has a port range of its own, so ports
// in TIME_WAIT from an earlier scenario never run short.
int start_connect(const Endpoint& server, unsigned source);

// 0 when the connect succeeded, else errno.
int connect_result(int fd);

// Raises the soft limit of open files to the hard one; throws when that is below what is needed.
void require_open_files(std::uint64_t count);

}  // namespace loadgen
