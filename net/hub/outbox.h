#pragma once
// What waits for one socket: whole frames, in order, sent with as few system calls as possible.
//
// A frame that many sockets get is held by reference when it is the first or a big one, so that the
// usual case (one small frame a turn) copies nothing; what follows is concatenated. A long frame is made
// piece by piece when its turn comes, so that it costs a slow reader no memory. Small and without
// heap memory while empty. Belongs to a connection, on its I/O thread.

#include "core/bytes.h"
#include "net/protocol.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include <sys/uio.h>

namespace parley::net {

class Outbox {
 public:
  static constexpr std::size_t kShareFrom = 16 * 1024;   // from here on sharing beats copying
  static constexpr std::size_t kSealAt = 64 * 1024;      // the tail is closed, so that sent bytes are given back
  static constexpr std::size_t kPieceBytes = 64 * 1024;  // of a long frame, made at a time

  void append(std::string_view bytes);
  void append(const Bytes& bytes);
  // A frame: its header, and the text that is made when the frames before it are out.
  void append(std::string header, std::unique_ptr<TextSource> text);
  // Room at the end for a caller that builds its frame in place; tell added() how much came.
  std::string& tail() { return tail_; }
  void added(std::size_t bytes);

  [[nodiscard]] std::size_t size() const { return size_; }  // in memory: of long frames what is made
  [[nodiscard]] bool empty() const { return size_ == 0 && long_frames_ == 0; }

  // The front of the queue, at most `max` pieces; how many were filled. May make the next piece of a long frame.
  int gather(struct iovec* pieces, int max);
  void consume(std::size_t bytes);
  void clear();

  // WebSocket only: drops everything behind the frame that is half on its way. False: that is a long one.
  bool keep_current_frame_only();

 private:
  struct Piece {
    Bytes bytes;  // or a long frame: its header and its text
    std::string header;
    std::unique_ptr<TextSource> text;
  };
  void seal_tail();
  void push(Piece piece);
  void make_piece();
  [[nodiscard]] const std::string* front() const;  // null: nothing, or a long frame whose next piece is not made
  void pop_front();

  // Order of sending: first_, the rest of making_, middle_, tail_. `sent_` counts from the start of the front piece.
  Bytes first_;
  std::unique_ptr<TextSource> making_;  // the long frame that is on its way
  std::unique_ptr<std::deque<Piece>> middle_;
  std::string tail_;
  std::size_t sent_ = 0;
  std::size_t size_ = 0;
  std::uint32_t long_frames_ = 0;  // not made to their end
  bool first_is_part_ = false;     // of a long frame
};

}  // namespace parley::net
