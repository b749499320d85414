#include "bench/loadgen/webhook_receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "bench/loadgen/clock.h"
#include "bench/loadgen/text.h"

namespace loadgen {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

// Short texts to a socket whose peer waits for them: they always fit.
void write_all(int fd, std::string_view text) {
  if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) fail("answer a webhook");
}

}  // namespace

class WebhookReceiver::Caller final : public Pollable {
 public:
  Caller(WebhookReceiver& owner, std::uint64_t number, int fd) : owner_(owner), number_(number), fd_(fd) {
    owner_.loop_.add(fd_, EPOLLIN, *this);
  }
  ~Caller() override { shut(); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  std::uint64_t number() const { return number_; }

  void answer() {
    if (fd_ >= 0) write_all(fd_, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }

  void on_events(std::uint32_t) override {
    if (fd_ < 0) return;
    static std::vector<char> buffer(512 * 1024);
    const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return shut();
    in_.append(buffer.data(), static_cast<std::size_t>(size));
    take_requests();
  }

 private:
  void take_requests() {
    for (;;) {
      const auto head_end = in_.find("\r\n\r\n");
      if (head_end == std::string::npos) return;
      const std::string_view head = std::string_view(in_).substr(0, head_end + 2);
      const auto length = value_after(head, "Content-Length:");
      std::size_t body_bytes = 0;
      std::from_chars(length.data(), length.data() + length.size(), body_bytes);
      if (body_bytes == 0) throw std::runtime_error("a webhook without a body: " + std::string(head));
      if (!continued_ && contains(head, "100-continue")) {
        continued_ = true;
        write_all(fd_, "HTTP/1.1 100 Continue\r\n\r\n");
      }
      if (in_.size() < head_end + 4 + body_bytes) return;
      continued_ = false;
      owner_.took(*this, std::string_view(in_).substr(head_end + 4, body_bytes));
      in_.erase(0, head_end + 4 + body_bytes);
    }
  }

  // The object stays until the receiver goes down: the loop may still hold an event for it.
  void shut() {
    if (fd_ < 0) return;
    owner_.loop_.remove(fd_);
    close(fd_);
    fd_ = -1;
  }

  WebhookReceiver& owner_;
  std::uint64_t number_;
  int fd_;
  bool continued_ = false;
  std::string in_;
};

WebhookReceiver::WebhookReceiver(Loop& loop, Sink& sink, std::uint16_t port, std::int64_t answer_after_ns)
    : loop_(loop), sink_(sink), port_(port), answer_after_ns_(answer_after_ns) {
  go_up();
}

WebhookReceiver::~WebhookReceiver() { go_down(); }

void WebhookReceiver::go_up() {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("socket");
  const int on = 1;
  setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd_, 64) != 0) {
    fail("listen for webhooks");
  }
  loop_.add(fd_, EPOLLIN, *this);
}

void WebhookReceiver::go_down() {
  if (fd_ < 0) return;
  loop_.remove(fd_);
  close(fd_);
  fd_ = -1;
  answers_.clear();
  callers_.clear();
}

void WebhookReceiver::on_events(std::uint32_t) {
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto number = next_caller_++;
  callers_.emplace(number, std::make_unique<Caller>(*this, number, fd));
}

void WebhookReceiver::took(Caller& caller, std::string_view body) {
  ++requests_;
  answers_.emplace_back(now_ns() + answer_after_ns_, caller.number());
  constexpr std::string_view event_head = R"({"name":)";
  for (auto at = body.find(event_head); at != std::string_view::npos;) {
    const auto next = body.find(event_head, at + event_head.size());
    const auto event = body.substr(at, next == std::string_view::npos ? next : next - at);
    sink_.on_user_event({.name = value_after(event, R"("name":)"),
                         .user_id = value_after(event, R"("user_id":)"),
                         .id = value_after(event, R"("id":)")});
    at = next;
  }
}

void WebhookReceiver::answer(std::int64_t now) {
  while (!answers_.empty() && answers_.front().first <= now) {
    const auto found = callers_.find(answers_.front().second);
    if (found != callers_.end()) found->second->answer();
    answers_.pop_front();
  }
}

}  // namespace loadgen
