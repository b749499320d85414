#include "net/hub/link.h"

#include "core/check.h"

#include <boost/asio/post.hpp>

namespace parley::net {

namespace {
constexpr int kPieces = 16;
constexpr std::size_t kLingerBytesMax = 64 * 1024 * 1024;
}  // namespace

Link::Link(Hub& hub, Transport transport) : hub_(hub), transport_(std::move(transport)) {}

Link::~Link() {
  if (!outbox_.empty()) hub_.queue_grew(-static_cast<std::int64_t>(outbox_.size()));
}

// ---- writing ----

void Link::mark_dirty() {
  if (dirty_ || waiting_write_) return;
  dirty_ = true;
  hub_.mark_dirty(*this);
}

void Link::write(std::string_view bytes) {
  if (gone() || bytes.empty()) return;
  outbox_.append(bytes);
  hub_.queue_grew(static_cast<std::int64_t>(bytes.size()));
  mark_dirty();
}

void Link::write(const Bytes& bytes) {
  if (gone() || bytes->empty()) return;
  outbox_.append(bytes);
  hub_.queue_grew(static_cast<std::int64_t>(bytes->size()));
  mark_dirty();
}

void Link::outbox_changed(std::size_t size_before) {
  hub_.queue_grew(static_cast<std::int64_t>(outbox_.size()) - static_cast<std::int64_t>(size_before));
  if (!outbox_.empty()) mark_dirty();
}

void Link::flush() {
  dirty_ = false;
  if (gone() || waiting_write_) return;
  while (!outbox_.empty()) {
    struct iovec pieces[kPieces];
    const auto before = outbox_.size();
    const int count = outbox_.gather(pieces, kPieces);
    if (outbox_.size() != before) hub_.queue_grew(static_cast<std::int64_t>(outbox_.size() - before));
    if (count == 0) break;
    std::size_t asked = 0;
    for (int i = 0; i < count; ++i) asked += pieces[i].iov_len;
    const IoResult result = transport_.write(pieces, count);
    if (result.state == IoResult::State::ended || result.state == IoResult::State::failed) return lost();
    if (result.state == IoResult::State::done) {
      outbox_.consume(result.bytes);
      hub_.queue_grew(-static_cast<std::int64_t>(result.bytes));
      hub_.counts().bytes_sent += result.bytes;
      if (result.bytes == asked || transport_.tls()) continue;
    }
    waiting_write_ = true;
    transport_.wait(result.state == IoResult::State::blocked ? result.wait : WaitFor::write,
                    [self = shared_from_this()](boost::system::error_code) {
                      self->waiting_write_ = false;
                      self->flush();
                    });
    give_room();
    return;
  }
  if (state_ == State::flushing) return linger();
  on_written();
  give_room();
}

void Link::ask_room() {
  if (state_ != State::open) return;
  room_asked_ = true;
  mark_dirty();
}

void Link::give_room() {
  if (!room_asked_ || state_ != State::open || outbox_.size() > kRoomBytes) return;
  room_asked_ = false;
  on_room();
}

// ---- reading ----

void Link::wait_readable() {
  if (gone() || waiting_read_) return;
  if (transport_.has_buffered()) {
    waiting_read_ = true;
    boost::asio::post(executor(), [self = shared_from_this()] { self->readable(); });
    return;
  }
  wait_again(WaitFor::read);
}

void Link::wait_again(WaitFor what) {
  if (gone() || waiting_read_) return;
  waiting_read_ = true;
  transport_.wait(what, [self = shared_from_this()](boost::system::error_code) { self->readable(); });
}

void Link::readable() {
  waiting_read_ = false;
  if (gone()) return;
  if (state_ == State::lingering || state_ == State::flushing) return drop_incoming();
  on_readable();
}

IoResult Link::read(char* to, std::size_t size) {
  const IoResult result = transport_.read(to, size);
  if (result.state == IoResult::State::done) hub_.counts().bytes_received += result.bytes;
  return result;
}

// ---- the end ----

void Link::finish(Ending ending) {
  if (state_ != State::open) return;
  ending_ = ending;
  state_ = State::flushing;
  finish_by_ = hub_.now() + hub_.world().closing_timeout;
  schedule(finish_by_);
  if (outbox_.empty()) return linger();
  wait_readable();
}

void Link::linger() {
  if (state_ != State::flushing) return;
  state_ = State::lingering;
  transport_.shutdown_write();
  if (ending_ == Ending::at_once) return leave();
  drop_incoming();
}

void Link::drop_incoming() {
  // Closing with unread bytes would reset the connection and may take our last words with it.
  const auto scratch = hub_.scratch();
  for (int i = 0; i < 16; ++i) {
    const IoResult result = read(scratch.data(), scratch.size());
    if (result.state == IoResult::State::blocked) return wait_again(result.wait);
    if (result.state != IoResult::State::done) {
      if (state_ == State::lingering) return leave();
      // The peer will not send more, but may still read what we owe it.
      if (result.state == IoResult::State::failed) leave();
      return;
    }
  }
  wait_readable();
}

void Link::lost() {
  if (gone()) return;
  const bool tell = state_ == State::open;
  leave();
  if (tell) on_lost();
}

void Link::abort() { lost(); }

void Link::leave() {
  if (gone()) return;
  state_ = State::gone;
  hub_.queue_grew(-static_cast<std::int64_t>(outbox_.size()));
  outbox_.clear();
  hub_.timers().cancel(*this);
  transport_.close();
  hub_.remove_link(*this);
}

Transport Link::release_transport() {
  CHECK(outbox_.empty() && !waiting_read_ && !waiting_write_);
  state_ = State::gone;
  hub_.timers().cancel(*this);
  hub_.remove_link(*this);
  return std::move(transport_);
}

MonoTime Link::on_timer(MonoTime now) {
  if (gone()) return MonoTime::max();
  if (state_ == State::open) return on_deadline(now);
  if (now < finish_by_) return finish_by_;
  leave();
  return MonoTime::max();
}

}  // namespace parley::net
