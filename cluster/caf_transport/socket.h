#pragma once
// A socket's handle and what is done with it before the multiplexer has it. Free of CAF.

#include "core/limits.h"
#include "core/result.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace parley::cluster {

class OwnedSocket {
 public:
  OwnedSocket() = default;
  explicit OwnedSocket(int fd) : fd_(fd) {}
  ~OwnedSocket() { reset(); }
  OwnedSocket(OwnedSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedSocket& operator=(OwnedSocket&& other) noexcept {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool exists() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// An IP address and port as the system has them.
struct SocketAddress {
  std::vector<char> bytes;
  int family = 0;
};

// `blocking`: names are looked up, which can take many seconds; otherwise only numbers are understood.
enum class Lookup : std::uint8_t { numbers_only, blocking };
Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port, Lookup lookup);

// Bound and listening; an empty host: all addresses. Looks names up.
Result<OwnedSocket> listen_on(const std::string& host, std::uint16_t port);
std::uint16_t local_port(int fd);
// Of the other end, without its port.
std::string remote_address(int fd);

// Small writes leave at once, and whoever vanished is noticed by the kernel too: a write that is not acknowledged for
// `silence_max` ends the connection. What waits in the kernel unsent is kept short, so that what goes ahead can.
void tune(int fd, const LinkLimits& limits);

// Bytes that the kernel has and has not sent once.
std::size_t unsent_bytes(int fd);

std::string system_error(int number);

}  // namespace parley::cluster
