#include "cluster/caf_transport/wire.h"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace parley::cluster {
namespace {

namespace network = caf::io::network;

constexpr std::size_t kReadBytes = 65'536;  // a TLS record fits: OpenSSL keeps nothing back that no event tells of
constexpr int kReadsPerTurn = 16;

}  // namespace

Wire::Wire(network::default_multiplexer& loop, OwnedSocket socket, std::unique_ptr<TlsStream> tls,
           std::size_t unsent_max, WireOwner& owner)
    : event_handler(loop, socket.release()),
      owner_(&owner),
      unsent_max_(unsent_max),
      tls_(std::move(tls)),
      shaking_(tls_ != nullptr) {}

void Wire::begin() {
  state_.reading = true;
  activate();
  shaking_ ? shake_hands() : owner_->on_open();
}

void Wire::watch_writing(bool on) {
  if (writing_ == on) return;
  writing_ = on;
  if (on) {
    backend().add(network::operation::write, fd(), this);
  } else {
    backend().del(network::operation::write, fd(), this);
  }
}

void Wire::close() {
  if (owner_ == nullptr) return;
  owner_ = nullptr;
  ::shutdown(fd(), SHUT_RDWR);
  passivate();
  watch_writing(false);
}

void Wire::note_system_error() {
  by_peer_ = errno == ECONNRESET || errno == EPIPE;
  failure_ = system_error(errno);
}

void Wire::end(std::string why) {
  failure_ = std::move(why);
  if (owner_ != nullptr) owner_->on_end(failure_, by_peer_);
}

void Wire::end_writing() {
  if (owner_ != nullptr) ::shutdown(fd(), SHUT_WR);
}

void Wire::handle_event(network::operation op) {
  if (owner_ == nullptr) return;
  if (broken_) return end(failure_);
  switch (op) {
    case network::operation::read:
      return shaking_ ? shake_hands() : read();
    case network::operation::write:
      return shaking_ ? shake_hands() : write();
    case network::operation::propagate_error:
      return end("the connection broke");
  }
}

void Wire::shake_hands() {
  switch (tls_->shake_hands()) {
    case TlsStream::Step::again:
      return;  // its few bytes have room in the kernel: it is always the other end that is waited for
    case TlsStream::Step::failed:
      return end("TLS: " + tls_->failure());
    case TlsStream::Step::done:
      shaking_ = false;
      owner_->on_open();
      if (owner_ != nullptr) read();
  }
}

void Wire::read() {
  static thread_local std::array<char, kReadBytes> buffer;
  for (int i = 0; i < kReadsPerTurn && owner_ != nullptr; ++i) {
    std::size_t count = 0;
    if (tls_) {
      const auto step = tls_->read(buffer.data(), buffer.size(), count);
      if (step == TlsStream::Step::again) return;
      if (step == TlsStream::Step::failed) {
        by_peer_ = tls_->closed_by_peer();
        return end("TLS: " + tls_->failure());
      }
    } else {
      const auto got = ::recv(fd(), buffer.data(), buffer.size(), 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (got <= 0) {
        note_system_error();
        if (got == 0) by_peer_ = true;
        return end(got == 0 ? "closed by the other end" : failure_);
      }
      count = static_cast<std::size_t>(got);
    }
    owner_->on_bytes({buffer.data(), count});
    if (!tls_ && count < buffer.size()) return;
  }
}

bool Wire::write_some() {
  const char* from = out_.data() + written_;
  const auto size = out_.size() - written_;
  std::size_t count = 0;
  if (tls_) {
    if (tls_->write(from, size, count) == TlsStream::Step::failed) {
      failure_ = "TLS: " + tls_->failure();
      by_peer_ = tls_->closed_by_peer();
      return false;
    }
  } else {
    const auto sent = ::send(fd(), from, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      note_system_error();
      return false;
    }
    count = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }
  written_ += count;
  owner_->on_written(count);
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
  } else if (written_ >= kReadBytes && written_ >= out_.size() / 2) {
    out_.erase(0, written_);
    written_ = 0;
  }
  return true;
}

void Wire::flush() {
  if (owner_ == nullptr || shaking_ || broken_ || out_.empty() || writing_) return;
  std::size_t before = 0;
  while (!out_.empty() && out_.size() - written_ != before && unsent_bytes(fd()) <= unsent_max_) {
    before = out_.size() - written_;
    if (write_some()) continue;
    broken_ = true;  // told by the multiplexer, which finds such a socket ready at once: nobody is surprised
    break;
  }
  watch_writing(broken_ || !out_.empty());
}

void Wire::go_on() {
  if (owner_ != nullptr && !broken_) watch_writing(true);
}

// The multiplexer says so when little of what was written before is still unsent: no more than one filling at a time.
void Wire::write() {
  if (out_.empty()) owner_->on_room();
  if (owner_ == nullptr) return;
  if (out_.empty()) return watch_writing(false);
  std::size_t before = 0;
  while (!out_.empty() && out_.size() - written_ != before) {
    before = out_.size() - written_;
    if (!write_some()) return end(failure_);
  }
}

}  // namespace parley::cluster
