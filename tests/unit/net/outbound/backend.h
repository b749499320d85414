#pragma once
// An HTTP server of few lines, so that calls meet real sockets that behave as a test likes.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace parley::net::test {

// A thread for each connection, on which `handle` does what it likes.
class Backend {
 public:
  class Connection {
   public:
    explicit Connection(int fd) : fd_(fd) {}
    // Head and body; empty: the peer is gone.
    std::string read_request() {
      std::string request;
      std::swap(request, rest_);
      std::size_t end = std::string::npos;
      while (true) {
        const auto head = request.find("\r\n\r\n");
        if (head != std::string::npos && end == std::string::npos) {
          const auto length = request.find("Content-Length: ");
          end = head + 4 + (length < head ? std::strtoul(request.c_str() + length + 16, nullptr, 10) : 0);
        }
        if (request.size() >= end) break;
        char buffer[65'536];
        const auto got = ::recv(fd_, buffer, sizeof(buffer), 0);
        if (got <= 0) return {};
        request.append(buffer, static_cast<std::size_t>(got));
      }
      rest_ = request.substr(end);
      request.resize(end);
      return request;
    }
    // False: the peer is gone.
    bool write(std::string_view bytes) {
      while (!bytes.empty()) {
        const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }
    bool respond(int status, std::string_view body, std::string_view headers = {}) {
      return write(fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers, body));
    }
    // Returns when the peer closed or the backend stops.
    void wait_for_end() {
      char byte = 0;
      while (::recv(fd_, &byte, 1, 0) > 0) {}
    }

   private:
    int fd_;
    std::string rest_;
  };
  // Called for each request; false closes the connection.
  using Handle = std::function<bool(Connection&, const std::string& request)>;

  explicit Backend(Handle handle) : handle_(std::move(handle)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_, 128), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~Backend() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : fds_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : threads_) thread.join();
    for (const int fd : fds_) ::close(fd);
    ::close(listener_);
  }

  [[nodiscard]] std::string url(std::string_view target = "/hook") const {
    return fmt::format("http://127.0.0.1:{}{}", port_, target);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  std::atomic<int> connections{0};

 private:
  void accept_all() {
    while (true) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      ++connections;
      const std::lock_guard lock(mutex_);
      fds_.push_back(fd);
      threads_.emplace_back([this, fd] {
        Connection connection(fd);
        for (auto request = connection.read_request(); !request.empty(); request = connection.read_request()) {
          if (!handle_(connection, request)) break;
        }
        ::shutdown(fd, SHUT_RDWR);  // closed with the backend, so that the number is not given to another
      });
    }
  }

  Handle handle_;
  int listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;  // guards the two below
  std::vector<int> fds_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace parley::net::test
