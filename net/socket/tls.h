#pragma once
// A certificate and its key, ready for handshakes; and one connection's TLS over a socket it does not
// own. Server side, TLS 1.2 and 1.3. TlsContext is immutable and shared; a reload makes a new one.

#include "core/result.h"

#include <cstddef>
#include <memory>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace parley::net {

struct SslContextFree {
  void operator()(ssl_ctx_st* context) const;
};
struct SslFree {
  void operator()(ssl_st* ssl) const;
};
using SslPtr = std::unique_ptr<ssl_st, SslFree>;

class TlsContext {
 public:
  // PEM files; the certificate's file may hold its chain.
  static Result<std::shared_ptr<const TlsContext>> load(const std::string& certificate_file,
                                                        const std::string& key_file);
  [[nodiscard]] SslPtr accept_on(int fd) const;

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  std::unique_ptr<ssl_ctx_st, SslContextFree> context_;
};

}  // namespace parley::net
