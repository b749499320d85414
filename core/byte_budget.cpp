#include "core/byte_budget.h"

#include "core/check.h"

#include <utility>

namespace parley {
namespace {

constexpr std::size_t kShares = 4;  // of the bytes, and of the places in line

}  // namespace

class ByteBudget::Share {
 public:
  Share(std::shared_ptr<ByteBudget> budget, Origin origin, std::size_t bytes)
      : budget_(std::move(budget)), origin_(origin), bytes_(bytes) {}
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() { budget_->give_back(origin_, bytes_); }

 private:
  std::shared_ptr<ByteBudget> budget_;
  Origin origin_;
  std::size_t bytes_;
};

bool ByteBudget::in_share(Origin origin, const Line& line, std::size_t bytes) const {
  return !origin.exists() || line.used == 0 || line.used + bytes <= bytes_max_ / kShares;
}

ByteBudget::Hold ByteBudget::use(Origin origin, std::size_t bytes) {
  used_ += bytes;
  lines_[origin].used += bytes;
  used_gauge_.set(static_cast<double>(used_));
  return std::make_shared<const Share>(shared_from_this(), origin, bytes);
}

ByteBudget::Taken ByteBudget::take(Origin origin, std::size_t bytes, std::size_t bytes_max,
                                   std::function<void(Hold)> granted) {
  const MutexLock lock(mutex_);
  bytes_max_ = bytes_max;
  if (closed_) return {nullptr, true};
  auto& line = lines_[origin];
  if (line.waiting.empty() && !room_wanted_ && in_share(origin, line, bytes)) {
    if (fits(bytes)) return {use(origin, bytes)};
    room_wanted_ = true;
  }
  const auto places = origin.exists() ? line_max_ / kShares + 1 : line_max_;
  if (waiting_ >= line_max_ || line.waiting.size() >= places) {
    if (line.used == 0 && line.waiting.empty()) lines_.erase(origin);
    return {nullptr, true};
  }
  if (line.waiting.empty()) turns_.push_back(origin);
  line.waiting.push_back({bytes, std::move(granted)});
  waiting_gauge_.set(static_cast<double>(++waiting_));
  return {};
}

// Whose turn it is, and taken out of the line. Who has its share lets the others go first; who waits for room does not.
std::optional<std::pair<Origin, ByteBudget::Waiting>> ByteBudget::next() {
  room_wanted_ = false;
  for (auto left = turns_.size(); left > 0; --left) {
    const auto origin = turns_.front();
    auto& line = lines_.at(origin);
    const auto bytes = line.waiting.front().bytes;
    const bool share = in_share(origin, line, bytes);
    if (share && !fits(bytes)) {
      room_wanted_ = true;
      return std::nullopt;
    }
    turns_.pop_front();
    if (!share) {
      turns_.push_back(origin);
      continue;
    }
    std::pair taken(origin, std::move(line.waiting.front()));
    line.waiting.pop_front();
    if (!line.waiting.empty()) turns_.push_back(origin);
    waiting_gauge_.set(static_cast<double>(--waiting_));
    return taken;
  }
  return std::nullopt;
}

void ByteBudget::give_back(Origin origin, std::size_t bytes) {
  MutexLock lock(mutex_);
  used_ -= bytes;
  used_gauge_.set(static_cast<double>(used_));
  const auto line = lines_.find(origin);
  CHECK(line != lines_.end() && line->second.used >= bytes);
  line->second.used -= bytes;
  if (line->second.used == 0 && line->second.waiting.empty()) lines_.erase(line);
  if (granting_) return;
  granting_ = true;
  // Who is granted may be gone and give back at once, from inside the call: then this loop goes on, nothing nests.
  while (auto granted = next()) {
    auto hold = use(granted->first, granted->second.bytes);
    lock.unlock();
    granted->second.granted(std::move(hold));
    granted.reset();  // it may be the last to hold its actor, which gives back what it has
    lock.lock();
  }
  granting_ = false;
}

void ByteBudget::close() {
  std::map<Origin, Line> left;  // destroyed without the lock: those who waited may hold some
  const MutexLock lock(mutex_);
  closed_ = true;
  for (auto& [origin, line] : lines_) left[origin].waiting = std::exchange(line.waiting, {});
  std::erase_if(lines_, [](const auto& row) { return row.second.used == 0; });
  turns_.clear();
  waiting_ = 0;
  waiting_gauge_.set(0);
}

}  // namespace parley
