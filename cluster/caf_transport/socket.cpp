#include "cluster/caf_transport/socket.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace parley::cluster {
namespace {

struct FreeList {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, FreeList>;

Result<AddressList> look_up(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const auto service = std::to_string(port);
  const int failure = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &list);
  if (failure != 0) return make_error(Errc::io, "\"" + host + "\" is not known: " + ::gai_strerror(failure));
  return AddressList(list);
}

void set(int fd, int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); }

}  // namespace

void OwnedSocket::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::string system_error(int number) { return std::generic_category().message(number); }

Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port, Lookup lookup) {
  auto list = look_up(host, port, lookup == Lookup::numbers_only ? AI_NUMERICHOST : AI_ADDRCONFIG);
  if (!list) return list.error();
  std::vector<SocketAddress> addresses;
  for (const auto* entry = list->get(); entry != nullptr; entry = entry->ai_next) {
    const auto* bytes = reinterpret_cast<const char*>(entry->ai_addr);
    addresses.push_back({{bytes, bytes + entry->ai_addrlen}, entry->ai_family});
  }
  return addresses;
}

Result<OwnedSocket> listen_on(const std::string& host, std::uint16_t port) {
  auto list = look_up(host, port, AI_PASSIVE);
  if (!list) return list.error();
  std::string why = "no address";
  // With IPv6 first, all addresses are one socket.
  for (const int family : {AF_INET6, AF_INET}) {
    for (const auto* entry = list->get(); entry != nullptr; entry = entry->ai_next) {
      if (entry->ai_family != family) continue;
      OwnedSocket socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      if (socket.exists()) {
        set(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        if (family == AF_INET6) set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, host.empty() ? 0 : 1);
        if (::bind(socket.get(), entry->ai_addr, entry->ai_addrlen) == 0 && ::listen(socket.get(), SOMAXCONN) == 0) {
          return socket;
        }
      }
      why = system_error(errno);
    }
  }
  return make_error(Errc::io, "cannot listen for other nodes on " + host + ":" + std::to_string(port) + ": " + why);
}

std::uint16_t local_port(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

std::string remote_address(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  char text[NI_MAXHOST] = "";
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
    ::getnameinfo(reinterpret_cast<sockaddr*>(&address), length, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  }
  return text;
}

void tune(int fd, const LinkLimits& limits) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(limits.silence_max.count()));
  set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(limits.write_bytes_max));
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

std::size_t unsent_bytes(int fd) {
  int bytes = 0;
  return ::ioctl(fd, SIOCOUTQNSD, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace parley::cluster
