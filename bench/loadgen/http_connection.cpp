#include "bench/loadgen/http_connection.h"

#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace loadgen {
namespace {

// The value of a header, whatever the case of its name; empty when it is not there.
std::string_view header(std::string_view head, std::string_view name) {
  for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
    at += 2;
    const auto line = head.substr(at, head.find("\r\n", at) - at);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    const auto first = line.find_first_not_of(' ', name.size() + 1);
    return first == std::string_view::npos ? std::string_view{} : line.substr(first);
  }
  return {};
}

std::size_t content_length(std::string_view head) {
  const auto value = header(head, "Content-Length");
  if (value.empty()) throw std::runtime_error("no Content-Length in: " + std::string(head));
  std::size_t size = 0;
  std::from_chars(value.data(), value.data() + value.size(), size);
  return size;
}

}  // namespace

HttpConnection::HttpConnection(Loop& loop, Observer& observer, const Endpoint& server, unsigned source)
    : loop_(loop), observer_(observer), server_(server), source_(source) {
  open();
}

HttpConnection::~HttpConnection() { shut(); }

void HttpConnection::open() {
  fd_ = start_connect(server_, source_);
  connected_ = false;
  loop_.add(fd_, EPOLLOUT, *this);
}

void HttpConnection::shut() {
  loop_.remove(fd_);
  close(fd_);
}

void HttpConnection::send(std::string request) {
  out_ = std::move(request);
  if (connected_) flush();
}

// A request is far smaller than a socket buffer and the one before it was answered: it always fits.
void HttpConnection::flush() {
  if (out_.empty()) return;
  const ssize_t sent = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(out_.size())) throw std::runtime_error("short HTTP write");
  out_.clear();
}

void HttpConnection::on_events(std::uint32_t) {
  if (!connected_) {
    if (const int error = connect_result(fd_); error != 0) {
      throw std::system_error(error, std::generic_category(), "connect");
    }
    connected_ = true;
    loop_.modify(fd_, EPOLLIN, *this);
    return flush();
  }
  char buffer[16 * 1024];
  const ssize_t size = recv(fd_, buffer, sizeof buffer, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) throw std::runtime_error("the server closed a keep-alive connection");
  in_.append(buffer, static_cast<std::size_t>(size));
  take_response();
}

void HttpConnection::take_response() {
  const auto head_end = in_.find("\r\n\r\n");
  if (head_end == std::string::npos) return;
  const std::string_view whole = in_;
  const auto head = whole.substr(0, head_end + 2);
  const std::size_t body_bytes = content_length(head);
  if (in_.size() < head_end + 4 + body_bytes) return;
  int status = 0;
  const auto space = whole.find(' ');
  std::from_chars(whole.data() + space + 1, whole.data() + whole.size(), status);
  const std::string body{whole.substr(head_end + 4, body_bytes)};
  const bool last = header(head, "Connection").starts_with("close");
  in_.erase(0, head_end + 4 + body_bytes);
  if (last) {
    shut();
    open();
  }
  observer_.on_response(*this, status, body);
}

}  // namespace loadgen
