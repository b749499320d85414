#pragma once
// A blocking connection with deadlines, plain or TLS, for our own commands and tests. Not for servers.

#include "core/clock.h"
#include "core/result.h"
#include "net/socket/tls.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace parley::net {

struct Url {
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;
  std::string target = "/";  // path and query
};
Result<Url> parse_url(std::string_view text);  // http, https, ws, wss

struct ClientOptions {
  milliseconds timeout{10'000};  // of connecting, and of each call
  bool verify_certificate = true;
  std::string ca_file;  // empty: the system's
};

class ClientSocket {
 public:
  static Result<ClientSocket> connect(const Url& url, const ClientOptions& options);
  ClientSocket(ClientSocket&& other) noexcept;
  ClientSocket& operator=(ClientSocket&& other) noexcept;
  ~ClientSocket();

  Status write_all(std::string_view bytes, milliseconds timeout);
  // At least one byte; empty: the peer closed. Errc::timeout when nothing came.
  Result<std::string> read_some(milliseconds timeout);
  [[nodiscard]] int fd() const { return fd_; }

 private:
  explicit ClientSocket(int fd) : fd_(fd) {}
  Status wait(short events, MonoTime until) const;

  int fd_ = -1;
  std::unique_ptr<ssl_ctx_st, SslContextFree> context_;
  SslPtr ssl_;
};

}  // namespace parley::net
