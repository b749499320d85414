#include "net/redis/answers.h"

namespace parley::net {

void RedisAnswers::push(actors::HubMessage message) {
  const auto* reply = std::get_if<Reply>(&message);
  if (reply == nullptr) return;  // nothing is subscribed here
  {
    const MutexLock lock(mutex_);
    const auto found = waiting_.find(reply->to.ticket);
    if (found == waiting_.end()) return;  // too late: it was told to have timed out
    bytes_ -= found->second.bytes;
    waiting_.erase(found);
  }
  changed_.notify_one();
  if (const auto* refused = std::get_if<PublishRefused>(&reply->what)) return told_(refused->error);
  if (const auto* refused = std::get_if<Refused>(&reply->what)) return told_(refused->error);
  told_(std::nullopt);
}

std::uint64_t RedisAnswers::put(std::size_t bytes, MonoTime now) {
  const MutexLock lock(mutex_);
  waiting_.emplace(++last_ticket_, Waiting{now, bytes});
  bytes_ += bytes;
  return last_ticket_;
}

bool RedisAnswers::has_room(Bounds bounds) const { return waiting_.size() < bounds.publishes && bytes_ < bounds.bytes; }

bool RedisAnswers::wait_for_room(Bounds bounds, milliseconds patience) {
  MutexLock lock(mutex_);
  changed_.wait_for(lock, patience, [&]() PARLEY_REQUIRES(mutex_) { return closed_ || has_room(bounds); });
  return !closed_ && has_room(bounds);
}

void RedisAnswers::expire(MonoTime before) {
  std::size_t expired = 0;
  {
    const MutexLock lock(mutex_);
    while (!waiting_.empty() && waiting_.begin()->second.since < before) {
      bytes_ -= waiting_.begin()->second.bytes;
      waiting_.erase(waiting_.begin());
      ++expired;
    }
  }
  for (; expired > 0; --expired) told_(make_error(Errc::timeout));
}

void RedisAnswers::close() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

std::size_t RedisAnswers::size() const {
  const MutexLock lock(mutex_);
  return waiting_.size();
}

}  // namespace parley::net
