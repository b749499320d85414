#pragma once
// One connection to Redis that is subscribed to a pattern. hiredis's only home. Used by one thread, that of
// input.h; nothing here blocks longer than it says, but for the look-up of a host's name.

#include "core/clock.h"
#include "core/result.h"
#include "net/redis/target.h"
#include "net/redis/wake_up.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

struct redisContext;
struct redisReply;

namespace parley::net {

struct RedisMessage {
  std::string channel;
  std::string text;
};

class RedisLink {
 public:
  // Connects, logs in, subscribes. The error says at which of these it ended, and never shows the password.
  // `interrupt` ends every wait; `message_bytes_max`: a message that is larger ends the connection.
  static Result<std::unique_ptr<RedisLink>> open(const RedisTarget& target, const std::string& pattern,
                                                 std::size_t message_bytes_max, milliseconds patience,
                                                 const Clock& clock, const WakeUp& interrupt);
  ~RedisLink();
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  // Waits until something comes, at most that long, and appends the messages that are whole. Nothing is
  // appended when none was, or when it was interrupted. An error: the connection is lost.
  Status receive(std::vector<RedisMessage>& messages, milliseconds patience);
  Status ping();  // does not wait for the answer
  [[nodiscard]] MonoTime last_heard() const { return last_heard_; }

 private:
  RedisLink(std::size_t message_bytes_max, const Clock& clock, const WakeUp& interrupt);
  struct Freed {
    void operator()(redisContext* context) const;
    void operator()(redisReply* reply) const;
  };
  using ReplyPtr = std::unique_ptr<redisReply, Freed>;

  Status connect(const RedisTarget& target, MonoTime until);
  Status log_in(const RedisTarget& target, const std::string& pattern, MonoTime until);
  void append(const std::vector<std::string>& words);
  Status send_all(MonoTime until);
  Result<ReplyPtr> parsed();  // of what was read; empty: none is whole
  // An answer, a message's array included. Empty: none came in time.
  Result<ReplyPtr> reply(MonoTime until);
  // False: the time is over, or it was interrupted.
  Result<bool> wait(short events, MonoTime until) const;
  [[nodiscard]] milliseconds left(MonoTime until) const;
  [[nodiscard]] Error lost(std::string_view what) const;

  const std::size_t message_bytes_max_;
  const Clock& clock_;
  const WakeUp& interrupt_;
  std::unique_ptr<redisContext, Freed> context_;
  MonoTime last_heard_;
};

}  // namespace parley::net
