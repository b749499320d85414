#include "net/redis/link.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace parley::net {
namespace {

Error io_error(std::string what) { return make_error(Errc::io, std::move(what)); }

// What a server said is put into logs: one line of printable text.
std::string printable(const char* text, std::size_t size) {
  std::string out(text, std::min<std::size_t>(size, 200));
  for (auto& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return out;
}

}  // namespace

void RedisLink::Freed::operator()(redisContext* context) const { redisFree(context); }
void RedisLink::Freed::operator()(redisReply* reply) const { freeReplyObject(reply); }

RedisLink::RedisLink(std::size_t message_bytes_max, const Clock& clock, const WakeUp& interrupt)
    : message_bytes_max_(message_bytes_max), clock_(clock), interrupt_(interrupt) {}
RedisLink::~RedisLink() = default;

Result<std::unique_ptr<RedisLink>> RedisLink::open(const RedisTarget& target, const std::string& pattern,
                                                   std::size_t message_bytes_max, milliseconds patience,
                                                   const Clock& clock, const WakeUp& interrupt) {
  std::unique_ptr<RedisLink> link(new RedisLink(message_bytes_max, clock, interrupt));
  const auto until = clock.now() + patience;
  if (auto connected = link->connect(target, until); !connected) return connected.error();
  if (auto subscribed = link->log_in(target, pattern, until); !subscribed) return subscribed.error();
  link->last_heard_ = clock.now();
  return link;
}

milliseconds RedisLink::left(MonoTime until) const {
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(until - clock_.now()));
}

Error RedisLink::lost(std::string_view what) const {
  return io_error(fmt::format("{}: {}", what, context_->errstr[0] != '\0' ? context_->errstr : std::strerror(errno)));
}

Result<bool> RedisLink::wait(short events, MonoTime until) const {
  std::array<pollfd, 2> fds{{{context_->fd, events, 0}, {interrupt_.fd(), POLLIN, 0}}};
  const auto ready = ::poll(fds.data(), fds.size(), static_cast<int>(left(until).count()));
  if (ready < 0 && errno != EINTR) return io_error(fmt::format("cannot wait: {}", std::strerror(errno)));
  return ready > 0 && fds[1].revents == 0;
}

Status RedisLink::connect(const RedisTarget& target, MonoTime until) {
  context_.reset(target.socket.empty() ? redisConnectNonBlock(target.host.c_str(), target.port)
                                       : redisConnectUnixNonBlock(target.socket.c_str()));
  if (context_ == nullptr) return io_error("no memory for a connection");
  if (context_->err != 0) return lost("cannot connect");
  auto writable = wait(POLLOUT, until);
  if (!writable) return writable.error();
  if (!*writable) return io_error("cannot connect: no answer in time");
  int failure = 0;
  socklen_t size = sizeof failure;
  if (getsockopt(context_->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0) failure = errno;
  if (failure != 0) return io_error(fmt::format("cannot connect: {}", std::strerror(failure)));
  return {};
}

void RedisLink::append(const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const auto& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), texts.data(), sizes.data());
}

Status RedisLink::send_all(MonoTime until) {
  for (int done = 0; done == 0;) {
    if (redisBufferWrite(context_.get(), &done) != REDIS_OK) return lost("cannot write");
    if (done != 0) return {};
    auto writable = wait(POLLOUT, until);
    if (!writable) return writable.error();
    if (!*writable) return io_error("cannot write: it does not read");
  }
  return {};
}

Result<RedisLink::ReplyPtr> RedisLink::parsed() {
  void* found = nullptr;
  if (redisGetReplyFromReader(context_.get(), &found) != REDIS_OK) return lost("it does not speak Redis");
  return ReplyPtr(static_cast<redisReply*>(found));
}

Result<RedisLink::ReplyPtr> RedisLink::reply(MonoTime until) {
  for (;;) {
    if (auto found = parsed(); !found || *found != nullptr) return found;
    // What is buffered now is the beginning of one message.
    if (context_->reader->len > message_bytes_max_) {
      return make_error(Errc::too_large, fmt::format("a message is larger than {} bytes", message_bytes_max_));
    }
    auto readable = wait(POLLIN, until);
    if (!readable) return readable.error();
    if (!*readable) return ReplyPtr();
    if (redisBufferRead(context_.get()) != REDIS_OK) return lost("the connection ended");
    last_heard_ = clock_.now();
  }
}

Status RedisLink::log_in(const RedisTarget& target, const std::string& pattern, MonoTime until) {
  struct Step {
    std::vector<std::string> words;
    std::string_view what;  // empty: it may fail
  };
  std::vector<Step> steps;
  if (!target.password.empty()) {
    Step login{{"AUTH"}, "it refuses the login"};
    if (!target.username.empty()) login.words.push_back(target.username);
    login.words.push_back(target.password);
    steps.push_back(std::move(login));
  }
  // Publications know no databases; it only shows where we are, and a wrong number shows itself.
  if (target.database != 0) {
    steps.push_back({{"SELECT", std::to_string(target.database)}, "it refuses the database"});
  }
  steps.push_back({{"CLIENT", "SETNAME", "parley"}, {}});
  steps.push_back({{"PSUBSCRIBE", pattern}, "it refuses the subscription"});
  for (const auto& step : steps) append(step.words);
  if (auto sent = send_all(until); !sent) return sent;
  for (const auto& step : steps) {
    auto answered = reply(until);
    if (!answered) return answered.error();
    const auto& answer = *answered;
    if (answer == nullptr) return io_error("it did not answer in time");
    if (answer->type != REDIS_REPLY_ERROR || step.what.empty()) continue;
    return make_error(Errc::unauthorized, fmt::format("{}: {}", step.what, printable(answer->str, answer->len)));
  }
  return {};
}

Status RedisLink::ping() {
  append({"PING"});
  return send_all(clock_.now() + seconds(1));
}

Status RedisLink::receive(std::vector<RedisMessage>& messages, milliseconds patience) {
  // The socket is not read again once an answer is whole: what a fast publisher sends waits there.
  auto answered = reply(clock_.now() + patience);
  for (;; answered = parsed()) {
    if (!answered) return answered.error();
    const auto& answer = *answered;
    if (answer == nullptr) return {};
    if (answer->type != REDIS_REPLY_ARRAY || answer->elements != 4) continue;  // a pong, or our subscription
    const auto* kind = answer->element[0];
    const auto* channel = answer->element[2];
    const auto* text = answer->element[3];
    if (kind->type != REDIS_REPLY_STRING || std::string_view(kind->str, kind->len) != "pmessage") continue;
    if (channel->type != REDIS_REPLY_STRING || text->type != REDIS_REPLY_STRING) continue;
    messages.push_back({std::string(channel->str, channel->len), std::string(text->str, text->len)});
  }
}

}  // namespace parley::net
