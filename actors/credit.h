#pragma once
// How many requests of one origin (this node's hubs, or one other node) were taken and are not handled yet. What was
// taken is given back by whoever has it, at its end: a message that is dropped on the way, an actor that ends with a
// full mailbox, a path that answers early. None of them can forget it.
//
// A credit travels with its request, in messages; it is a pointer and a count. Thread-safe are the lines alone.

#include <atomic>
#include <cstdint>
#include <utility>

namespace parley::actors {

// Outlives its credits.
class CreditLine {
 public:
  [[nodiscard]] std::uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  friend class Credit;
  std::atomic<std::uint64_t> taken_{0};
};

class Credit {
 public:
  Credit() = default;
  Credit(CreditLine& line, std::uint32_t count) : line_(&line), count_(count) {
    line_->taken_.fetch_add(count_, std::memory_order_relaxed);
  }
  // A copy is another one: what was one request is two now.
  Credit(const Credit& other) : line_(other.line_), count_(other.count_) {
    if (count_ > 0) line_->taken_.fetch_add(count_, std::memory_order_relaxed);
  }
  Credit(Credit&& other) noexcept : line_(other.line_), count_(std::exchange(other.count_, 0)) {}
  Credit& operator=(Credit other) noexcept {
    std::swap(line_, other.line_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~Credit() { give_back(); }

  // One of them, to go another way. None, if none is left.
  [[nodiscard]] Credit split() {
    Credit one;
    if (count_ == 0) return one;
    --count_;
    one.line_ = line_;
    one.count_ = 1;
    return one;
  }
  void give_back() {
    if (count_ > 0) line_->taken_.fetch_sub(std::exchange(count_, 0), std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t count() const { return count_; }

 private:
  CreditLine* line_ = nullptr;
  std::uint32_t count_ = 0;
};

}  // namespace parley::actors
