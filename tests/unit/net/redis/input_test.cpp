// A real redis-server publishes, and a gateway that the test answers for gets it.

#include "net/redis/input.h"

#include "tests/unit/net/redis/server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <csignal>
#include <deque>
#include <sstream>

namespace parley::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto kSoon = 60s;

class Gateway final : public actors::Gateway {
 public:
  enum class Answers { published, overloaded, none };

  SessionAddress attach(std::shared_ptr<actors::HubInbox> inbox) override {
    inbox_ = std::move(inbox);
    return {HubId{7}, {}};
  }
  void submit(std::vector<Request>&& requests) override {
    const std::lock_guard lock(mutex_);
    for (auto& request : requests) {
      EXPECT_EQ(request.from.hub, HubId{7});
      waiting_.push_back(request.from);
      seen_.push_back(std::get<Publish>(std::move(request.what)));
    }
    answer_all();
    came_.notify_all();
  }
  void set(Answers answers) {
    const std::lock_guard lock(mutex_);
    answers_ = answers;
    answer_all();
  }
  // The next that was published.
  Publish next() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, kSoon, [&] { return !seen_.empty(); })) {
      ADD_FAILURE() << "nothing was published";
      return {};
    }
    auto publish = std::move(seen_.front());
    seen_.pop_front();
    return publish;
  }
  std::size_t unseen() {
    const std::lock_guard lock(mutex_);
    return seen_.size();
  }

 private:
  void answer_all() {
    if (answers_ == Answers::none) return;
    for (const auto& to : std::exchange(waiting_, {})) {
      if (answers_ == Answers::published) {
        inbox_->push(Reply{to, Published{}});
      } else {
        inbox_->push(Reply{to, PublishRefused{.channel = {}, .ack = 0, .error = make_error(Errc::overloaded)}});
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::shared_ptr<actors::HubInbox> inbox_;
  Answers answers_ = Answers::published;
  std::vector<ReplyTo> waiting_;
  std::deque<Publish> seen_;
};

class RedisInputTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::RedisServer::installed()) GTEST_SKIP() << "redis-server is not installed";
    std::signal(SIGPIPE, SIG_IGN);  // as the program does
    redis = std::make_unique<test::RedisServer>();
    settings.apps.push_back({.id = "shop", .key = "shop-key", .secret = "a-secret-of-good-length"});
    settings.apps.push_back({.id = "blog", .key = "blog-key", .secret = "a-secret-of-good-length"});
    config.target.socket = redis->socket();
    config.pause_first = 1ms;
    config.pause_max = 20ms;
  }
  void start(bool wait = true) {
    source = std::make_unique<SettingsSource>(std::make_shared<const Settings>(settings));
    input = std::make_unique<RedisInput>(config, *source, clock, random, metrics, gateway);
    input->start();
    if (wait) wait_until_connected();
  }
  void wait_until(const std::function<bool()>& holds, const std::string& what) {
    const auto until = clock.now() + kSoon;
    while (!holds()) {
      ASSERT_LT(clock.now(), until) << "waited for " << what << "\n" << metrics.text();
      std::this_thread::yield();
    }
  }
  void wait_until_connected() {
    wait_until([&] { return metrics.redis_connected().value() == 1; }, "the subscription");
  }
  void wait_for_result(std::string_view result, double count) {
    wait_until([&] { return metrics.redis_messages(result).value() >= count; }, std::string(result));
    EXPECT_EQ(metrics.redis_messages(result).value(), count) << result;
  }
  void publish(const std::string& channel, const std::string& text) { EXPECT_EQ(redis->publish(channel, text), 1); }
  // The ids that Redis gave to our connections.
  std::vector<std::string> connections() {
    std::vector<std::string> ids;
    std::istringstream lines(redis->command({"CLIENT", "LIST"}));
    for (std::string line; std::getline(lines, line);) {
      if (line.find(" name=parley ") != std::string::npos) ids.push_back(line.substr(0, line.find(' ')));
    }
    return ids;
  }

  std::unique_ptr<test::RedisServer> redis;
  RedisInputConfig config;
  Settings settings;
  SystemClock clock;
  OsRandom random;
  Metrics metrics;
  Gateway gateway;
  std::unique_ptr<SettingsSource> source;
  std::unique_ptr<RedisInput> input;  // goes first
};

TEST_F(RedisInputTest, PublishesWhatLaravelPublishes) {
  config.key_prefix = "laravel_database_";
  start();
  publish("laravel_database_private-domain.7",
          R"({"event":"message.sent","data":{"n":1.10,"socket":"241.880612"},"socket":"241.880612"})");
  const auto got = gateway.next();
  EXPECT_EQ(got.channel.text(), "shop/private-domain.7") << "the first application";
  EXPECT_EQ(got.event, "message.sent");
  EXPECT_EQ(got.data, R"({"n":1.10,"socket":"241.880612"})");
  EXPECT_EQ(got.kind, DataKind::text);
  EXPECT_EQ(got.except.text(), "241.880612");
  EXPECT_FALSE(got.client_event);
  EXPECT_GT(got.accepted, MonoTime());
  wait_for_result("published", 1);
  EXPECT_EQ(redis->publish("other_database_private-domain.7", "{}"), 0) << "not even sent to us";
}

TEST_F(RedisInputTest, ToTheApplicationThatIsNamed) {
  config.app = "blog";
  config.detect_prefix = false;
  start();
  publish("news", R"({"event":"e","data":[],"socket":null})");
  EXPECT_EQ(gateway.next().channel.text(), "blog/news");
  auto without = std::make_shared<Settings>(settings);
  without->apps.pop_back();
  source->replace(without);
  publish("news", R"({"event":"e","data":[],"socket":null})");
  wait_for_result("unknown_app", 1);
}

TEST_F(RedisInputTest, LearnsThePrefixAndCountsWhatDoesNotFit) {
  start();
  publish("news", R"({"event":"e","data":1})");
  publish("shop_database_private-a", R"({"event":"e","data":2})");
  publish("shop_database_news", R"({"event":"e","data":3})");
  publish("blog_database_private-a", R"({"event":"e","data":4})");
  publish("news", R"({"event":"e","data":5})");
  publish("shop_database_presence-a", R"({"event":"e","data":6})");
  for (const auto* wanted : {"shop/private-a 2", "shop/news 3", "shop/presence-a 6"}) {
    const auto got = gateway.next();
    EXPECT_EQ(got.channel.text() + " " + got.data, wanted);
  }
  wait_for_result("published", 3);
  wait_for_result("unknown_prefix", 1);
  wait_for_result("other_prefix", 2);
}

TEST_F(RedisInputTest, ABadMessageCostsItselfOnly) {
  config.detect_prefix = false;
  settings.apps[0].limits.event_data_bytes_max = 100;
  start();
  publish("news", "hello");
  publish("news", R"({"data":1})");
  publish("news", R"({"event":"pusher:error","data":1})");
  publish("news", R"({"event":")" + std::string(201, 'e') + R"(","data":1})");
  publish("a channel", R"({"event":"e","data":1})");
  publish("news", R"({"event":"e","data":")" + std::string(99, 'x') + "\"}");
  publish("news", R"({"event":"e","data":")" + std::string(98, 'x') + "\"}");
  EXPECT_EQ(gateway.next().data.size(), 100U);
  wait_for_result("malformed", 2);
  wait_for_result("bad_event_name", 2);
  wait_for_result("bad_channel_name", 1);
  wait_for_result("too_large", 1);
  wait_for_result("published", 1);
}

// Redis buffers up to its own bound for us, and we up to ours.
TEST_F(RedisInputTest, AMessageBeyondTheBoundEndsTheConnectionAndItComesBack) {
  config.detect_prefix = false;
  settings.limits.redis_message_bytes_max = 1'000'000;
  start();
  const auto before = connections();
  ASSERT_EQ(before.size(), 1U);
  publish("news", R"({"event":"e","data":")" + std::string(3'000'000, 'x') + "\"}");
  wait_for_result("too_large", 1);
  // The message is counted before its connection ends: only another one that is alone says that it came back.
  wait_until(
      [&] {
        const auto now = connections();
        return now.size() == 1 && now != before && metrics.redis_connected().value() == 1;
      },
      "the new subscription");
  publish("news", R"({"event":"after","data":1})");
  EXPECT_EQ(gateway.next().event, "after");
}

TEST_F(RedisInputTest, RefusalsOfTheNodeAreCounted) {
  config.detect_prefix = false;
  gateway.set(Gateway::Answers::overloaded);
  start();
  publish("news", R"({"event":"e","data":1})");
  wait_for_result("overloaded", 1);
  EXPECT_EQ(metrics.redis_messages("published").value(), 0);
}

// The bound is reached: a message waits, is dropped, and those behind it wait no more until there is room.
TEST_F(RedisInputTest, ANodeThatStandsStillDoesNotStopIt) {
  config.detect_prefix = false;
  config.room_timeout = 50ms;
  settings.limits.redis_in_flight_max = 3;
  gateway.set(Gateway::Answers::none);
  start();
  for (int i = 0; i < 200; ++i) publish("news", fmt::format(R"({{"event":"e","data":{}}})", i));
  wait_for_result("overloaded", 197);
  EXPECT_EQ(gateway.unseen(), 3U);
  gateway.set(Gateway::Answers::published);
  wait_for_result("published", 3);
  publish("news", R"({"event":"after","data":1})");
  wait_for_result("published", 4);
}

TEST_F(RedisInputTest, ABatchIsUnderWayBeforeItsOwnRoomIsWaitedFor) {
  config.detect_prefix = false;
  config.room_timeout = std::chrono::milliseconds(kSoon);
  settings.limits.redis_in_flight_max = 1;
  start();
  // One script: all of them come with one read.
  redis->command(
      {"EVAL", "for i = 1, 20 do redis.call('publish', 'news', '{\"event\":\"e\",\"data\":' .. i .. '}') end", "0"});
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(gateway.next().data, std::to_string(i));
  EXPECT_EQ(metrics.redis_messages("overloaded").value(), 0);
}

TEST_F(RedisInputTest, AnswersThatNeverComeAreGivenUp) {
  config.detect_prefix = false;
  config.silence = 5ms;
  config.answer_timeout = 20ms;
  gateway.set(Gateway::Answers::none);
  start();
  publish("news", R"({"event":"e","data":1})");
  wait_for_result("timeout", 1);
}

TEST_F(RedisInputTest, ComesBackAfterRedisDid) {
  start();
  publish("shop_database_private-a", R"({"event":"before","data":1})");
  EXPECT_EQ(gateway.next().event, "before");
  redis->stop();
  wait_until([&] { return metrics.redis_connected().value() == 0; }, "the loss");
  redis->start();
  wait_until_connected();
  publish("blog_database_private-a", R"({"event":"other","data":1})");
  publish("shop_database_private-a", R"({"event":"after","data":1})");
  EXPECT_EQ(gateway.next().event, "after") << "what was learned is not learned anew";
}

TEST_F(RedisInputTest, TakesNoPasswordForAnAnswer) {
  redis->stop();
  redis->options = {"--requirepass", "the-right-password"};
  redis->password = "the-right-password";
  redis->start();
  config.target.password = "a-wrong-password";
  testing::internal::CaptureStderr();
  start(false);
  // Each attempt is a login that was refused.
  wait_until([&] { return redis->command({"ACL", "LOG"}).find("auth") != std::string::npos; }, "a refused login");
  wait_until(
      [&] {
        return redis->command({"INFO", "clients"}).find("connected_clients:1\r") != std::string::npos;
      },
      "the end of the attempt");
  input.reset();
  const auto log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("it refuses the login"));
  EXPECT_THAT(log, Not(HasSubstr("a-wrong-password")));
  config.target.password = redis->password;
  start();
  EXPECT_EQ(redis->publish("shop_database_private-a", R"({"event":"e","data":1})"), 1);
  EXPECT_EQ(gateway.next().event, "e");
}

TEST_F(RedisInputTest, LogsInAsAUserOfTheAccessLists) {
  redis->command({"ACL", "SETUSER", "echo", "on", ">p@ss word", "resetchannels", "&shop_*", "+psubscribe", "+ping"});
  config.target.username = "echo";
  config.target.password = "p@ss word";
  config.key_prefix = "shop_";
  start();
  publish("shop_news", R"({"event":"e","data":1})");
  EXPECT_EQ(gateway.next().channel.name(), "news");
}

TEST_F(RedisInputTest, AskedAfterSilenceAndGivenUpWithoutAnAnswer) {
  config.detect_prefix = false;
  config.silence = 10ms;
  config.pong_timeout = 2s;
  start();
  const auto pings = [&] {
    const auto stats = redis->command({"INFO", "commandstats"});
    const auto at = stats.find("cmdstat_ping:calls=");
    return at == std::string::npos ? 0 : std::atoi(stats.c_str() + at + 19);
  };
  const auto before = pings();
  wait_until([&] { return pings() > before + 3; }, "pings");
  EXPECT_EQ(metrics.redis_connected().value(), 1);
  publish("news", R"({"event":"e","data":1})");
  EXPECT_EQ(gateway.next().event, "e");
  redis->hang();
  wait_until([&] { return metrics.redis_connected().value() == 0; }, "being given up");
  redis->go_on();
  wait_until_connected();
}

TEST_F(RedisInputTest, StopsWhateverItIsDoing) {
  start();
  input.reset();  // reading
  redis->stop();
  config.pause_first = config.pause_max = std::chrono::milliseconds(1h);
  start(false);
  input.reset();  // pausing, or connecting
  redis->start();
  config.detect_prefix = false;
  config.room_timeout = std::chrono::milliseconds(1h);
  settings.limits.redis_in_flight_max = 1;
  gateway.set(Gateway::Answers::none);
  start();
  publish("news", R"({"event":"e","data":1})");
  publish("news", R"({"event":"e","data":2})");
  gateway.next();
  input.reset();  // waiting for room
}

}  // namespace
}  // namespace parley::net
