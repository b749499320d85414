#pragma once
// Real nodes on loopback for tests of the transport, and one that is played by hand: a socket that says what a test
// wants.

#include "cluster/caf_transport/caf_transport.h"
#include "cluster/caf_transport/framing.h"
#include "cluster/caf_transport/socket.h"
#include "schemas/peer/hello.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include <poll.h>
#include <sys/socket.h>

namespace parley::cluster::test {

constexpr seconds kPatience{20};

inline NodeAddress address_of(std::uint64_t node, std::uint64_t incarnation = 1) {
  return {NodeId{node}, Incarnation{incarnation}};
}

inline CafTransportConfig config_of(NodeAddress self) {
  CafTransportConfig config;
  config.self = self;
  config.name = fmt::format("node-{}", self.node.value);
  config.listen_host = "127.0.0.1";
  return config;
}

class Node final : public PeerListener {
 public:
  explicit Node(CafTransportConfig config) : self(config.self) {
    auto opened = CafTransport::open(std::move(config), clock, random, metrics);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    transport = std::move(*opened);
    transport->start(*this);
  }
  explicit Node(NodeAddress address) : Node(config_of(address)) {}
  ~Node() override { transport->stop(); }

  void on_peer_up(const NodeAddress& peer) override {
    note(fmt::format("up {}.{}", peer.node.value, peer.incarnation.value), [&] { up_.insert(peer); });
  }
  void on_peer_down(const NodeAddress& peer) override {
    note(fmt::format("down {}.{}", peer.node.value, peer.incarnation.value), [&] { up_.erase(peer); });
  }
  void on_peer_closed(const NodeAddress& peer) override {
    const std::lock_guard lock(mutex_);
    check_thread();
    EXPECT_TRUE(up_.contains(peer)) << "before the peer is told down";
    closed_.insert(peer);
  }
  void on_peer_refused(const std::string& why) override {
    const std::lock_guard lock(mutex_);
    check_thread();
    refused_.push_back(why);
    changed_.notify_all();
  }
  void on_message(const NodeAddress& from, std::string bytes) override {
    if (bytes == "stand still") ::poll(nullptr, 0, static_cast<int>(stands_still.count()));
    const std::lock_guard lock(mutex_);
    check_thread();
    EXPECT_TRUE(up_.contains(from)) << "a message between its peer's up and down";
    received_bytes_ += bytes.size();
    if (keep_) messages_.push_back(std::move(bytes));
    changed_.notify_all();
  }

  [[nodiscard]] PeerPlace place(NodeId node) const { return {node, "127.0.0.1", transport->port()}; }
  [[nodiscard]] PeerPlace place() const { return place(self.node); }
  [[nodiscard]] PeerPlace seed() const { return place(NodeId{0}); }

  bool wait_for(const std::function<bool()>& holds, milliseconds at_most = kPatience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, at_most, holds);
  }
  bool is_up(const NodeAddress& peer) {
    return wait_for([&] { return up_.contains(peer); });
  }
  bool was_closed(const NodeAddress& peer) {
    const std::lock_guard lock(mutex_);
    return closed_.contains(peer);
  }
  std::string first_refused() {
    wait_for([&] { return !refused_.empty(); });
    const std::lock_guard lock(mutex_);
    return refused_.empty() ? "" : refused_.front();
  }
  bool is_down(const NodeAddress& peer) {
    return wait_for([&] { return !up_.contains(peer); });
  }
  bool has_messages(std::size_t count) {
    return wait_for([&] { return messages_.size() >= count; }, seconds(60));
  }
  bool has_bytes(std::size_t count) {
    return wait_for([&] { return received_bytes_ >= count; }, seconds(60));
  }
  std::vector<std::string> log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  std::deque<std::string> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  void keep_messages(bool keep) { keep_ = keep; }

  // Until it is so, and a little at a time: what is counted tells nobody when it changes.
  template <class Holds>
  static bool poll_until(Holds holds, milliseconds at_most = kPatience) {
    const SystemClock clock;
    const auto until = clock.now() + at_most;
    while (!holds()) {
      if (clock.now() > until) return false;
      ::poll(nullptr, 0, 1);
    }
    return true;
  }
  double refused(std::string_view reason) { return metrics.peer_hellos_refused(reason).value(); }
  double cut(std::string_view reason) { return metrics.peer_links_cut(reason).value(); }

  const NodeAddress self;
  milliseconds stands_still{0};  // its thread, on a message that says so: as a process that is stopped
  SystemClock clock;
  OsRandom random;
  Metrics metrics;
  std::unique_ptr<CafTransport> transport;

 private:
  void note(std::string what, const std::function<void()>& change) {
    const std::lock_guard lock(mutex_);
    check_thread();
    change();
    log_.push_back(std::move(what));
    changed_.notify_all();
  }
  void check_thread() {
    if (thread_ == std::thread::id()) thread_ = std::this_thread::get_id();
    EXPECT_EQ(thread_, std::this_thread::get_id()) << "the listener is told on one thread";
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread::id thread_;
  std::set<NodeAddress> up_;
  std::set<NodeAddress> closed_;
  std::vector<std::string> refused_;
  std::vector<std::string> log_;
  std::deque<std::string> messages_;
  std::size_t received_bytes_ = 0;
  std::atomic<bool> keep_{true};
};

// Both know of each other; up at both.
inline void link(Node& a, Node& b) {
  a.transport->dial({b.place()});
  b.transport->dial({a.place()});
  ASSERT_TRUE(a.is_up(b.self));
  ASSERT_TRUE(b.is_up(a.self));
}

// What answers a test at a socket, frame by frame.
class RawEnd final : FrameSink {
 public:
  explicit RawEnd(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto addresses = resolve("127.0.0.1", port, Lookup::numbers_only);
    const auto& to = addresses->front().bytes;
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(to.data()), static_cast<socklen_t>(to.size())),
              0);
  }
  explicit RawEnd(OwnedSocket socket) : socket_(std::move(socket)) {}

  // Whether all of it went out: the other end may have hung up.
  bool say(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  bool say(FrameKind kind, std::string_view payload, std::uint8_t flags = 0) {
    std::string frame;
    append_frame(frame, kind, payload, flags);
    return say(frame);
  }
  bool say_hello(const schemas::Hello& hello) { return say(FrameKind::hello, schemas::encode_hello(hello)); }

  struct Frame {
    FrameKind kind;
    std::string payload;
  };
  // The next frame; none: the end of the connection, or nothing came in time.
  std::optional<Frame> hear() {
    while (frames_.empty()) {
      char buffer[65'536];
      pollfd one{socket_.get(), POLLIN, 0};
      if (::poll(&one, 1, static_cast<int>(milliseconds(kPatience).count())) <= 0) return std::nullopt;
      const auto got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      if (got <= 0) return std::nullopt;
      EXPECT_TRUE(framing_.feed({buffer, static_cast<std::size_t>(got)}, *this).ok());
    }
    auto frame = std::move(frames_.front());
    frames_.pop_front();
    return frame;
  }
  // Reads to the end of the connection. False: it does not end.
  bool hears_the_end() {
    while (hear()) {}
    char byte = 0;
    const auto got = ::recv(socket_.get(), &byte, 1, MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN);
  }
  std::string refusal() {
    while (auto frame = hear()) {
      if (frame->kind != FrameKind::refusal) continue;
      const auto read = schemas::decode_refusal(frame->payload);
      return read.ok() ? read->reason : "unreadable";
    }
    return "none";
  }
  // As the node `self`, until the link is up at the other end.
  bool introduce(const NodeAddress& self, std::uint64_t other) {
    schemas::Hello hello;
    hello.name = "by hand";
    hello.node = self;
    if (!say_hello(hello)) return false;
    auto answer = hear();
    if (!answer || answer->kind != FrameKind::hello) return false;
    if (self.node.value < other) {
      framing_.introduced();
      return say(FrameKind::accept, {});
    }
    answer = hear();
    return answer && answer->kind == FrameKind::accept;
  }

 private:
  bool on_frame(FrameKind kind, std::string_view payload) override {
    frames_.push_back({kind, std::string(payload)});
    if (kind == FrameKind::accept) framing_.introduced();
    return true;
  }
  bool on_message(Lane lane, std::string message) override {
    frames_.push_back({lane == Lane::ahead ? FrameKind::ahead : FrameKind::work, std::move(message)});
    return true;
  }

  OwnedSocket socket_;
  Framing framing_{LinkLimits{}};
  std::deque<Frame> frames_;
};

}  // namespace parley::cluster::test
