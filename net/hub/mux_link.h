#pragma once
// A link that Beast reads from and writes to beside us: everything goes through the one outbox, so a
// pong or close frame of Beast can never land inside a frame of ours.
//
// MuxStream is what a websocket::stream is built on. A read waits for the socket and fills Beast's
// buffer just before Beast uses it. A write appends all of Beast's bytes to the outbox and completes
// when they were handed to the socket. Memory of the waiting operation is kept for the next one.

#include "net/hub/link.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace parley::net {

// One waiting completion handler of whatever type.
class PendingHandler {
 public:
  PendingHandler() = default;
  PendingHandler(const PendingHandler&) = delete;
  PendingHandler& operator=(const PendingHandler&) = delete;
  ~PendingHandler() { reset(); }

  [[nodiscard]] explicit operator bool() const { return invoke_ != nullptr; }

  template <class Handler>
  void emplace(Handler&& handler) {
    using H = std::decay_t<Handler>;
    static_assert(alignof(H) <= alignof(std::max_align_t));
    reset();
    if (capacity_ < sizeof(H)) {
      block_ = std::make_unique<std::byte[]>(sizeof(H));
      capacity_ = sizeof(H);
    }
    new (block_.get()) H(std::forward<Handler>(handler));
    invoke_ = [](PendingHandler& self, boost::system::error_code error, std::size_t bytes) {
      H* stored = std::launder(reinterpret_cast<H*>(self.block_.get()));
      H taken(std::move(*stored));
      stored->~H();
      self.invoke_ = nullptr;
      taken(error, bytes);
    };
    destroy_ = [](PendingHandler& self) { std::launder(reinterpret_cast<H*>(self.block_.get()))->~H(); };
  }
  void operator()(boost::system::error_code error, std::size_t bytes) { invoke_(*this, error, bytes); }
  void reset() {
    if (invoke_ == nullptr) return;
    invoke_ = nullptr;
    destroy_(*this);
  }

 private:
  std::unique_ptr<std::byte[]> block_;
  std::size_t capacity_ = 0;
  void (*invoke_)(PendingHandler&, boost::system::error_code, std::size_t) = nullptr;
  void (*destroy_)(PendingHandler&) = nullptr;
};

class MuxLink : public Link {
 public:
  MuxLink(Hub& hub, Transport transport, std::string read_already)
      : Link(hub, std::move(transport)), read_already_(std::move(read_already)) {}

  Executor mux_executor() { return executor(); }

  template <class Buffers, class Handler>
  void start_read(const Buffers& buffers, Handler&& handler) {
    read_to_ = first_of(buffers);
    reader_.emplace(std::forward<Handler>(handler));
    if (read_already_.empty()) return wait_readable();
    // The client sent frames together with its request.
    boost::asio::post(executor(), [this, self = shared_from_this()] { give_read_already(); });
  }

  template <class Buffers, class Handler>
  void start_write(const Buffers& buffers, Handler&& handler) {
    const std::size_t before = outbox().size();
    std::size_t bytes = 0;
    if (!muted_ && !gone()) {
      std::string& tail = outbox().tail();
      for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers);
           ++at) {
        const boost::asio::const_buffer part(*at);
        tail.append(static_cast<const char*>(part.data()), part.size());
        bytes += part.size();
      }
      outbox().added(bytes);
      outbox_changed(before);
    } else {
      bytes = boost::asio::buffer_size(buffers);
    }
    writer_.emplace(std::forward<Handler>(handler));
    writer_bytes_ = bytes;
    if (outbox().empty() || gone()) boost::asio::post(executor(), [this, self = shared_from_this()] { on_written(); });
  }

 protected:
  // From here on what Beast writes is dropped: our own close frame was the last.
  void mute() { muted_ = true; }
  // Ends Beast's operations without a word from the peer.
  void fail_pending();

  void on_readable() override;
  void on_written() override;

 private:
  template <class Buffers>
  static boost::asio::mutable_buffer first_of(const Buffers& buffers) {
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers); ++at) {
      const boost::asio::mutable_buffer part(*at);
      if (part.size() > 0) return part;
    }
    return {};
  }
  void give_read_already();

  PendingHandler reader_;
  PendingHandler writer_;
  boost::asio::mutable_buffer read_to_;
  std::size_t writer_bytes_ = 0;
  std::string read_already_;
  bool muted_ = false;
};

class MuxStream {
 public:
  using executor_type = Executor;
  explicit MuxStream(MuxLink& link) : link_(&link) {}
  executor_type get_executor() const noexcept { return link_->mux_executor(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [](auto&& handler, MuxLink* link, const Buffers& to) { link->start_read(to, std::move(handler)); }, token,
        link_, buffers);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [](auto&& handler, MuxLink* link, const Buffers& from) { link->start_write(from, std::move(handler)); }, token,
        link_, buffers);
  }

 private:
  MuxLink* link_;
};

// The link ends its socket itself, after its outbox went out: nothing to do when Beast is done with it.
template <class Handler>
void async_teardown(boost::beast::role_type, MuxStream& stream, Handler&& handler) {
  boost::asio::post(stream.get_executor(),
                    boost::beast::bind_handler(std::forward<Handler>(handler), boost::system::error_code{}));
}
inline void teardown(boost::beast::role_type, MuxStream&, boost::system::error_code&) {}
inline void beast_close_socket(MuxStream&) {}

// For completion handlers of Beast that may run at once, inside the call that started the operation:
// Beast would otherwise go through the loop's queue for frames that it has in its buffer already.
class InlineExecutor {
 public:
  explicit InlineExecutor(Executor inner) : inner_(inner) {}
  boost::asio::execution_context& context() const noexcept { return inner_.context(); }
  void on_work_started() const noexcept {}
  void on_work_finished() const noexcept {}
  template <class F, class A>
  void dispatch(F&& f, const A&) const {
    std::forward<F>(f)();
  }
  template <class F, class A>
  void post(F&& f, const A&) const {
    std::forward<F>(f)();
  }
  template <class F, class A>
  void defer(F&& f, const A&) const {
    std::forward<F>(f)();
  }
  bool operator==(const InlineExecutor& other) const noexcept { return inner_ == other.inner_; }
  bool operator!=(const InlineExecutor& other) const noexcept { return !(*this == other); }

 private:
  Executor inner_;
};

}  // namespace parley::net
