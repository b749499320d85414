#include "tests/unit/net/redis/server.h"

#include <gtest/gtest.h>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace parley::net::test {
namespace {

constexpr const char* kProgram = "/usr/bin/redis-server";

struct Freed {
  void operator()(redisContext* context) const { redisFree(context); }
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};

std::string text_of(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      return std::to_string(reply.integer);
    case REDIS_REPLY_ERROR:
      return "-" + std::string(reply.str, reply.len);
    case REDIS_REPLY_ARRAY: {
      std::string lines;
      for (std::size_t i = 0; i < reply.elements; ++i) lines += text_of(*reply.element[i]) + "\n";
      return lines;
    }
    case REDIS_REPLY_NIL:
      return "nil";
    default:
      return {reply.str, reply.len};
  }
}

}  // namespace

bool RedisServer::installed() { return access(kProgram, X_OK) == 0; }

RedisServer::RedisServer() {
  auto path = (std::filesystem::temp_directory_path() / "parley-redis-XXXXXX").string();
  EXPECT_NE(mkdtemp(path.data()), nullptr);
  directory_ = path;
  socket_ = directory_ + "/redis.sock";
  start();
}

RedisServer::~RedisServer() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void RedisServer::start() {
  std::vector<std::string> line{
      kProgram, "--port",   "0",         "--unixsocket",      socket_,       "--save", "", "--appendonly", "no",
      "--dir",  directory_, "--logfile", directory_ + "/log", "--daemonize", "no"};
  line.insert(line.end(), options.begin(), options.end());
  std::vector<char*> arguments;
  for (auto& word : line) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ASSERT_EQ(posix_spawn(&pid_, kProgram, nullptr, nullptr, arguments.data(), environ), 0);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (command({"PING"}) != "PONG") {
    ASSERT_LT(std::chrono::steady_clock::now(), until) << "redis-server does not answer";
    std::this_thread::yield();
  }
}

void RedisServer::stop() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
  std::error_code ignored;
  std::filesystem::remove(socket_, ignored);
}

void RedisServer::hang() { EXPECT_EQ(kill(pid_, SIGSTOP), 0); }
void RedisServer::go_on() { EXPECT_EQ(kill(pid_, SIGCONT), 0); }

std::string RedisServer::command(const std::vector<std::string>& words) {
  const std::unique_ptr<redisContext, Freed> context(redisConnectUnix(socket_.c_str()));
  if (context == nullptr || context->err != 0) return "not reached";
  const auto run = [&](const std::vector<std::string>& all) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto& word : all) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    const std::unique_ptr<redisReply, Freed> reply(static_cast<redisReply*>(
        redisCommandArgv(context.get(), static_cast<int>(all.size()), texts.data(), sizes.data())));
    return reply == nullptr ? std::string("no answer") : text_of(*reply);
  };
  if (!password.empty()) run({"AUTH", password});
  return run(words);
}

long long RedisServer::publish(const std::string& channel, const std::string& text) {
  return std::atoll(command({"PUBLISH", channel, text}).c_str());
}

}  // namespace parley::net::test
