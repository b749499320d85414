#include "bench/loadgen/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace loadgen {

void Connection::open(const Endpoint& server, unsigned source, std::string upgrade) {
  fd_ = start_connect(server, source);
  out_ = std::move(upgrade);
  state_ = State::connecting;
  wants_write_ = true;
  loop_.add(fd_, EPOLLOUT, *this);
}

void Connection::close() {
  if (fd_ < 0) return;
  loop_.remove(fd_);
  ::close(fd_);
  fd_ = -1;
  state_ = State::closed;
}

void Connection::fail(std::string_view why) {
  if (fd_ < 0) return;
  close();
  observer_.on_closed(*this, why);
}

void Connection::flush() {
  std::size_t written = 0;
  while (written < out_.size()) {
    const ssize_t sent = send(fd_, out_.data() + written, out_.size() - written, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      return fail(std::strerror(errno));
    }
    written += static_cast<std::size_t>(sent);
  }
  out_.erase(0, written);
  const bool wants_write = !out_.empty();
  if (wants_write != wants_write_) {
    wants_write_ = wants_write;
    loop_.modify(fd_, wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
  }
}

void Connection::on_events(std::uint32_t events) {
  if (fd_ < 0) return;
  if (state_ == State::connecting) {
    if (const int error = connect_result(fd_); error != 0) return fail(std::strerror(error));
    state_ = State::upgrading;
    return flush();
  }
  if ((events & EPOLLOUT) != 0) flush();
  if (fd_ >= 0 && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read_some();
}

void Connection::read_some() {
  static std::vector<char> buffer(256 * 1024);
  const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
  if (size == 0) return fail("the server closed the connection");
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) fail(std::strerror(errno));
    return;
  }
  std::string_view in{buffer.data(), static_cast<std::size_t>(size)};
  const bool joined = !in_.empty();
  std::string whole;
  if (joined) {
    whole = std::move(in_);
    whole.append(in);
    in = whole;
  }
  in_.clear();
  if (state_ == State::upgrading) in = take_upgrade_reply(in);
  if (state_ == State::open) in = take_frames(in);
  if (!in.empty()) in_.assign(in);
}

std::string_view Connection::take_upgrade_reply(std::string_view in) {
  const auto end = in.find("\r\n\r\n");
  if (end == std::string_view::npos) return in;
  if (!in.starts_with("HTTP/1.1 101")) {
    fail(std::string("upgrade refused: ").append(in.substr(0, in.find('\r'))));
    return {};
  }
  state_ = State::open;
  return in.substr(end + 4);
}

std::string_view Connection::take_frames(std::string_view in) {
  while (state_ == State::open) {
    const Frame frame = parse_frame(in);
    if (frame.size == 0) return in;
    in.remove_prefix(frame.size);
    handle(frame);
  }
  return {};
}

void Connection::handle(const Frame& frame) {
  switch (frame.opcode) {
    case Opcode::text:
      return observer_.on_text(*this, frame.payload);
    case Opcode::ping:
      append_frame(out_, Opcode::pong, frame.payload);
      return flush();
    case Opcode::close: {
      std::string why = "close frame";
      if (frame.payload.size() >= 2) {
        const auto high = static_cast<std::uint8_t>(frame.payload[0]);
        const auto low = static_cast<std::uint8_t>(frame.payload[1]);
        why += ' ' + std::to_string(high * 256 + low) + ' ';
        why += frame.payload.substr(2);
      }
      return fail(why);
    }
    default:
      return;
  }
}

}  // namespace loadgen
