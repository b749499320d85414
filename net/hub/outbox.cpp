#include "net/hub/outbox.h"

#include "core/check.h"
#include "net/socket/websocket_frame.h"

#include <utility>

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
  if (empty()) {
    first_ = bytes;
    size_ = bytes->size();
    return;
  }
  if (bytes->size() < kShareFrom) return append(std::string_view(*bytes));
  seal_tail();
  size_ += bytes->size();
  push({.bytes = bytes, .header = {}, .text = nullptr});
}

void Outbox::append(std::string header, std::unique_ptr<TextSource> text) {
  seal_tail();
  ++long_frames_;
  push({.bytes = nullptr, .header = std::move(header), .text = std::move(text)});
}

void Outbox::push(Piece piece) {
  if (!middle_) middle_ = std::make_unique<std::deque<Piece>>();
  middle_->push_back(std::move(piece));
}

void Outbox::seal_tail() {
  if (tail_.empty()) return;
  push({.bytes = make_bytes(std::move(tail_)), .header = {}, .text = nullptr});
  tail_ = std::string();
}

void Outbox::make_piece() {
  if (front() != nullptr) return;
  std::string piece;
  if (making_ == nullptr) {
    if (!middle_ || middle_->empty()) return;
    piece = std::move(middle_->front().header);
    making_ = std::move(middle_->front().text);
    middle_->pop_front();
  }
  bool more = true;
  while (more && piece.size() < kPieceBytes) more = making_->next(piece);
  if (!more) {
    making_.reset();
    --long_frames_;
  }
  if (piece.empty()) return make_piece();  // it ended with the piece before
  size_ += piece.size();
  first_ = make_bytes(std::move(piece));
  first_is_part_ = true;
}

int Outbox::gather(struct iovec* pieces, int max) {
  make_piece();
  int count = 0;
  std::size_t skip = sent_;
  const auto add = [&](const std::string& piece) {
    if (count == max || piece.size() == skip) return;
    pieces[count++] = {const_cast<char*>(piece.data()) + skip, piece.size() - skip};
    skip = 0;
  };
  if (first_) add(*first_);
  if (making_ != nullptr) return count;
  if (middle_) {
    for (const auto& piece : *middle_) {
      if (piece.text != nullptr) return count;
      if (count == max) break;
      add(*piece.bytes);
    }
  }
  add(tail_);
  return count;
}

const std::string* Outbox::front() const {
  if (first_) return first_.get();
  if (making_ != nullptr) return nullptr;
  if (middle_ && !middle_->empty()) return middle_->front().bytes.get();
  return tail_.empty() ? nullptr : &tail_;
}

void Outbox::pop_front() {
  if (first_) {
    first_.reset();
    first_is_part_ = false;
  } else if (middle_ && !middle_->empty()) {
    middle_->pop_front();
  } else {
    tail_.clear();
  }
}

void Outbox::consume(std::size_t bytes) {
  CHECK(bytes <= size_);
  size_ -= bytes;
  if (empty()) return clear();
  sent_ += bytes;
  for (const auto* piece = front(); piece != nullptr && sent_ >= piece->size(); piece = front()) {
    sent_ -= piece->size();
    pop_front();
  }
}

void Outbox::clear() {
  first_.reset();
  making_.reset();
  middle_.reset();
  if (tail_.capacity() > 0) std::string().swap(tail_);
  sent_ = 0;
  size_ = 0;
  long_frames_ = 0;
  first_is_part_ = false;
}

bool Outbox::keep_current_frame_only() {
  if (making_ != nullptr || first_is_part_) return false;
  if (empty()) return true;
  if (sent_ == 0) {
    clear();
    return true;
  }
  // Pieces begin at frame boundaries, because frames are appended whole.
  std::string current = front()->substr(0, frame_end(*front(), sent_));
  const std::size_t sent = sent_;
  clear();
  if (current.size() == sent) return true;
  size_ = current.size() - sent;
  sent_ = sent;
  first_ = make_bytes(std::move(current));
  return true;
}

}  // namespace parley::net
