#pragma once
// Takes what Laravel's redis broadcaster publishes, and publishes it in an application. Owned by server/; runs on
// its own thread `parley-redis`. Whatever is wrong with a message costs that message; whatever happens to the
// connection costs what was published meanwhile, since Redis keeps nothing of it.

#include "actors/gateway.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "core/random.h"
#include "core/settings.h"
#include "net/redis/answers.h"
#include "net/redis/link.h"
#include "net/redis/prefix.h"
#include "net/redis/target.h"
#include "net/redis/wake_up.h"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace parley::net {

struct RedisInputConfig {
  RedisTarget target;
  std::string key_prefix;
  bool detect_prefix = true;  // when key_prefix is empty; else names have none
  std::string app;            // id; empty: the first application
  milliseconds pause_first{200};
  milliseconds pause_max{10'000};
  milliseconds patience{5'000};       // of connecting and logging in
  milliseconds silence{15'000};       // then it is asked whether it is there …
  milliseconds pong_timeout{10'000};  // … and given up after this
  milliseconds room_timeout{2'000};   // how long a message waits for answers to those before it
  milliseconds answer_timeout{30'000};
};

class RedisInput {
 public:
  // Before the gateway's first request. `clock` must be the system's: waits are measured by it.
  RedisInput(RedisInputConfig config, const SettingsSource& settings, const Clock& clock, Random& random,
             Metrics& metrics, actors::Gateway& gateway);
  ~RedisInput();
  RedisInput(const RedisInput&) = delete;
  RedisInput& operator=(const RedisInput&) = delete;

  void start();
  // Waits for the thread. Nothing is submitted afterwards; answers may still come.
  void stop();

 private:
  // What is dropped may be very much: the first of a kind gets a line, then one a while with their number.
  struct Dropped {
    std::optional<MonoTime> told;
    std::uint64_t untold = 0;
  };

  void run();
  void read(RedisLink& link);
  void lost(const Error& error);
  void found();
  void pause(milliseconds span) const;
  void take(const RedisMessage& message);
  void submit();
  std::optional<std::string_view> channel_of(const RedisMessage& message);
  bool take_room();  // may submit
  void drop(std::string_view result, std::string_view channel, std::string_view why);
  void answered(const std::optional<Error>& error);

  const RedisInputConfig config_;
  const SettingsSource& settings_;
  const Clock& clock_;
  Random& random_;
  Metrics& metrics_;
  actors::Gateway& gateway_;
  const Gauge connected_;
  const Counter published_;
  std::shared_ptr<RedisAnswers> answers_;
  SessionAddress address_;

  RedisPrefix prefix_;  // the thread's own, like those up to `thread_`
  bool rival_told_ = false;
  bool no_room_ = false;
  std::vector<Request> requests_;  // made of what came, not submitted yet
  bool up_ = false;
  bool was_up_ = false;
  std::set<std::string> failures_;  // of attempts since it was up; each is told once
  Mutex dropped_mutex_;             // a leaf
  std::map<std::string, Dropped, std::less<>> dropped_ PARLEY_GUARDED_BY(dropped_mutex_);

  WakeUp wake_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace parley::net
