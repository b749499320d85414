#pragma once
// A real redis-server on a socket of the file system, in a directory of its own, for one test.

#include <hiredis/hiredis.h>

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

namespace parley::net::test {

class RedisServer {
 public:
  static bool installed();
  RedisServer();  // started
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void start();
  void stop();  // as `kill -9`; start() brings it back at the same place
  void hang();  // takes connections and answers nothing, until go_on()
  void go_on();
  [[nodiscard]] const std::string& socket() const { return socket_; }
  std::vector<std::string> options;  // of the next start, as `--requirepass`, `x`
  std::string password;              // what command() logs in with

  // The answer as text: of integers their digits, of errors `-…`, of lists their texts a line each.
  std::string command(const std::vector<std::string>& words);
  long long publish(const std::string& channel, const std::string& text);  // how many got it

 private:
  std::string directory_;
  std::string socket_;
  pid_t pid_ = -1;
};

}  // namespace parley::net::test
