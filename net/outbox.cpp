#include "net/outbox.h"

#include "core/check.h"
#include "net/websocket_frame.h"

namespace parley::net {

void Outbox::append(std::string_view bytes) {
  tail_.append(bytes);
  added(bytes.size());
}

void Outbox::added(std::size_t bytes) {
  size_ += bytes;
  if (tail_.size() >= kSealAt) seal_tail();
}

void Outbox::append(const Bytes& bytes) {
  if (bytes->empty()) return;
  if (size_ == 0) {
    first_ = bytes;
    size_ = bytes->size();
    return;
  }
  if (bytes->size() < kShareFrom) return append(std::string_view(*bytes));
  seal_tail();
  if (!middle_) middle_ = std::make_unique<std::deque<Bytes>>();
  middle_->push_back(bytes);
  size_ += bytes->size();
}

void Outbox::seal_tail() {
  if (tail_.empty()) return;
  if (!middle_) middle_ = std::make_unique<std::deque<Bytes>>();
  middle_->push_back(make_bytes(std::move(tail_)));
  tail_ = std::string();
}

int Outbox::gather(struct iovec* pieces, int max) const {
  int count = 0;
  std::size_t skip = sent_;
  const auto add = [&](const std::string& piece) {
    if (count == max || piece.size() == skip) return;
    pieces[count++] = {const_cast<char*>(piece.data()) + skip, piece.size() - skip};
    skip = 0;
  };
  if (first_) add(*first_);
  if (middle_) {
    for (const Bytes& piece : *middle_) {
      if (count == max) break;
      add(*piece);
    }
  }
  add(tail_);
  return count;
}

const std::string& Outbox::front() const {
  if (first_) return *first_;
  if (middle_ && !middle_->empty()) return *middle_->front();
  return tail_;
}

void Outbox::pop_front() {
  if (first_) {
    first_.reset();
  } else if (middle_ && !middle_->empty()) {
    middle_->pop_front();
  } else {
    tail_.clear();
  }
}

void Outbox::consume(std::size_t bytes) {
  CHECK(bytes <= size_);
  size_ -= bytes;
  if (size_ == 0) return clear();
  sent_ += bytes;
  while (sent_ >= front().size()) {
    sent_ -= front().size();
    pop_front();
  }
}

void Outbox::clear() {
  first_.reset();
  middle_.reset();
  if (tail_.capacity() > 0) std::string().swap(tail_);
  sent_ = 0;
  size_ = 0;
}

void Outbox::keep_current_frame_only() {
  if (size_ == 0) return;
  if (sent_ == 0) return clear();
  // Pieces begin at frame boundaries, because frames are appended whole.
  std::string current = front().substr(0, frame_end(front(), sent_));
  const std::size_t sent = sent_;
  clear();
  if (current.size() == sent) return;
  size_ = current.size() - sent;
  sent_ = sent;
  first_ = make_bytes(std::move(current));
}

}  // namespace parley::net
