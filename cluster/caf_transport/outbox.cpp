#include "cluster/caf_transport/outbox.h"

#include "cluster/caf_transport/framing.h"
#include "core/check.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace parley::cluster {
namespace {
constexpr std::size_t index_of(Lane lane) { return lane == Lane::ahead ? 1 : 0; }
}  // namespace

Outbox::Pushed Outbox::push(std::string bytes, Lane lane) {
  CHECK(bytes.size() <= peers_.message_bytes_max);
  const auto i = index_of(lane);
  const auto most = lane == Lane::ahead ? links_.ahead_bytes_max : peers_.queue_bytes_max;
  const MutexLock lock(mutex_);
  if (closed_) return {Sent::unreachable};
  if (waiting_[i] + cost(bytes) > most) return {Sent::full};
  waiting_[i] += cost(bytes);
  pushed_[i].push_back(std::move(bytes));
  return {Sent::taken, !std::exchange(woken_, true)};
}

std::size_t Outbox::waiting_bytes() const {
  const MutexLock lock(mutex_);
  return waiting_[0] + waiting_[1];
}

bool Outbox::close() {
  const MutexLock lock(mutex_);
  pushed_ = {};
  return !std::exchange(closed_, true);
}

void Outbox::take() {
  const MutexLock lock(mutex_);
  woken_ = false;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    auto& line = lines_[i].messages;
    if (line.empty()) {
      line.swap(pushed_[i]);
    } else {
      std::move(pushed_[i].begin(), pushed_[i].end(), std::back_inserter(line));
      pushed_[i].clear();
    }
  }
}

std::size_t Outbox::next_frame_bytes(const Line& line) const {
  return std::min(kFrameHeaderBytes + line.messages.front().size() - line.cut, links_.frame_bytes_max);
}

std::size_t Outbox::cut_frame(Line& line, Lane lane, std::string& wire) {
  auto& message = line.messages.front();
  const auto count = next_frame_bytes(line) - kFrameHeaderBytes;
  const bool last = line.cut + count == message.size();
  append_frame(wire, lane == Lane::ahead ? FrameKind::ahead : FrameKind::work,
               std::string_view(message).substr(line.cut, count), last ? kLastOfMessage : 0);
  if (!last) {
    line.cut += count;
    return 0;  // its memory is held until its end
  }
  const auto freed = cost(message);
  line.messages.pop_front();
  line.cut = 0;
  return freed;
}

bool Outbox::fill(std::string& wire, std::size_t until) {
  take();
  auto& work = lines_[index_of(Lane::work)];
  auto& ahead = lines_[index_of(Lane::ahead)];
  std::array<std::size_t, 2> freed{};
  while (wire.size() < until) {
    if (!ahead.messages.empty()) {
      freed[index_of(Lane::ahead)] += cut_frame(ahead, Lane::ahead, wire);
      continue;
    }
    if (work.messages.empty()) break;
    const auto bytes = next_frame_bytes(work);
    if (unconfirmed_ + bytes > links_.window_bytes_max) break;
    unconfirmed_ += bytes;
    freed[index_of(Lane::work)] += cut_frame(work, Lane::work, wire);
  }
  if (freed[0] + freed[1] != 0) {
    const MutexLock lock(mutex_);
    for (std::size_t i = 0; i < freed.size(); ++i) waiting_[i] -= freed[i];
  }
  return wire.size() >= until && !(ahead.messages.empty() && work.messages.empty());
}

Status Outbox::confirm(std::uint64_t bytes) {
  if (bytes > unconfirmed_) return make_error(Errc::corrupt, "a receipt for what was not sent");
  unconfirmed_ -= bytes;
  return {};
}

}  // namespace parley::cluster
