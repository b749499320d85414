#pragma once
// What waits for one socket: whole frames, in order, sent with as few system calls as possible.
//
// A frame that many sockets get is held by reference when it is the first or a big one, so that the
// usual case (one small frame a turn) copies nothing; what follows is concatenated. Small and without
// heap memory while empty. Belongs to a connection, on its I/O thread.

#include "core/bytes.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include <sys/uio.h>

namespace parley::net {

class Outbox {
 public:
  static constexpr std::size_t kShareFrom = 16 * 1024;  // from here on sharing beats copying
  static constexpr std::size_t kSealAt = 64 * 1024;     // the tail is closed, so that sent bytes are given back

  void append(std::string_view bytes);
  void append(const Bytes& bytes);
  // Room at the end for a caller that builds its frame in place; tell added() how much came.
  std::string& tail() { return tail_; }
  void added(std::size_t bytes);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // The front of the queue, at most `max` pieces; how many were filled.
  int gather(struct iovec* pieces, int max) const;
  void consume(std::size_t bytes);
  void clear();

  // WebSocket only: drops everything behind the frame that is half on its way.
  void keep_current_frame_only();

 private:
  void seal_tail();
  [[nodiscard]] const std::string& front() const;
  void pop_front();

  // Order of sending: first_, middle_, tail_. `sent_` counts from the start of the front piece.
  Bytes first_;
  std::unique_ptr<std::deque<Bytes>> middle_;
  std::string tail_;
  std::size_t sent_ = 0;
  std::size_t size_ = 0;
};

}  // namespace parley::net
