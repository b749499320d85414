#include "cluster/caf_transport/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

namespace parley::cluster {
namespace {

std::string last_failure(const char* otherwise) {
  char text[256];
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return otherwise;
  ERR_error_string_n(code, text, sizeof text);
  return text;
}
Error config_error(const std::string& what) {
  return make_error(Errc::config_invalid, what + ": " + last_failure("unknown reason"));
}

}  // namespace

void TlsStream::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }
void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

TlsStream::Step TlsStream::what_of(int result) {
  const int system = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return Step::again;
    case SSL_ERROR_ZERO_RETURN:
      failure_ = "closed";
      closed_ = true;
      break;
    case SSL_ERROR_SYSCALL:
      closed_ = system == 0 || system == ECONNRESET || system == EPIPE;
      failure_ = last_failure("closed");
      break;
    default: {
      const auto verified = SSL_get_verify_result(ssl_.get());
      failure_ = verified == X509_V_OK ? last_failure("closed") : X509_verify_cert_error_string(verified);
    }
  }
  ERR_clear_error();
  return Step::failed;
}

TlsStream::Step TlsStream::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? Step::done : what_of(result);
}

TlsStream::Step TlsStream::read(char* to, std::size_t size, std::size_t& count) {
  ERR_clear_error();
  errno = 0;
  const int result = SSL_read_ex(ssl_.get(), to, size, &count);
  if (result == 1) return Step::done;
  count = 0;
  return what_of(result);
}

TlsStream::Step TlsStream::write(const char* from, std::size_t size, std::size_t& count) {
  ERR_clear_error();
  errno = 0;
  const int result = SSL_write_ex(ssl_.get(), from, size, &count);
  if (result == 1) return Step::done;
  count = 0;
  return what_of(result);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files) {
  ERR_clear_error();
  if (files.certificate.empty() || files.key.empty() || files.authority.empty()) {
    return make_error(Errc::config_invalid, "TLS between nodes needs a certificate, its key and an authority");
  }
  SSL_CTX* raw = SSL_CTX_new(TLS_method());
  if (raw == nullptr) return config_error("TLS cannot be set up");
  std::shared_ptr<const TlsContext> context(new TlsContext(raw));
  SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION);
  // What waits may move between two attempts; buffers are given back while a link idles.
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // An end without a farewell is an end: frames tell by themselves whether they are whole.
  SSL_CTX_set_options(raw, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1) {
    return config_error("the certificate " + files.certificate + " cannot be used");
  }
  if (SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return config_error("the key " + files.key + " cannot be used");
  }
  if (SSL_CTX_check_private_key(raw) != 1) {
    return config_error("the key " + files.key + " does not belong to the certificate " + files.certificate);
  }
  if (SSL_CTX_load_verify_file(raw, files.authority.c_str()) != 1) {
    return config_error("the authority " + files.authority + " cannot be used");
  }
  return context;
}

std::unique_ptr<TlsStream> TlsContext::on(int fd, TlsEnd end) const {
  ERR_clear_error();
  auto stream = std::make_unique<TlsStream>(SSL_new(context_.get()));
  auto* ssl = stream->handle();
  if (ssl == nullptr || SSL_set_fd(ssl, fd) != 1) return nullptr;
  end == TlsEnd::dials ? SSL_set_connect_state(ssl) : SSL_set_accept_state(ssl);
  return stream;
}

}  // namespace parley::cluster
