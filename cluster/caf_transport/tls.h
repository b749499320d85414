#pragma once
// TLS between nodes: both ends show a certificate of the one authority, and whoever has none is refused. TLS 1.3 only:
// all ends are ours. The context is made once, when the node starts, and shared; immutable. Any certificate of the
// authority is a node of the cluster: it is to be an authority of its own.

#include "core/result.h"

#include <cstddef>
#include <memory>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace parley::cluster {

struct TlsFiles {           // PEM. All or none of them
  std::string certificate;  // may hold its chain
  std::string key;
  std::string authority;
  [[nodiscard]] bool none() const { return certificate.empty() && key.empty() && authority.empty(); }
};

enum class TlsEnd { dials, listens };

// One connection's TLS over a socket that it does not own. Its bytes are read and written without blocking. Each call
// leaves OpenSSL's queue of errors, which all connections of a thread share, as it is at the start of the next: empty.
class TlsStream {
 public:
  enum class Step { done, again, failed };
  explicit TlsStream(ssl_st* ssl) : ssl_(ssl) {}

  Step shake_hands();
  // `again` with 0 bytes, `failed` at the end of the connection too.
  Step read(char* to, std::size_t size, std::size_t& count);
  Step write(const char* from, std::size_t size, std::size_t& count);
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] bool closed_by_peer() const { return closed_; }  // that was the failure
  [[nodiscard]] ssl_st* handle() const { return ssl_.get(); }

 private:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  Step what_of(int result);
  std::unique_ptr<ssl_st, Free> ssl_;
  std::string failure_;
  bool closed_ = false;
};

class TlsContext {
 public:
  static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);
  [[nodiscard]] std::unique_ptr<TlsStream> on(int fd, TlsEnd end) const;  // null: there is no memory

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

}  // namespace parley::cluster
