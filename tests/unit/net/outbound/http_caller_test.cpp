// Calls of the application, against servers that behave and servers that do not.

#include "net/outbound/http_caller.h"

#include "../certificate.h"
#include "../support.h"
#include "backend.h"

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <set>
#include <thread>

namespace parley::net::test {
namespace {

// Collects answers by the number under which they were asked for.
class Answers {
 public:
  std::function<void(Answer)> keep(int number = 0) {
    return [this, number](Answer answer) {
      const std::lock_guard lock(mutex_);
      EXPECT_TRUE(answers_.emplace(number, std::move(answer)).second) << "a second answer to " << number;
      thread_ = std::this_thread::get_id();
      came_.notify_all();
    };
  }
  // Waits for all numbers below `count`.
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, 30s, [&] { return answers_.size() >= count; });
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return answers_.size();
  }
  Answer get(int number = 0) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, 30s, [&] { return answers_.contains(number); })) << "no answer to " << number;
    return answers_[number];
  }
  std::thread::id thread() {
    const std::lock_guard lock(mutex_);
    return thread_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::map<int, Answer> answers_;
  std::thread::id thread_;
};

struct HttpCallerTest : testing::Test {
  SystemClock clock;
  Metrics metrics;
  Answers answers;
  HttpCallerConfig config;

  static Call call_of(std::string url, std::string lane = "webhook:audit") {
    Call call;
    call.url = std::move(url);
    call.lane = std::move(lane);
    call.timeout = 20s;
    return call;
  }
  Answer call(Call what) {
    HttpCaller caller(config, clock, metrics);
    caller.call(std::move(what), answers.keep());
    auto answer = answers.get();
    caller.stop();
    return answer;
  }
  [[nodiscard]] double counted(std::string_view kind, std::string_view outcome) const {
    return metrics.calls(kind, outcome).value();
  }
};

TEST_F(HttpCallerTest, SendsExactlyWhatWasAskedFor) {
  std::string seen;
  Backend backend([&](Backend::Connection& connection, const std::string& request) {
    seen = request;
    return connection.respond(200, "fine");
  });
  auto what = call_of(backend.url("/hook?a=b"));
  what.headers = {{"Content-Type", "application/json"}, {"X-Pusher-Key", "k"}, {"X-Empty", ""}};
  what.body = std::string(3'000, 'x') + std::string("\0y", 2);  // long enough for an Expect of curl's own
  const auto answer = call(what);
  EXPECT_EQ(answer.failure, "");
  EXPECT_TRUE(answer.succeeded());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "fine");
  EXPECT_GT(answer.took.count(), 0);
  EXPECT_TRUE(seen.starts_with("POST /hook?a=b HTTP/1.1\r\n")) << seen;
  EXPECT_NE(seen.find("\r\nContent-Type: application/json\r\n"), std::string::npos);
  EXPECT_NE(seen.find("\r\nX-Pusher-Key: k\r\n"), std::string::npos);
  EXPECT_NE(seen.find("\r\nX-Empty:\r\n"), std::string::npos);
  EXPECT_EQ(seen.find("Expect"), std::string::npos);
  EXPECT_TRUE(seen.ends_with("\r\n\r\n" + what.body));
  EXPECT_EQ(counted("webhook", "2xx"), 1);
}

TEST_F(HttpCallerTest, OtherMethodsWork) {
  std::vector<std::string> lines;
  Backend backend([&](Backend::Connection& connection, const std::string& request) {
    lines.push_back(request.substr(0, request.find(" HTTP")) + " " + request.substr(request.find("\r\n\r\n") + 4));
    return connection.respond(204, "");
  });
  HttpCaller caller(config, clock, metrics);
  int number = 0;
  for (const auto* method : {"GET", "PUT", "DELETE"}) {
    auto what = call_of(backend.url());
    what.method = method;
    if (what.method == "PUT") what.body = "body";
    caller.call(what, answers.keep(number));
    EXPECT_EQ(answers.get(number++).status, 204);
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"GET /hook ", "PUT /hook body", "DELETE /hook "}));
}

TEST_F(HttpCallerTest, ConnectionsAreUsedAgain) {
  Backend backend([](Backend::Connection& connection, const std::string&) { return connection.respond(200, "ok"); });
  HttpCaller caller(config, clock, metrics);
  for (int i = 0; i < 20; ++i) {
    caller.call(call_of(backend.url()), answers.keep(i));
    EXPECT_EQ(answers.get(i).status, 200);
  }
  EXPECT_EQ(backend.connections, 1);
}

TEST_F(HttpCallerTest, AConnectionThatTheServerClosedMeanwhileIsNotAFailure) {
  Backend backend([](Backend::Connection& connection, const std::string&) {
    connection.respond(200, "ok");  // keep-alive, as far as the client can tell
    return false;
  });
  HttpCaller caller(config, clock, metrics);
  for (int i = 0; i < 20; ++i) {
    caller.call(call_of(backend.url()), answers.keep(i));
    EXPECT_EQ(answers.get(i).failure, "");
  }
}

TEST_F(HttpCallerTest, ErrorsOfTheApplicationAreAnswers) {
  Backend backend([](Backend::Connection& connection, const std::string&) {
    return connection.respond(503, "later", "Retry-After: 17\r\n");
  });
  const auto answer = call(call_of(backend.url(), "auth:shop"));
  EXPECT_EQ(answer.failure, "");
  EXPECT_FALSE(answer.succeeded());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "later");
  EXPECT_EQ(answer.retry_after, "17");
  EXPECT_EQ(counted("auth", "5xx"), 1);
}

TEST_F(HttpCallerTest, RedirectsAreNotFollowed) {
  std::atomic<int> requests{0};
  Backend backend([&](Backend::Connection& connection, const std::string&) {
    ++requests;
    return connection.respond(302, "", "Location: /elsewhere\r\n");
  });
  EXPECT_EQ(call(call_of(backend.url())).status, 302);
  EXPECT_EQ(requests, 1);
}

TEST_F(HttpCallerTest, AServerThatClosesEarlyIsAFailure) {
  Backend backend([](Backend::Connection& connection, const std::string& request) {
    if (request.find("/half") != std::string::npos) {
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    }
    return false;
  });
  HttpCaller caller(config, clock, metrics);
  caller.call(call_of(backend.url("/nothing")), answers.keep(0));
  caller.call(call_of(backend.url("/half")), answers.keep(1));
  for (const int number : {0, 1}) {
    const auto answer = answers.get(number);
    EXPECT_NE(answer.failure, "");
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(answer.body, "");
  }
  EXPECT_EQ(counted("webhook", "broken"), 2);
}

TEST_F(HttpCallerTest, AServerThatTalksNonsenseIsAFailure) {
  Backend backend([](Backend::Connection& connection, const std::string&) {
    connection.write("220 mail.example.com ESMTP\r\n");
    return false;
  });
  EXPECT_NE(call(call_of(backend.url())).failure, "");
}

TEST_F(HttpCallerTest, AServerThatNeverAnswersTimesOut) {
  Backend backend([](Backend::Connection& connection, const std::string&) {
    connection.wait_for_end();
    return false;
  });
  auto what = call_of(backend.url());
  what.timeout = 200ms;
  const auto answer = call(what);
  EXPECT_EQ(answer.failure, "no answer within 200 ms");
  EXPECT_GE(answer.took, 200ms);
  EXPECT_EQ(counted("webhook", "timeout"), 1);
}

TEST_F(HttpCallerTest, ABodyThatTricklesTimesOutToo) {
  Backend backend([](Backend::Connection& connection, const std::string&) {
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nslow");
    connection.wait_for_end();
    return false;
  });
  auto what = call_of(backend.url());
  what.timeout = 200ms;
  const auto answer = call(what);
  EXPECT_EQ(answer.failure, "no answer within 200 ms");
  EXPECT_EQ(answer.body, "");
}

TEST_F(HttpCallerTest, TheAnswersSizeIsBounded) {
  Backend backend([](Backend::Connection& connection, const std::string& request) {
    if (request.find("/endless") != std::string::npos) {
      connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      const auto chunk = fmt::format("1000\r\n{}\r\n", std::string(0x1000, 'x'));
      while (connection.write(chunk)) {}
      return false;
    }
    return connection.respond(200, std::string(request.find("/fits") != std::string::npos ? 1'000 : 1'001, 'x'));
  });
  HttpCaller caller(config, clock, metrics);
  int number = 0;
  for (const auto* target : {"/fits", "/more", "/endless"}) {
    auto what = call_of(backend.url(target));
    what.answer_bytes_max = 1'000;
    caller.call(what, answers.keep(number++));
  }
  EXPECT_EQ(answers.get(0).body.size(), 1'000U);
  EXPECT_EQ(answers.get(1).failure, "answer too large: more than 1000 bytes");
  EXPECT_EQ(answers.get(2).failure, "answer too large: more than 1000 bytes");
  EXPECT_EQ(answers.get(2).body, "");
}

TEST_F(HttpCallerTest, ARefusedConnectionIsAFailure) {
  std::string url;
  {
    const Backend gone([](Backend::Connection&, const std::string&) { return false; });
    url = gone.url();
  }
  EXPECT_NE(call(call_of(url)).failure.find("connect"), std::string::npos);
  EXPECT_EQ(counted("webhook", "unreachable"), 1);
}

TEST_F(HttpCallerTest, AHostThatCannotBeResolvedIsAFailure) {
  // A label of 64 characters is no name: no resolver is asked.
  const auto answer = call(call_of("http://" + std::string(64, 'a') + ".invalid/"));
  EXPECT_NE(answer.failure.find("resolve"), std::string::npos) << answer.failure;
  EXPECT_EQ(counted("webhook", "unreachable"), 1);
}

TEST_F(HttpCallerTest, CertificatesAreVerified) {
  const auto files = make_certificate("caller");
  Server server([&](FrontEndConfig& front_end, Settings&) { serve_with(files, front_end); });
  const auto call_it = [&](std::string ca_file, std::string url) {
    config.ca_file = std::move(ca_file);
    HttpCaller caller(config, clock, metrics);
    Answers own;
    caller.call(call_of(std::move(url)), own.keep());
    auto answer = own.get();
    caller.stop();
    return answer;
  };
  EXPECT_EQ(call_it(files.certificate_file, server.url("https", "/hello")).failure, "");
  const auto strange = call_it(make_certificate("other").certificate_file, server.url("https", "/hello"));
  EXPECT_NE(strange.failure.find("certificate"), std::string::npos) << strange.failure;
  const auto elsewhere =
      call_it(files.certificate_file, fmt::format("https://localhost:{}/hello", server.front_end->port()));
  EXPECT_NE(elsewhere.failure.find("localhost"), std::string::npos) << elsewhere.failure;
  EXPECT_EQ(counted("webhook", "tls"), 2);
}

TEST_F(HttpCallerTest, ACallMayTrustSomebodyElse) {
  const auto files = make_certificate("caller");
  Server server([&](FrontEndConfig& front_end, Settings&) { serve_with(files, front_end); });
  HttpCaller caller(config, clock, metrics);
  auto trusting = call_of(server.url("https", "/hello"));
  trusting.ca_file = files.certificate_file;
  caller.call(trusting, answers.keep(0));
  EXPECT_EQ(answers.get(0).failure, "");
  // On the connection that is open now it would succeed.
  caller.call(call_of(server.url("https", "/hello")), answers.keep(1));
  EXPECT_NE(answers.get(1).failure.find("certificate"), std::string::npos) << answers.get(1).failure;
}

TEST_F(HttpCallerTest, OnlyAllowedHostsAreCalled) {
  Backend backend([](Backend::Connection& connection, const std::string&) { return connection.respond(200, "ok"); });
  config.allowed_hosts = {"hooks.example.com"};
  HttpCaller caller(config, clock, metrics);
  caller.call(call_of(backend.url()), answers.keep(0));
  EXPECT_EQ(answers.get(0).failure, "host not allowed: 127.0.0.1");
  EXPECT_EQ(backend.connections, 0);
  caller.allow_hosts({"hooks.example.com", fmt::format("127.0.0.1:{}", backend.port())});
  caller.call(call_of(backend.url()), answers.keep(1));
  EXPECT_EQ(answers.get(1).status, 200);
}

TEST_F(HttpCallerTest, CallsThatMakeNoSenseFail) {
  HttpCaller caller(config, clock, metrics);
  caller.call(call_of("ftp://127.0.0.1/"), answers.keep(0));
  caller.call(call_of("file:///etc/passwd"), answers.keep(1));
  caller.call(call_of("no url"), answers.keep(2));
  for (const int number : {0, 1, 2}) EXPECT_EQ(answers.get(number).failure, "not an http or https URL");
  auto what = call_of("http://127.0.0.1/");
  what.headers = {{"X-Split", "a\r\nX-Injected: 1"}};
  caller.call(what, answers.keep(3));
  EXPECT_EQ(answers.get(3).failure, "a header holds a line break");
}

TEST_F(HttpCallerTest, AThousandCallsOfALaneStartInOrderFourAtATime) {
  constexpr int kCalls = 1'000;
  constexpr int kLane = 4;
  std::mutex mutex;
  std::condition_variable full;
  int inside = 0;
  int most = 0;
  std::vector<int> order;
  Backend backend([&](Backend::Connection& connection, const std::string& request) {
    {
      std::unique_lock lock(mutex);
      order.push_back(std::atoi(request.substr(request.find("\r\n\r\n") + 4).c_str()));
      most = std::max(most, ++inside);
      full.notify_all();
      // The first ones stay until the lane is full.
      full.wait_for(lock, 20s, [&] { return most >= kLane; });
      --inside;
    }
    return connection.respond(200, "ok");
  });
  HttpCaller caller(config, clock, metrics);
  for (int i = 0; i < kCalls; ++i) {
    auto what = call_of(backend.url());
    what.body = std::to_string(i);
    caller.call(std::move(what), answers.keep(i));
  }
  ASSERT_TRUE(answers.wait_for(kCalls));
  for (int i = 0; i < kCalls; ++i) EXPECT_EQ(answers.get(i).failure, "");
  EXPECT_EQ(most, kLane);
  EXPECT_LE(backend.connections, kLane);
  ASSERT_EQ(order.size(), static_cast<std::size_t>(kCalls));
  // When a call starts, at most three of those before it are still on their way.
  for (int place = 0; place < kCalls; ++place) EXPECT_LE(order[static_cast<std::size_t>(place)], place + kLane - 1);
  EXPECT_EQ(metrics.calls_waiting.value(), 0);
  EXPECT_EQ(metrics.calls_in_flight.value(), 0);
}

TEST_F(HttpCallerTest, ALaneOfOneKeepsOrderAndOthersDoNotWaitForIt) {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  std::vector<std::string> order;
  Backend backend([&](Backend::Connection& connection, const std::string& request) {
    if (request.find("/slow") != std::string::npos) {
      std::unique_lock lock(mutex);
      order.push_back(request.substr(request.find("\r\n\r\n") + 4));
      changed.wait_for(lock, 20s, [&] { return open; });
    }
    return connection.respond(200, "ok");
  });
  HttpCaller caller(config, clock, metrics);
  std::vector<std::string> wanted;
  for (int i = 0; i < 50; ++i) {
    auto what = call_of(backend.url("/slow"));
    what.lane_concurrency_max = 1;
    what.body = std::to_string(i);
    wanted.push_back(what.body);
    caller.call(std::move(what), answers.keep(i));
  }
  caller.call(call_of(backend.url("/quick"), "auth:shop"), answers.keep(50));
  EXPECT_EQ(answers.get(50).status, 200);
  EXPECT_EQ(answers.count(), 1U);
  {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  ASSERT_TRUE(answers.wait_for(51));
  EXPECT_EQ(order, wanted);
}

TEST_F(HttpCallerTest, ACrowdOfOneLaneCostsAnotherClientATurnAndNotItsWholeLine) {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  std::vector<std::string> order;
  Backend backend([&](Backend::Connection& connection, const std::string& request) {
    std::unique_lock lock(mutex);
    order.push_back(request.substr(request.find("\r\n\r\n") + 4));
    changed.notify_all();
    changed.wait_for(lock, 20s, [&] { return open; });
    lock.unlock();
    return connection.respond(200, "ok");
  });
  HttpCaller caller(config, clock, metrics);
  int number = 0;
  const auto ask = [&](const std::string& address, std::uint64_t connection, const std::string& body) {
    auto what = call_of(backend.url(), "auth:shop");
    what.lane_concurrency_max = 1;
    what.address = address;
    what.connection = connection;
    what.body = body;
    caller.call(std::move(what), answers.keep(number++));
  };
  for (int i = 0; i < 300; ++i) ask("a", static_cast<std::uint64_t>(i % 30), "crowd");
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, 20s, [&] { return !order.empty(); }));
  }
  ask("a", 99, "beside");
  ask("b", 1, "elsewhere");
  // One call after another has been accepted by the calls thread when a third lane's answer came.
  ask("", 0, "crowd");
  auto fence = call_of(backend.url(), "fence:x");
  fence.timeout = 1ms;
  caller.call(std::move(fence), answers.keep(number));
  EXPECT_NE(answers.get(number).failure, "");
  {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  ASSERT_TRUE(answers.wait_for(static_cast<std::size_t>(number) + 1));
  const auto place = [&](const std::string& body) {
    return std::find(order.begin(), order.end(), body) - order.begin();
  };
  EXPECT_LE(place("elsewhere"), 4) << "addresses take turns";
  EXPECT_LE(place("beside"), 40) << "and so do the connections of one";
}

TEST_F(HttpCallerTest, TheWaitInLineCountsForTheTimeout) {
  Backend backend([](Backend::Connection& connection, const std::string&) {
    connection.wait_for_end();
    return false;
  });
  config.lane_concurrency_max = 1;
  HttpCaller caller(config, clock, metrics);
  caller.call(call_of(backend.url()), answers.keep(0));  // 20 s
  auto second = call_of(backend.url());
  second.timeout = 100ms;
  caller.call(second, answers.keep(1));
  EXPECT_EQ(answers.get(1).failure, "no answer within 100 ms, all of them in line");
  EXPECT_EQ(answers.count(), 1U);
}

TEST_F(HttpCallerTest, TooManyCallsAreRefusedAtOnce) {
  Backend backend([](Backend::Connection& connection, const std::string&) {
    connection.wait_for_end();
    return false;
  });
  config.waiting_max = 10;
  HttpCaller caller(config, clock, metrics);
  for (int i = 0; i < 10; ++i) caller.call(call_of(backend.url()), answers.keep(i));
  bool refused = false;
  caller.call(call_of(backend.url()), [&](const Answer& answer) {
    refused = true;  // before call() returns
    EXPECT_EQ(answer.failure, "too many calls waiting");
  });
  EXPECT_TRUE(refused);
  EXPECT_EQ(answers.count(), 0U);
  EXPECT_EQ(counted("webhook", "refused"), 1);
  EXPECT_EQ(metrics.calls_waiting.value() + metrics.calls_in_flight.value(), 10);
}

TEST_F(HttpCallerTest, AnswersMakeRoomForMoreCalls) {
  Backend backend([](Backend::Connection& connection, const std::string&) { return connection.respond(200, "ok"); });
  config.waiting_max = 1;
  HttpCaller caller(config, clock, metrics);
  for (int i = 0; i < 5; ++i) {
    caller.call(call_of(backend.url()), answers.keep(i));
    EXPECT_EQ(answers.get(i).failure, "");
  }
  EXPECT_NE(answers.thread(), std::this_thread::get_id());
}

TEST_F(HttpCallerTest, ACallMayBeMadeFromWithinAnAnswer) {
  Backend backend([](Backend::Connection& connection, const std::string&) { return connection.respond(200, "ok"); });
  HttpCaller caller(config, clock, metrics);
  caller.call(call_of(backend.url()), [&](const Answer&) { caller.call(call_of(backend.url()), answers.keep()); });
  EXPECT_EQ(answers.get().status, 200);
}

TEST_F(HttpCallerTest, StoppingAbortsWhatIsInFlightAndCallsNobody) {
  std::mutex mutex;
  std::condition_variable came;
  int arrived = 0;
  Backend backend([&](Backend::Connection& connection, const std::string&) {
    {
      const std::lock_guard lock(mutex);
      ++arrived;
      came.notify_all();
    }
    connection.wait_for_end();
    return false;
  });
  std::atomic<int> done{0};
  HttpCaller caller(config, clock, metrics);
  for (int i = 0; i < 100; ++i) caller.call(call_of(backend.url()), [&](const Answer&) { ++done; });
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(came.wait_for(lock, 20s, [&] { return arrived == 4; }));
  }
  const auto before = clock.now();
  caller.stop();
  EXPECT_LT(clock.now() - before, 10s);  // far less than the calls' timeout
  EXPECT_EQ(counted("webhook", "aborted"), 100);
  caller.call(call_of(backend.url()), [&](const Answer&) { ++done; });
  caller.stop();  // again
  EXPECT_EQ(done, 0);
  EXPECT_EQ(metrics.calls_waiting.value(), 0);
  EXPECT_EQ(metrics.calls_in_flight.value(), 0);
}

TEST(HostAllowed, TellsHostsApart) {
  const std::vector<std::string> patterns{"hooks.example.com", "*.Shop.example", "local.test:8080", "[::1]:9000",
                                          "[fe80::1]"};
  for (const auto* url : {"https://hooks.example.com/x", "http://HOOKS.example.com:81", "https://a.shop.example/",
                          "https://a.b.SHOP.example/?q", "http://local.test:8080/", "http://[::1]:9000/",
                          "http://[fe80::1]:1/", "https://user:pass@hooks.example.com/"}) {
    EXPECT_TRUE(host_allowed(patterns, url)) << url;
  }
  for (const auto* url :
       {"https://example.com/", "https://evil-hooks.example.com/", "https://hooks.example.com.evil.test/",
        "https://shop.example/", "https://evilshop.example/", "http://local.test/", "http://local.test:80801/",
        "http://[::1]/", "http://[::2]:9000/", "https://hooks.example.com@evil.test/",
        "https://evil.test/hooks.example.com", "https://evil.test#@hooks.example.com",
        "https://evil.test\\@hooks.example.com/", "ftp://hooks.example.com/", "hooks.example.com", "", "https://",
        "http://hooks.example.com\r\n/"}) {
    EXPECT_FALSE(host_allowed(patterns, url)) << url;
  }
}

TEST(HostAllowed, DefaultPortsCount) {
  EXPECT_TRUE(host_allowed({"a.test:443"}, "https://a.test/"));
  EXPECT_TRUE(host_allowed({"a.test:80"}, "http://a.test/"));
  EXPECT_FALSE(host_allowed({"a.test:443"}, "http://a.test/"));
  EXPECT_TRUE(host_allowed({"*.test:443"}, "https://b.test/"));
  EXPECT_FALSE(host_allowed({"*.test:443"}, "http://b.test/"));
}

TEST(HostAllowed, NoPatternsAllowEveryHostButNotEveryUrl) {
  EXPECT_TRUE(host_allowed({}, "https://anything.test/"));
  EXPECT_FALSE(host_allowed({}, "file:///etc/passwd"));
  EXPECT_FALSE(host_allowed({}, "gopher://anything.test/"));
  EXPECT_FALSE(host_allowed({}, std::string_view("https://a.test/\0b", 17)));
}

}  // namespace
}  // namespace parley::net::test
